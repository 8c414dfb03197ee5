# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own checks before a commit home (``asr_verify``): what is meant, and whose they are. Pure.

A mapping from machines to checks. What is misspelt would silently not be checked before an Azure VM is deleted, so every
word is known or refused.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import (
    Named,
    fold,
    names_nothing,
    same,
    stripped,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.inside_script import ADDRESS, ROOM_MB
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import ALL

#: Word of each check -> what it takes.
CHECKS: Mapping[str, str] = {
    "tcp": "a port, or a list of ports",
    "http": "a URL or a path, or a mapping with url or path, and port, scheme, status, text, validate_certs",
    "ping": "true",
    "connection": "ssh or winrm, or true for the connection that the inventory gives the machine",
    "tasks": "a task file",
    "reaches": "servers, an address with its port such as 10.1.2.3:443, or a list of these",
    "room": "true, or the MB that are needed",
}

#: Checks that need no value, and those that the machine makes itself: of what it finds, a rule decides (proofs/guest_look.py).
_BARE = ("ping", "connection", "reaches", "room")
FROM_INSIDE = ("reaches", "room")

#: What ``reaches`` calls the servers that a reprotect to Azure goes through.
SERVERS = "servers"

#: What an HTTP check may hold, beside where it goes.
_HTTP = ("url", "path", "port", "scheme", "status", "text", "validate_certs")

Row = Mapping[str, Any]
Check = dict[str, Any]


def read(value: Any) -> dict[str, list[Check]]:
    """The checks by key, each as ``{"check": word, ...}``. Raises InputError for what is no check."""
    if not value:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(
            f"asr_verify is {value!r}, not a mapping", "Give machines, patterns or groups, each with its checks."
        )
    found: dict[str, list[Check]] = {}
    for key, given in value.items():
        if not isinstance(key, str) or not stripped(key):
            raise _wrong(f"asr_verify has the key {key!r}, which is not a name", "Put the name in quotes.")
        listed = given if isinstance(given, (list, tuple)) else [given]
        checks = [check for entry in listed for check in _checks(key, entry)]
        if not checks:
            raise _wrong(f"asr_verify names no check for {key!r}", f"Give at least one of {', '.join(CHECKS)}.")
        found[key] = checks
    return found


def files(checks: Mapping[str, Sequence[Check]]) -> list[str]:
    """The task files that are named."""
    return [str(check["file"]) for listed in checks.values() for check in listed if check["check"] == "tasks"]


def unmatched(keys: Iterable[str], machines: Sequence[Row]) -> list[str]:
    """The keys that mean none of the machines."""
    named, grouped = _indexes(machines)
    return [key for key in keys if not _meant(key, machines, named, grouped)]


def no_match(variable: str, keys: Sequence[str], machines: Sequence[Row]) -> InputError:
    """The refusal of keys that mean nobody: what they were for would not be checked, or checked elsewhere."""
    there = list(dict.fromkeys(str(m.get("name")) for m in machines))
    near = difflib.get_close_matches(keys[0], there, n=1, cutoff=0.6)
    listed = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    return InputError(
        "verify_no_match",
        f"{variable} names {', '.join(map(repr, keys))}, which matches no machine and no consistency group.",
        f"{f'Did you mean {near[0]}? ' if near else ''}Correct or remove it; the machines are {listed}.",
    )


def not_of_this_run(variable: str, keys: Sequence[str]) -> str:
    """What is said of keys that mean machines which this run does not select: nothing is done for them."""
    some = ", ".join(keys[:20]) + (f" and {len(keys) - 20} more" if len(keys) > 20 else "")
    return f"{variable} also names {some}, which no selected machine matches."


def strangers(
    given: Mapping[str, Iterable[str]], machines: Sequence[Row], all_machines: Callable[[], Sequence[Row]] | None
) -> list[str]:
    """Notes on keys, by variable, that mean no machine of this run. ``all_machines`` reads all machines of the vaults, because a mapping
    may be in an inventory for every run; None where other vaults are hosts of the run as well, whose machines a key may mean.

    Raises InputError for a key that means nobody in the vaults.
    """
    found = {variable: left for variable, keys in given.items() if (left := unmatched(keys, machines))}
    if found and all_machines is not None:
        there = all_machines()
        for variable, keys in found.items():
            if left := unmatched(keys, [*machines, *there]):
                raise no_match(variable, left, there or machines)
    return [not_of_this_run(variable, keys) for variable, keys in found.items()]


def by_machine(checks: Mapping[str, Sequence[Check]], machines: Sequence[Row]) -> dict[str, list[Check]]:
    """Checks by the id of the replicated item: all whose key means the machine, in the order given, each once."""
    named, grouped = _indexes(machines)
    found: dict[str, list[Check]] = {}
    for key, listed in checks.items():
        for machine in _meant(key, machines, named, grouped):
            mine = found.setdefault(_id(machine), [])
            mine += [check for check in listed if check not in mine]
    return found


def addresses(value: Any, machines: Sequence[Row]) -> dict[str, str]:
    """Addresses by the id of the replicated item. Keys are those of the checks, a machine's own name before a group or a pattern.

    Raises InputError for an address that is no text, and where a key would give several machines one address: what answers there
    would prove all of them.
    """
    if value and not isinstance(value, Mapping):
        raise _wrong(
            f"asr_verify_addresses is {value!r}, not a mapping",
            "Give machines, each with an IP address or a host name.",
        )
    named, grouped = _indexes(machines)
    own: dict[str, dict[str, str]] = {}
    other: dict[str, dict[str, str]] = {}
    for key, address in (value or {}).items():
        if not isinstance(key, str) or not stripped(key):
            raise _wrong(f"asr_verify_addresses has the key {key!r}, which is not a name", "Put the name in quotes.")
        if not isinstance(address, str) or not stripped(address):
            raise _wrong(
                f"asr_verify_addresses gives {key!r} the address {address!r}", "Give an IP address or a host name."
            )
        meant = {_id(machine): str(machine.get("name")) for machine in _meant(key, machines, named, grouped)}
        if len(meant) > 1:
            names = sorted(set(meant.values()))
            listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            raise _wrong(
                f"asr_verify_addresses gives {len(meant)} machines the one address {stripped(address)} ({key!r} means {listed})",
                "Give each machine its own address, by its name or by the id of its replicated item.",
            )
        kept = own if named.exact(key) else other
        for item_id in meant:
            kept.setdefault(item_id, {})[key] = stripped(address)
    found: dict[str, str] = {}
    for item_id, mine in {**other, **own}.items():
        if len(set(mine.values())) > 1:
            told = " and ".join(f"{address} ({key!r})" for key, address in mine.items())
            raise _wrong(f"asr_verify_addresses gives one machine the addresses {told}", "Keep one of them.")
        found[item_id] = next(iter(mine.values()))
    return found


# -- reading ---------------------------------------------------------------------------------------------------------


def _checks(key: str, entry: Any) -> list[Check]:
    if isinstance(entry, str) and stripped(entry) in _BARE:
        entry = {stripped(entry): True}
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise _wrong(
            f"asr_verify has {entry!r} for {key!r}, which is not a check",
            f"A check is one of {', '.join(CHECKS)} with its value, such as tcp: 443.",
        )
    ((word, value),) = entry.items()
    if word not in CHECKS:
        near = difflib.get_close_matches(str(word), CHECKS, n=1)
        raise _wrong(
            f"asr_verify has the check {word!r} for {key!r}, and there is no such check",
            f"{f'Did you mean {near[0]}? ' if near else ''}The checks are {', '.join(CHECKS)}.",
        )
    if word == "tcp":
        ports = value if isinstance(value, (list, tuple)) else [value]
        if not ports:
            raise _wrong(f"asr_verify gives tcp no port for {key!r}", "Give one, such as tcp: 443.")
        return [{"check": "tcp", "port": _port(key, "tcp", port)} for port in ports]
    if word == "http":
        return [_http(key, value)]
    if word == "tasks":
        paths = value if isinstance(value, (list, tuple)) else [value]
        if not paths or not all(isinstance(path, str) and stripped(path) for path in paths):
            raise _wrong(f"asr_verify gives tasks {value!r} for {key!r}", "Give the name of a task file.")
        return [{"check": "tasks", "file": stripped(path)} for path in paths]
    if word == "reaches":
        return [_reaches(key, value)]
    if word == "room":
        if value is True:
            return [{"check": "room", "mb": ROOM_MB}]
        if not _whole(value) or int(value) < 1:
            raise _wrong(
                f"asr_verify gives room {value!r} for {key!r}", "Give the MB that are needed, or true for 500."
            )
        return [{"check": "room", "mb": int(value)}]
    if word == "ping":
        if value is not True:
            raise _wrong(f"asr_verify gives ping {value!r} for {key!r}", "Write ping: true, or leave it out.")
        return [{"check": "ping"}]
    if value is not True and value not in ("ssh", "winrm"):
        raise _wrong(f"asr_verify gives connection {value!r} for {key!r}", f"It takes {CHECKS['connection']}.")
    return [{"check": "connection", "by": "" if value is True else value}]


def _http(key: str, value: Any) -> Check:
    given = {"url" if "://" in value else "path": value} if isinstance(value, str) and stripped(value) else value
    if not isinstance(given, Mapping) or not given:
        raise _wrong(f"asr_verify gives http {value!r} for {key!r}", f"It takes {CHECKS['http']}.")
    strange = [str(word) for word in given if word not in _HTTP]
    if strange:
        near = difflib.get_close_matches(strange[0], _HTTP, n=1)
        raise _wrong(
            f"asr_verify has {', '.join(strange)} in the http check of {key!r}",
            f"{f'Did you mean {near[0]}? ' if near else ''}It takes {', '.join(_HTTP)}.",
        )
    if "url" in given and any(word in given for word in ("path", "port", "scheme")):
        raise _wrong(
            f"asr_verify gives the http check of {key!r} a url and its parts as well", "Give url alone, or its parts."
        )
    scheme = str(given.get("scheme") or "http").lower()
    url = str(given.get("url") or "")
    if scheme not in ("http", "https") or (url and not url.startswith(("http://", "https://"))):
        raise _wrong(f"asr_verify has the URL {url or scheme!r} for {key!r}", "It begins with http:// or https://.")
    if not url:
        path = "/" + str(given.get("path") or "/").lstrip("/")
        port = f":{_port(key, 'http', given['port'])}" if "port" in given else ""
        url = f"{scheme}://{{address}}{port}{path}"
    listed = given.get("status", 200)
    statuses = list(listed) if isinstance(listed, (list, tuple)) else [listed]
    if not statuses or not all(_whole(status) and 100 <= int(status) <= 599 for status in statuses):
        raise _wrong(
            f"asr_verify expects the HTTP status {listed!r} for {key!r}", "Give a number from 100 to 599, or a list."
        )
    text = given.get("text", "")
    if not isinstance(text, str):
        raise _wrong(f"asr_verify expects the text {text!r} for {key!r}", "Put it in quotes.")
    certs = given.get("validate_certs", True)
    if not isinstance(certs, bool):
        raise _wrong(f"asr_verify has validate_certs {certs!r} for {key!r}", "Set it to true or false.")
    return {
        "check": "http",
        "url": url,
        "status": [int(status) for status in statuses],
        "text": text,
        "validate_certs": certs,
    }


def _reaches(key: str, value: Any) -> Check:
    """``servers``: whether those of the machine's vault are meant; ``to``: the addresses that are given."""
    listed = value if isinstance(value, (list, tuple)) else [value]
    to = []
    for entry in listed:
        if entry is True or (isinstance(entry, str) and same(entry, SERVERS)):
            continue
        address, _colon, port = stripped(entry).rpartition(":") if isinstance(entry, str) else ("", "", "")
        address = address.removeprefix("[").removesuffix("]")
        if not ADDRESS.fullmatch(address) or not port.isdigit():
            raise _wrong(
                f"asr_verify gives reaches {entry!r} for {key!r}",
                "Give servers for those that the vault knows, or an address with its port, such as 10.1.2.3:443.",
            )
        to.append({"role": "", "name": "", "address": address, "port": _port(key, "reaches", port)})
    if not listed:
        raise _wrong(f"asr_verify gives reaches nothing for {key!r}", f"It takes {CHECKS['reaches']}.")
    return {"check": "reaches", "servers": len(to) < len(listed), "to": to}


def _port(key: str, check: str, value: Any) -> int:
    if not _whole(value) or not 1 <= int(value) <= 65535:
        raise _wrong(f"asr_verify has the {check} port {value!r} for {key!r}", "Give a number from 1 to 65535.")
    return int(value)


def _whole(value: Any) -> bool:
    """Whether a value is a whole number; templates before ansible-core 2.19 give numbers as texts."""
    if isinstance(value, bool):
        return False
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and number == int(number)


def _wrong(what: str, remedy: str) -> InputError:
    return InputError("verify_invalid", f"{what}.", remedy)


# -- whose -----------------------------------------------------------------------------------------------------------


def _id(machine: Row) -> str:
    return str(machine.get("item_id") or "").lower()


def _names(machine: Row) -> tuple[str, ...]:
    item_id = str(machine.get("item_id") or "")
    return str(machine.get("name") or ""), item_id.rpartition("/")[2], item_id


def _indexes(machines: Sequence[Row]) -> tuple[Named[Row], dict[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for machine in machines:
        if machine.get("group"):
            groups.setdefault(fold(stripped(str(machine["group"]))), []).append(machine)
    return Named(machines, _names), groups


def _meant(key: str, machines: Sequence[Row], named: Named[Row], grouped: Mapping[str, list[Row]]) -> list[Row]:
    """The machines that a key means: by name or id, else by group, else by pattern, else all."""
    exact = named.exact(key)
    if exact:
        return exact
    group = grouped.get(fold(stripped(key)))
    if group:
        return group
    if same(key, ALL) or names_nothing(key):
        # Checks before a commit are harmless for any machine.
        return list(machines)
    return named.found(key)
