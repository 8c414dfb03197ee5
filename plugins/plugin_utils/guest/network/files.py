# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written back in a guest: with their secrets filled in, and those of storage where that was asked for. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ....module_utils.failback.model.refusal import Refusal
from .record import COMMENTED, Record, effective
from .secrets import MARK, fill, has_secrets, redact
from .survey import File, Network

REPAIRS = ("fstab", "lvm", "multipath")


def filled(file: File, seen: Network) -> File:
    """The file with the secrets that the machine kept; those it has now where nothing was kept."""
    if MARK not in file.text:
        return file
    text = file.text
    for source in (seen.kept, seen.files):
        if file.path in source:
            text = fill(text, source[file.path].text)
    return replace(file, text=text)


def written(file: File) -> dict[str, Any]:
    owner, _dummy, group = file.owner.partition(":")
    return {
        "path": file.path,
        "text": file.text,
        "mode": file.mode.zfill(4),
        "owner": owner,
        "group": group or "root",
        "secret": has_secrets(file.text),
        "link": file.link,
    }


def orders(plan: Mapping[str, Any]) -> Iterator[str]:
    """What ``guest.sh put`` is to do, a line each, in this order. Texts may hold secrets."""
    yield from (f"do directory {path}" for path in plan["directories"])
    for file in plan["write"]:
        if not file["link"]:
            text = b64encode(file["text"].encode("utf-8", "surrogateescape")).decode("ascii")
            yield f"do write {file['mode']} {file['owner']}:{file['group']} {text} {file['path']}"
    yield from (
        f"do link {b64encode(f['link'].encode()).decode('ascii')} {f['path']}" for f in plan["write"] if f["link"]
    )
    yield from (f"do remove {path}" for path in plan["remove"])
    if plan["kept"]:
        yield "do install"


def repairs(
    wanted: Record, seen: Network, options: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, object]]]:
    """Files of storage to write, where that was asked for; and what blocks it."""
    asked = options.get("repair") or []
    files: list[dict[str, Any]] = []
    problems: list[dict[str, object]] = []
    for path, file in wanted.storage.items():
        kind = next(k for k in (*REPAIRS, "fstab") if k in path)
        now = seen.storage.get(path)
        if kind not in asked or (now and effective(path, redact(now.text)) == file.text):
            continue
        kept = seen.kept_storage.get(path)
        if path in COMMENTED:
            if not kept or effective(path, redact(kept.text)) != file.text:
                problems.append(
                    _no_repair(path, f"{path} itself is not kept on the machine", "Restore it by hand from a backup.")
                )
                continue
            file = kept
        else:
            file = filled(file, replace(seen, kept=seen.kept_storage, files=seen.storage))
        if path == "/etc/fstab" and (lost := list(_lost(file.text, seen))):
            problems.append(
                _no_repair(
                    path,
                    f"The recorded /etc/fstab names {', '.join(lost)}, which this machine does not have; it might not start with it",
                    "Correct the record, or add what is missing.",
                )
            )
            continue
        files.append(written(file))
    return files, problems


def _no_repair(path: str, reason: str, remedy: str) -> dict[str, object]:
    word = next(k for k in REPAIRS if k in path)
    return Refusal("no_repair", f"{reason}.", f"{remedy} Or leave {word} out of guest_network_repair.").result()


def _lost(text: str, seen: Network) -> Iterator[str]:
    """Devices of an fstab that the machine must have to start, and does not."""
    for line in text.splitlines():
        words = line.split()
        if (
            len(words) < 4
            or words[0].startswith("#")
            or "nofail" in words[3].split(",")
            or "noauto" in words[3].split(",")
        ):
            continue
        kind, _dummy, value = words[0].partition("=")
        value = value.strip("\"'")
        if kind in ("UUID", "LABEL", "PARTUUID", "PARTLABEL"):
            if value.lower() not in {b.lower() for b in seen.blocks}:
                yield words[0]
        elif words[0].startswith("/dev/mapper/"):
            if words[0].removeprefix("/dev/mapper/") not in seen.mappers:
                yield words[0]
        elif re.match(r"^/dev/[^/]+/[^/]+$", words[0]) and not words[0].startswith("/dev/disk/"):
            if words[0].removeprefix("/dev/") not in seen.mappers:
                yield words[0]
        elif re.match(r"^/dev/[^/]+$", words[0]) and words[0].removeprefix("/dev/") not in seen.blocks:
            yield words[0]
