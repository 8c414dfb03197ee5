# SPDX-License-Identifier: GPL-3.0-or-later
"""A second opinion on every step: what pyVmomi finds in vCenter, whatever the vault says.

``python looks.py MACHINE PLACE`` for clients that are not written in Python; the exit code says whether the machine is there.
"""

from __future__ import annotations

import os
import ssl
import sys
from typing import Any

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

#: What a machine's VM looks like: (powered on, has its disks itself). A lent disk hangs on a server of the site.
PLACES = {"home": (True, True), "off": (False, True), "lent": (False, False)}


class Looks:
    """One session. ``disks`` keeps the files each machine came with: they must be the ones it comes home with."""

    def __init__(self) -> None:
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        self.si: Any = SmartConnect(
            host=os.environ["VMWARE_HOST"],
            port=int(os.environ["VMWARE_PORT"]),
            user=os.environ["VMWARE_USER"],
            pwd=os.environ["VMWARE_PASSWORD"],
            sslContext=context,
        )
        self.files: dict[str, set[str]] = {}

    def close(self) -> None:
        Disconnect(self.si)

    def machines(self) -> dict[str, tuple[bool, set[str]]]:
        """Power and disk files of every VM, by its name."""
        content = self.si.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        kept = vim.PropertyCollector
        traversal = kept.TraversalSpec(name="view", path="view", skip=False, type=type(view))
        wanted = ["name", "runtime.powerState", "config.hardware.device"]
        spec = kept.FilterSpec(
            objectSet=[kept.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
            propSet=[kept.PropertySpec(type=vim.VirtualMachine, pathSet=wanted, all=False)],
        )
        found = {}
        for one in content.propertyCollector.RetrieveContents([spec]):
            seen = {p.name: p.val for p in one.propSet}
            disks = {
                device.backing.fileName
                for device in seen["config.hardware.device"]
                if isinstance(device, vim.vm.device.VirtualDisk)
            }
            found[seen["name"]] = (seen["runtime.powerState"] == "poweredOn", disks)
        view.Destroy()
        return found

    def at(self, name: str, place: str) -> None:
        """AssertionError where the machine is not at that place of :data:`PLACES`."""
        machines = self.machines()
        on, files = machines[name]
        assert (on, bool(files)) == PLACES[place], f"{name}: powered on: {on}, disks: {files}; it should be {place}"
        if place != "lent":
            assert files == self.files.setdefault(name, files), f"{name} has other disks than before: {files}"
        elif name in self.files:
            holders = {other for other, (_on, theirs) in machines.items() if self.files[name] <= theirs}
            assert len(holders) == 1, f"the disks of {name} hang on {holders or 'nothing'}"


if __name__ == "__main__":
    looks = Looks()
    try:
        looks.at(sys.argv[1], sys.argv[2])
    finally:
        looks.close()
