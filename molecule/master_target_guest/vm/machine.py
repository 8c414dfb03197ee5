# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the virtual machine of the scenario, and a web server beside it.

``machine.py start IMAGES FLAVOUR DIRECTORY [ADAPTERS]``, ``machine.py reset DIRECTORY``, ``machine.py stop
DIRECTORY``. The directory holds everything of one run: disks, pid files, the serial console (``console.log``), the
ports (``ports.json``) and what the web server serves (``www``). ADAPTERS is a number of further network adapters,
each in a network of its own (10.0.3.0/24 and on) with DHCP. Seen from the machine the controller is 10.0.2.2. KVM is
used where it truly works, software emulation elsewhere.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

MIB = 1024 * 1024
#: name -> (size in MiB, serial, world wide name, paths). Nothing is written to the sparse files before the machine does.
DISKS = {
    "retention": (1200, "RET0001", "0x5000c50000000001", 1),
    "foreign": (64, "DATA0001", "", 1),
    "lvm": (256, "LVM0001", "", 1),
    "lun": (64, "LUN0001", "0x5000c50000000004", 2),
}
PORTS = ("ssh", "ssh_lvm", "ssh_kernel", "web")
GUEST_PORTS = {"ssh": 22, "ssh_lvm": 2201, "ssh_kernel": 2202}


def accelerator() -> list[str]:
    """KVM only where the processor itself offers it: a device node alone proves nothing."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    if os.access("/dev/kvm", os.W_OK) and {"vmx", "svm"} & set(flags):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "qemu64"]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _dummy in range(count)]
    numbers = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return numbers


def disks(directory: Path) -> list[str]:
    options: list[str] = ["-device", "virtio-scsi-pci,id=path0", "-device", "virtio-scsi-pci,id=path1"]
    for number, (name, (size, serial, wwn, paths)) in enumerate(DISKS.items()):
        file = directory / f"{name}.raw"
        if not file.exists():
            with file.open("wb") as stream:
                stream.truncate(size * MIB)
        for path in range(paths):
            node = f"{name}{path}"
            drive = f"file={file},if=none,id={node},format=raw,cache=writeback,file.locking=off"
            device = f"scsi-hd,bus=path{path}.0,scsi-id={number + 1},drive={node},serial={serial},share-rw=on"
            device += ",vendor=VMware,product=Virtual disk" + (f",wwn={wwn}" if wwn else "")
            options += ["-drive", drive, "-device", device]
    return options


def start(images: Path, flavour: str, directory: Path, adapters: int = 0) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "www").mkdir(exist_ok=True)
    overlay = directory / "root.qcow2"
    base = images / f"{flavour}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay], check=True)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    forwards = ",".join(f"hostfwd=tcp:127.0.0.1:{ports[name]}-:{inside}" for name, inside in GUEST_PORTS.items())
    command = ["qemu-system-x86_64", "-machine", "q35", "-smp", "2", "-m", "1024", *accelerator()]
    command += ["-kernel", str(images / f"{flavour}.vmlinuz"), "-initrd", str(images / f"{flavour}.initrd")]
    command += ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet"]
    command += ["-drive", f"file={overlay},if=virtio,format=qcow2,cache=unsafe", *disks(directory)]
    command += ["-netdev", f"user,id=net0,{forwards}", "-device", "virtio-net-pci,netdev=net0"]
    for number in range(1, adapters + 1):
        command += ["-netdev", f"user,id=net{number},net=10.0.{number + 2}.0/24"]
        command += ["-device", f"virtio-net-pci,netdev=net{number},mac=52:54:00:12:35:0{number}"]
    # As on VMware: asking Azure's metadata service is left out there.
    command += ["-smbios", "type=1,manufacturer=VMware,, Inc.,product=VMware Virtual Platform"]
    command += ["-device", "virtio-rng-pci", "-display", "none", "-serial", f"file:{directory / 'console.log'}"]
    command += ["-monitor", f"unix:{directory / 'monitor'},server=on,wait=off"]
    command += ["-pidfile", str(directory / "qemu.pid"), "-daemonize"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    with (directory / "web.log").open("wb") as log:
        web = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "http.server",
                "--bind",
                "127.0.0.1",
                "--directory",
                directory / "www",
                str(ports["web"]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (directory / "web.pid").write_text(f"{web.pid}\n", encoding="ascii")
    (directory / "passphrase").write_text(secrets.token_hex(8), encoding="ascii")
    (directory / "ports.json").write_text(json.dumps(ports), encoding="ascii")


def reset(directory: Path) -> None:
    """The reset button: nothing is asked, nothing is written back."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(directory / "monitor"))
        monitor.sendall(b"system_reset\n")
        # The monitor answers with its prompt once the command is done.
        monitor.settimeout(10)
        said = b""
        while said.count(b"(qemu)") < 2:
            said += monitor.recv(4096)


def stop(directory: Path) -> None:
    """End what start began, by pid, and only if the pid is still what it was."""
    for file, word in (("qemu.pid", b"qemu-system"), ("web.pid", b"http.server")):
        path = directory / file
        if not path.exists():
            continue
        pid = int(path.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and word in command.read_bytes():
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 20
            while command.exists() and word in command.read_bytes() and time.monotonic() < deadline:
                time.sleep(0.1)
        path.unlink(missing_ok=True)


def main() -> int:
    action, *rest = sys.argv[1:]
    if action == "start":
        start(Path(rest[0]), rest[1], Path(rest[2]), int(rest[3]) if len(rest) > 3 else 0)
    elif action == "reset":
        reset(Path(rest[0]))
    else:
        stop(Path(rest[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
