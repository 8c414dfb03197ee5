# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the hosts that machines run on when they are back: discovered, in a cluster, with memory. Pure."""

from __future__ import annotations

from ...model.site_ports import SiteHost
from ..facts.facts import Facts
from ..facts.moments import FAILOVER, MACHINE, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Rule, Said, bad, numbered, ok, unknown


def standalone(s: Machine, f: Facts) -> Said | None:
    if s.recreated is not False or s.vm is None or f.survey is None:
        return None
    host = f.survey.hosts.get(s.vm.host)
    if host is None:
        return unknown("The host of its VM is not known.")
    if not host.cluster:
        return bad(
            f"Its VM is on the standalone host {host.name}: a reprotect may create a new one on the host of the "
            "master target."
        )
    return ok(f"Its host belongs to the cluster {host.cluster}.")


def host_discovered(s: Machine, f: Facts) -> Said | None:
    if not s.recreated or s.gateway is None:
        return None
    if s.gateway.datastores:
        return ok(f"The host of {s.gateway.name} is discovered: its datastores are listed.")
    return bad(f"The host of {s.gateway.name} is not discovered: none of its datastores is listed.")


def _memory(s: Machine, f: Facts) -> tuple[SiteHost, int] | Said:
    """The host that will run the machine, and the MB that it needs."""
    if f.survey is None:
        return unknown("The memory of the host could not be read.")
    vm = s.vm or s.gateway_vm
    host = f.survey.hosts.get(vm.host) if vm is not None else None
    if host is None or host.memory_mb is None:
        return unknown("The memory of the host that will run it is not known.")
    need = s.vm.memory_mb if s.vm is not None else int(s.details.get("sourceVmRamSizeInMB") or 0)
    return (host, need) if need else unknown("The memory of the machine is not known.")


def memory(s: Machine, f: Facts) -> Said | None:
    """Error 8038 (DOC TRB): the host cannot run the machine at all."""
    found = _memory(s, f)
    if isinstance(found, Said):
        return found
    host, need = found
    if need > (host.memory_mb or 0):
        return bad(f"{host.name} has {host.memory_mb} MB of memory, and the machine needs {need} MB.")
    return ok(f"{host.name} has {host.memory_mb} MB.")


def memory_free(s: Machine, f: Facts) -> Said | None:
    """Hosts lend more memory than they have (INFER): what is free now only warns."""
    found = _memory(s, f)
    if isinstance(found, Said):
        return found
    host, need = found
    if host.free_mb is None:
        return unknown(f"The free memory of {host.name} is not known.")
    if need > host.free_mb:
        return bad(f"{host.name} has {host.free_mb} MB of memory free, and the machine needs {need} MB.")
    return ok(f"{host.name} has {host.free_mb} MB free.")


RULES: tuple[Rule, ...] = (
    Rule(
        "standalone_esxi", "Machine's host belongs to a cluster", MACHINE, REPROTECT, WARN, standalone,
        "the host of its VM in vCenter",
        "Wait until the host of the master target is discovered, with a datastore that has enough free space.", numbered((48,)),
        (48,), ONLY_CLASSIC,
    ),
    Rule(
        "host_discovered", "Host for a recreated machine is discovered", MACHINE, REPROTECT, BLOCK, host_discovered,
        "datastores that the master target offers", "Add its host or vCenter, and wait for the discovery.",
        numbered((48,)), (48,),
    ),
    Rule(
        "host_memory", "Host has the machine's memory", MACHINE, FAILOVER, BLOCK, memory,
        "its host in vCenter: memory", "Move the VM to a larger host.", numbered((60,)), (60,),
    ),
    Rule(
        "host_memory_free", "Host has the machine's memory free", MACHINE, FAILOVER, WARN, memory_free,
        "its host in vCenter: memory and what is used", "Free memory there, or move the VM to another host.",
        "preflight check 60 (which blocks; hosts overcommit memory)", (60,),
    ),
)  # fmt: skip
