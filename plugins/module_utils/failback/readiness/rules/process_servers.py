# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about process servers. Pure."""

from __future__ import annotations

from ...servers.health import OUTDATED
from ..facts.facts import Facts
from ..facts.moments import BACK, FAILOVER, ONLY_CLASSIC, PROCESS_SERVER, PS, REPROTECT
from ..facts.subjects import Processing
from .rule import BLOCK, WARN, Rule, Said, bad, ok, unknown
from .server_verdicts import coded, updates

#: Shares of free space in a process server's cache (DOC PSMON).
CACHE_WARNS, CACHE_BLOCKS = 0.30, 0.25


def ps_load(s: Processing, _f: Facts) -> Said | None:
    told = [w.sentence() for w in s.verdict.warnings if w.about != OUTDATED]
    return bad(" ".join(told)) if told else ok(f"{s.name} is not overloaded.")


def _cache(s: Processing) -> float | None:
    try:
        whole, free = float(s.told["totalSpaceInBytes"]), float(s.told["availableSpaceInBytes"])
    except (KeyError, TypeError, ValueError):
        return None
    return free / whole if whole > 0 else None


def ps_cache_full(s: Processing, _f: Facts) -> Said | None:
    share = _cache(s)
    if share is None:
        return unknown(f"The vault does not report the free space of the cache of {s.name}.")
    return (
        bad(f"{share:.0%} of the cache of {s.name} is free; replication stops below {CACHE_BLOCKS:.0%}.")
        if share < CACHE_BLOCKS
        else ok(f"{share:.0%} of the cache is free.")
    )


def ps_cache_low(s: Processing, _f: Facts) -> Said | None:
    share = _cache(s)
    if share is None or share < CACHE_BLOCKS:
        return None
    return (
        bad(f"{share:.0%} of the cache of {s.name} is free.")
        if share < CACHE_WARNS
        else ok(f"{share:.0%} of the cache is free.")
    )


def is_configuration_server(s: Processing) -> bool:
    """Whether it is the configuration server's own process server, which is on-premises."""
    if s.azure_vm is not None or s.server is None or s.fabric is None:
        return False
    return s.server.ip == s.fabric.ip or s.name.lower() in (s.fabric.host_name.lower(), s.fabric.friendly_name.lower())


def ps_network(s: Processing, _f: Facts) -> Said | None:
    if s.outward or is_configuration_server(s) or s.networks == frozenset():
        # On-premises, or none of its machines is in Azure yet.
        return None
    if s.own_network is None or s.networks is None:
        return unknown(f"The virtual networks of {s.name} and of the machines could not be compared.")
    if s.networks == {s.own_network}:
        return ok(f"{s.name} is in the machines' virtual network.")
    others = sorted(n.rpartition("/")[2] for n in s.networks - {s.own_network})
    return bad(f"{s.name} is in {s.own_network.rpartition('/')[2]}, machines in {', '.join(others)}.")


def ps_on_premises(s: Processing, _f: Facts) -> Said | None:
    """A process server of the configuration server itself is on-premises; one that Azure shows is not."""
    if s.outward or s.server is None or s.fabric is None:
        return None
    if s.azure_vm is not None:
        return ok(f"{s.name} runs in Azure.")
    if is_configuration_server(s):
        return bad(
            f"{s.name} is the configuration server's own process server, on-premises: data would be sent over the "
            "line without a process server in Azure."
        )
    return ok(f"{s.name} is a separate process server.")


_ROUND = REPROTECT | FAILOVER
_C = ONLY_CLASSIC
_PSREAD = "the process server's entry on its fabric"

RULES: tuple[Rule, ...] = (
    Rule(
        "ps_heartbeat", "Process server is registered and reporting", PS, _ROUND | BACK, BLOCK,
        coded("no_heartbeat", fine="{name} is reporting."), f"{_PSREAD}: lastHeartbeat",
        "Start it and check its connection to the configuration server.", "preflight checks 15 and 69", (15, 69), _C,
    ),
    Rule(
        "ps_service", "Process server's service is running", PS, _ROUND | BACK, BLOCK,
        coded("service_not_running", fine="The service of {name} is running."), f"{_PSREAD}: psServiceStatus",
        "Start its services.", "preflight check 15", (15, 69), _C,
    ),
    Rule(
        "ps_health", "Process server is healthy", PS, _ROUND | BACK, BLOCK,
        coded("unhealthy", fine="{name} is healthy."), f"{_PSREAD}: health", "Fix what the vault reports.",
        "preflight check 15", (15, 69), _C,
    ),
    Rule(
        "ps_supported", "Process server's version is supported", PS, REPROTECT | {PROCESS_SERVER}, BLOCK,
        coded("version_not_supported", fine="The version of {name} is supported."), f"{_PSREAD}: versionStatus",
        "Update it.", "preflight check 18", (18,), _C,
    ),
    Rule(
        "ps_version", "Process server is not newer than the configuration server", PS, REPROTECT | {PROCESS_SERVER},
        BLOCK, coded("version_above_configuration_server", fine="{name} is not newer."),
        f"{_PSREAD} and the fabric: agentVersion", "Update the configuration server first.", "preflight check 18",
        (18,), _C,
    ),
    Rule(
        "ps_outdated", "Process server's version is up to date", PS, REPROTECT | {PROCESS_SERVER}, WARN, updates,
        f"{_PSREAD}: versionStatus", "Update it.", "preflight check 18", (18,), _C,
    ),
    Rule(
        "ps_cache_full", "Process server's cache has room", PS, _ROUND, BLOCK, ps_cache_full,
        f"{_PSREAD}: availableSpaceInBytes of totalSpaceInBytes", "Free up space in its cache or deploy another one.",
        "preflight check 17", (17,), _C,
    ),
    Rule(
        "ps_cache_low", "Process server's cache has space to spare", PS, _ROUND, WARN, ps_cache_low,
        f"{_PSREAD}: availableSpaceInBytes of totalSpaceInBytes", "Free up space in its cache or deploy another one.",
        "preflight check 17", (17,), _C,
    ),
    Rule(
        "ps_load", "Process server is not overloaded", PS, _ROUND, WARN, ps_load,
        f"{_PSREAD}: CPU, memory and space status, health errors", "Give it more resources, or deploy another one.",
        "preflight check 17", (17,), _C,
    ),
    Rule(
        "ps_network", "Process server is in the machines' network", PS, REPROTECT | {PROCESS_SERVER}, WARN,
        ps_network, "network interfaces of Azure VMs", "Deploy one in that virtual network (playbook prepare).",
        "preflight check 16", (16, 82), _C,
    ),
    Rule(
        "ps_on_premises", "On-premises process server is intended", PS, REPROTECT, BLOCK, ps_on_premises,
        f"{_PSREAD} and the fabric: address and name",
        "Deploy one in Azure; with ExpressRoute private peering, accept this rule with that reason.",
        "preflight check 82, section 2.1", (82,), _C,
    ),
)  # fmt: skip
