# SPDX-License-Identifier: GPL-3.0-or-later
"""Recording and restoring the network of a Windows guest. Pure; what it reads is JSON of files/windows_survey.ps1 of the role.

Facts of the domain are from failback-domain.md, section 5: modernized failover does not keep static addresses; VMware Tools are off
during a failover and on again afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ....module_utils.failback.model.refusal import Refusal
from ..sections import SurveyError
from .matching import match, named, no_adapter, strangers
from .record import Record, RecordError, dump, head, load, renewed, same, use
from .survey import AZURE_TAG, Interface, Route


def read(text: str) -> dict[str, Any]:
    """Raises SurveyError for anything but the whole JSON."""
    try:
        seen = json.loads(text)
    except ValueError as e:
        raise SurveyError("the guest survey did not finish") from e
    if not isinstance(seen, dict) or "adapters" not in seen:
        raise SurveyError("the guest survey did not finish")
    return seen


def guest_windows(text: str, action: str, record: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    seen = read(text)
    problems = list(_basics(seen, action))
    found = list(_interfaces(seen))
    if action == "record":
        return _record(seen, found, record, settings, problems)
    try:
        data = load(record, str(settings.get("file", "the record")))
    except RecordError as e:
        return {"problems": [*problems, e.refusal().result()]}
    wanted = use(data)
    problems += strangers(wanted, str(seen.get("hostname", "")), {i.mac for i in found}, settings)
    names, macs, missing = match(wanted, found)
    wanted = named(wanted, names, macs)
    if missing and action == "restore":
        problems.append(no_adapter(missing).result())
    steps = [s for i in wanted.interfaces if (s := _step(i, wanted, found, seen))]
    tools = [u for u, state in wanted.tools.items() if all(state) and _tools(seen).get(u) != state]
    offline = [
        f"disk {d['number']} ({d.get('name', '')}) is offline" for d in seen.get("disks") or [] if d.get("offline")
    ]
    return {
        "problems": problems,
        "differences": [
            *(f"{name}: recorded, and this machine has no adapter left for it" for name in missing),
            *(s["said"] for s in steps),
            *(f"{u}: ran when recorded, does not now" for u in tools),
        ],
        "storage": offline,
        "steps": steps,
        "tools": tools,
        "changed": bool(steps or tools),
        "addresses": {i.name: list(i.addresses) for i in wanted.interfaces},
        "agents": seen.get("agents") or [],
    }


def _basics(seen: Mapping[str, Any], action: str) -> Iterator[dict[str, object]]:
    if action != "compare" and (str(seen.get("tag", "")).strip() == AZURE_TAG or seen.get("azure")):
        yield Refusal(
            "in_azure",
            "This machine runs in Azure.",
            "Run the role when the machine is on-premises again, after the failover.",
        ).result()


def _interfaces(seen: Mapping[str, Any]) -> Iterator[Interface]:
    for a in sorted(seen["adapters"], key=lambda x: int(x.get("index", 0))):
        dhcp = bool(a.get("dhcp"))
        addresses = tuple(sorted(f"{x['ip']}/{x['prefix']}" for x in a.get("addresses") or []))
        mac = str(a.get("mac", "")).replace("-", ":").lower()
        yield Interface(str(a["alias"]), mac, True, () if dhcp else addresses, dhcp, addresses if dhcp else ())


def _tools(seen: Mapping[str, Any]) -> dict[str, tuple[bool, bool]]:
    return {str(t["name"]): (bool(t.get("enabled")), bool(t.get("active"))) for t in seen.get("tools") or []}


def _adapter(seen: Mapping[str, Any], alias: str) -> Mapping[str, Any]:
    return next((a for a in seen["adapters"] if a["alias"] == alias), {})


def _record(
    seen: Mapping[str, Any],
    found: list[Interface],
    before: str,
    settings: Mapping[str, Any],
    problems: list[dict[str, object]],
) -> dict[str, Any]:
    made = {
        **head(settings, str(seen.get("hostname", ""))),
        "system": "windows",
        "hostname": str(seen.get("hostname", "")),
        "replace": {},
        "interfaces": [
            {
                "name": i.name,
                "mac": i.mac,
                "physical": True,
                "addresses": list(i.addresses),
                "dhcp": i.dhcp,
                "dns": list(_adapter(seen, i.name).get("dns") or []),
            }
            for i in found
        ],
        "routes": [
            {"to": "default", "via": str(g), "dev": i.name}
            for i in found
            if not i.dhcp
            for g in _adapter(seen, i.name).get("gateways") or []
        ],
        "tools": {n: {"enabled": s[0], "active": s[1]} for n, s in sorted(_tools(seen).items())},
    }
    result: dict[str, Any] = {"problems": problems, "text": dump(made), "same": False, "renewed": "", "differences": []}
    if before:
        compared = guest_windows(json.dumps(dict(seen)), "compare", before, settings)
        result["problems"] = [*problems, *compared["problems"]]
        result["differences"] = compared.get("differences", [])
        if not compared["problems"]:
            old = load(before)
            result["renewed"] = renewed(before, old, made)
            result["same"] = same(old, made)
    return result


def _step(wanted: Interface, record: Record, found: list[Interface], seen: Mapping[str, Any]) -> dict[str, Any] | None:
    """What New-NetIPAddress and Set-DnsClientServerAddress need for one adapter; None where nothing is to do."""
    now = next((i for i in found if i.name == wanted.name), None)
    if now is None:
        return None
    adapter = _adapter(seen, now.name)
    gateways = [r.via for r in record.routes if r.dev == wanted.name and r.to == "default"]
    dns = list(record.dns.get(wanted.name, ()))
    had = [Route("default", str(g), now.name).via for g in adapter.get("gateways") or []]
    same_address = (wanted.addresses, wanted.dhcp) == (now.addresses, now.dhcp) and (wanted.dhcp or gateways == had)
    same_dns = dns == [str(d) for d in adapter.get("dns") or []] or (wanted.dhcp and not dns)
    if same_address and same_dns:
        return None
    return {
        "alias": wanted.name,
        "dhcp": wanted.dhcp,
        "addresses": [{"ip": a.partition("/")[0], "prefix": int(a.partition("/")[2] or 32)} for a in wanted.addresses],
        "gateway": next(iter(gateways), ""),
        "dns": dns,
        "said": f"{wanted.name}: {_said(wanted, gateways, dns)} recorded, "
        f"{_said(now, had, [str(d) for d in adapter.get('dns') or []])} found",
    }


def _said(interface: Interface, gateways: list[str], dns: list[str]) -> str:
    parts = [*interface.addresses, *(["DHCP"] if interface.dhcp else [])] or ["no address"]
    return f"{', '.join(parts)} (gateway {', '.join(gateways) or 'none'}, DNS {', '.join(dns) or 'none'})"
