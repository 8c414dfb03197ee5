# SPDX-License-Identifier: GPL-3.0-or-later
"""Durable intent on the VM itself: small JSON notes under our own keys in extraConfig.

What must be undone later is written here before it is done, so that a killed run can be finished or undone by the next
one, from any machine. A note carries its version; a note that cannot be read is never overwritten. It also carries which
VM it is for: a clone brings the notes of its source along, and they do not apply to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import pyvmomi

VERSION = 1

EXCLUSION_KEY = "homeward.asr.vmotion_exclusion"
POWER_KEY = "homeward.asr.power"
PLACE_KEY = "homeward.asr.place"


class Unreadable(ValueError):
    """A note that cannot be interpreted: another version, or edited by hand."""


@dataclass(frozen=True)
class NotedVm:
    """Whose notes are read or written: the VM's instance UUID, and that of its vCenter (ids are valid only there)."""

    vm: str = ""
    vcenter: str = ""

    @property
    def marks(self) -> dict[str, str]:
        """As a note carries it."""
        return {k: v for k, v in (("vm", self.vm), ("vcenter", self.vcenter)) if v}


NOBODY = NotedVm()


def read(options: Mapping[str, str], key: str, owner: NotedVm = NOBODY) -> dict[str, Any] | None:
    """The note under ``key``, None where there is none or where it came along from another VM. Raises Unreadable."""
    text = options.get(key, "")
    if not text.strip():
        return None
    try:
        note = json.loads(text)
    except ValueError as exc:
        raise Unreadable(f"it is not JSON ({exc})") from exc
    if not isinstance(note, dict) or note.get("version") != VERSION:
        raise Unreadable(f"it is not version {VERSION}")
    if note.get("vm") and owner.vm and str(note["vm"]).lower() != owner.vm.lower():
        return None
    if note.get("vcenter") and owner.vcenter and str(note["vcenter"]).lower() != owner.vcenter.lower():
        raise Unreadable("it was written in another vCenter, whose ids are not valid here")
    return note


def change(values: Mapping[str, str]) -> Any:
    """A reconfiguration that sets keys of extraConfig; an empty value removes the key."""
    return pyvmomi.vim.vm.ConfigSpec(
        extraConfig=[pyvmomi.vim.option.OptionValue(key=k, value=v) for k, v in values.items()]
    )


def text(note: Mapping[str, Any], owner: NotedVm = NOBODY) -> str:
    """A note as it is stored."""
    return json.dumps({"version": VERSION, **owner.marks, **note}, separators=(",", ":"), sort_keys=True)
