# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of the script that runs in a guest, run here below a directory: what the survey reads is what is there, and what was planned is
what is written. The whole of it runs on a booted machine (molecule/guest_network)."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from networks import survey

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.files import orders
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.survey import File, read

SCRIPT = Path(__file__).resolve().parents[4] / "roles" / "guest_network" / "files" / "guest.sh"
OWNER = f"{os.getuid()}:{os.getgid()}"


def sh(state: Path, commands: str, given: str) -> str:
    """Run commands with the script's functions, its state below ``state``."""
    functions = SCRIPT.read_text(encoding="utf-8").partition("\ncase ${1:-} in\n")[0]
    functions = functions.replace("S=/var/lib/homeward-asr/network", f"S='{state}'")
    run = subprocess.run(
        ["/bin/sh", "-c", f"{functions}\n{commands}"],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not run.stderr
    return run.stdout


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    texts = {
        "/etc/Home LAN": "address1=10.1.2.3/24\n",
        "/etc/empty": "",
        "/etc/umlaut": "ü\tno newline",
        "/etc/*": "star",
    }
    for path, text in texts.items():
        (tmp_path / path[1:]).write_text(text, encoding="utf-8")
        (tmp_path / path[1:]).chmod(0o600)
    (etc / "link").symlink_to("../run/stub file")
    listed = "".join(f"{path}\n" for path in (*texts, "/etc/link", "/etc/gone"))
    said = sh(tmp_path, f"content '{tmp_path}' 2>/dev/null", listed)
    found = read(survey(files=said)).files
    assert {path: file.text for path, file in found.items()} == {**texts, "/etc/link": ""}
    assert {file.mode for path, file in found.items() if path != "/etc/link"} == {"600"}
    assert found["/etc/link"] == File("/etc/link", link="../run/stub file", mode="777")
    assert read(survey(files=sh(tmp_path, f"content '{tmp_path}'", ""))).files == {}


def test_what_was_planned_is_written(tmp_path: Path) -> None:
    state, etc = tmp_path / "state", tmp_path / "etc"
    state.mkdir()
    etc.mkdir()
    (etc / "resolv.conf").symlink_to("elsewhere")
    (etc / "azure").write_text("DHCP", encoding="utf-8")

    def file(name: str, text: str, mode: str = "0600", link: str = "") -> dict[str, object]:
        owner, _colon, group = OWNER.partition(":")
        return {"path": f"{etc}/{name}", "text": text, "mode": mode, "owner": owner, "group": group, "link": link}

    plan = {
        "directories": [f"{etc}/new/dir"],
        "write": [
            file("new/dir/Home LAN", "psk=ü secret\n"),
            file("empty", "", "0644"),
            # In the place of a link, not through it.
            file("resolv.conf", "nameserver 10.1.0.53\n", "0644"),
            file("localtime", "", link="/usr/share/zone info"),
        ],
        "remove": [f"{etc}/azure"],
        "kept": [],
    }
    lines = "".join(f"{line}\n" for line in ("interface eth0 nm -", *orders(plan)))
    # The timer is systemd's, which is proven on a machine.
    said = sh(state, 'arm() { mkdir -p "$G"; cat >"$G/plan"; }\nput 60', lines)
    assert said.splitlines() == [
        *(f"wrote {etc}/{name}" for name in ("new/dir/Home LAN", "empty", "resolv.conf")),
        f"linked {etc}/localtime",
        f"removed {etc}/azure",
    ]
    secret = etc / "new" / "dir" / "Home LAN"
    assert secret.read_text(encoding="utf-8") == "psk=ü secret\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((etc / "empty").stat().st_mode) == 0o644
    assert not (etc / "resolv.conf").is_symlink()
    assert not (etc / "elsewhere").exists()
    assert os.readlink(etc / "localtime") == "/usr/share/zone info"
    assert sorted(p.name for p in etc.iterdir()) == ["empty", "localtime", "new", "resolv.conf"]
    # The plan that stays on the machine holds no texts of files, and nothing is left of what was handed over.
    assert (state / "guard" / "plan").read_text(encoding="utf-8") == "interface eth0 nm -\n"
    assert sorted(p.name for p in state.iterdir()) == ["guard"]
