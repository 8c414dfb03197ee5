# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about a machine's VM in Azure, and the line from its network to on-premises. Pure."""

from __future__ import annotations

from ...lifecycle.table import Position
from ...model.items import Json
from ...proofs.prove import UNSETTLED, power_state, provisioning
from ...wanted.selection import listing
from ..facts.azure_vm import AWAY, IN_AZURE, addresses, network_of, networks_of_gateway
from ..facts.facts import Facts, properties
from ..facts.moments import COMMIT, FAILOVER, MACHINE, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Rule, Said, bad, ok, unknown


def _looked(s: Machine, f: Facts) -> bool:
    return s.position in IN_AZURE and s.there is not None and f.azure is not None


def missing(s: Machine, f: Facts) -> Said | None:
    if s.position not in IN_AZURE:
        return None
    if not _looked(s, f) or s.there is None:
        return unknown(f"The machine's VM in Azure could not be looked up{f.because('azure')}")
    if s.there.machines or s.there.clash or s.there.alike:
        return ok("Its VM is in Azure.")
    return bad(f"Its VM is not in Azure ({s.there.compared}).")


def identity(s: Machine, f: Facts) -> Said | None:
    if not _looked(s, f) or s.there is None:
        return None
    if s.there.clash:
        return bad(f"Its ids contradict each other: {s.there.clash}.")
    if len(s.there.machines) > 1 or (not s.there.machines and s.there.alike):
        some = s.there.machines or s.there.alike
        return bad(f"The ids do not identify its VM in Azure: {listing(str(m.get('id')) for m in some)}.")
    return ok("It is one VM in Azure.") if s.there.machines else None


def running(s: Machine, f: Facts) -> Said | None:
    """Error 78093 (DOC TRB)."""
    if s.position not in AWAY:
        return None
    if s.azure_vm is None:
        return unknown("Whether its VM in Azure runs is not known.")
    power = power_state(s.azure_vm)
    if not power:
        return unknown("Azure does not report whether its VM is running.")
    return ok("Its VM in Azure runs.") if power == "running" else bad(f"Its VM in Azure is {power}.")


def stopped(s: Machine, f: Facts) -> Said | None:
    """Before the commit home: two copies that run at once write to different disks."""
    if s.position is not Position.HOME_UNCOMMITTED:
        return None
    power = power_state(s.azure_vm) if s.azure_vm is not None else ""
    if not power:
        return unknown(f"Whether its VM in Azure is stopped is not known{f.because('azure')}")
    if power in ("stopped", "deallocated"):
        return ok(f"Its VM in Azure is {power}.")
    return bad(f"Its VM in Azure is {power} while the machine runs on-premises.")


def settled(s: Machine, f: Facts) -> Said | None:
    """A VM that is being changed, or whose last change failed, may report a power state that is not true."""
    if s.position is not Position.HOME_UNCOMMITTED or s.azure_vm is None:
        return None
    state = provisioning(s.azure_vm)
    if state in UNSETTLED:
        return bad(f"Azure reports its VM as {state.capitalize()}, so its power state cannot be trusted.")
    return ok("Its VM's state is settled.")


def link(s: Machine, f: Facts) -> Said | None:
    """The gateway of the machine's own network and its connections. A network may be peered with one that has it."""
    if s.position not in AWAY:
        return None
    network = network_of(s.azure_vm, f) if s.azure_vm is not None else None
    if network is None or f.network.gateways is None or f.network.connections is None:
        return unknown(
            f"The connection from the machine's network in Azure to on-premises could not be read{f.because('network')}"
        )
    name = network.rpartition("/")[2]
    gateways = [g for g in f.network.gateways if network in networks_of_gateway(g)]
    if not gateways:
        return unknown(f"The virtual network {name} has no gateway; it may use that of a peered network.")
    ids = {str(g.get("id") or "").lower() for g in gateways}
    lines = [c for c in f.network.connections if _gateway(c) in ids]
    states = {str(c.get("name") or ""): str(properties(c).get("connectionStatus") or "") for c in lines}
    up = [line for line, state in states.items() if state.lower() == "connected"]
    if up:
        return ok(f"{up[0]} is connected.")
    if not lines:
        return bad(f"The gateway of the virtual network {name} has no connection.")
    dark = [line for line, state in states.items() if state.lower() in ("", "unknown")]
    if dark:
        return unknown(f"Azure does not report the state of {listing(dark)}.")
    return bad("; ".join(f"{line} is {state}" for line, state in states.items()) + ".")


def _gateway(connection: Json) -> str:
    return str((properties(connection).get("virtualNetworkGateway1") or {}).get("id") or "").lower()


def kept_address(s: Machine, f: Facts) -> Said | None:
    if s.position is not Position.OUT or s.azure_vm is None:
        return None
    configs = addresses(s.azure_vm, f)
    mine = str(s.details.get("ipAddress") or "")
    if configs is None or not mine:
        return unknown("Whether the machine kept its address in Azure is not known.")
    if mine in {str(c.get("privateIPAddress") or "") for c in configs}:
        return bad(f"It kept its address {mine} in Azure.")
    return ok("It has another address in Azure.")


_VM = "the machine's VM in Azure"

RULES: tuple[Rule, ...] = (
    Rule(
        "azure_vm_missing", "Azure VM is there", MACHINE, REPROTECT | FAILOVER | COMMIT, BLOCK, missing,
        "Azure VMs by resource id, vmId, interface, disk and name",
        "Find out who deleted or moved it. The machine cannot be failed back without it.", "preflight check 10", (10,),
    ),
    Rule(
        "azure_identity", "Machine is one VM in Azure", MACHINE, REPROTECT | FAILOVER | COMMIT, BLOCK, identity,
        "Azure VMs by resource id, vmId, interface, disk and name",
        "Find out which VM it is, and accept this rule with its resource id in the reason.", "preflight check 10", (10,),
    ),
    Rule(
        "azure_vm_running", "Azure VM runs", MACHINE, REPROTECT | FAILOVER, BLOCK, running, f"{_VM}: power state",
        "Start it, wait for its agent, then rerun.", "preflight check 11", (11,),
    ),
    Rule(
        "azure_vm_stopped", "Azure VM is stopped before the commit home", MACHINE, COMMIT, BLOCK, stopped,
        f"{_VM}: power state", "Stop it, and find out who used it since the failover.", "preflight check 64", (64,),
        unknown_blocks=True,
    ),
    Rule(
        "azure_vm_unsettled", "Azure VM's state is settled before the commit home", MACHINE, COMMIT, BLOCK, settled,
        f"{_VM}: provisioningState", "Check the VM in Azure and fix its state.", "preflight check 64", (64,),
    ),
    Rule(
        "network_link", "Network in Azure is connected to on-premises", MACHINE, REPROTECT | FAILOVER, BLOCK, link,
        "interfaces, gateways and connections of the machine's network: connectionStatus",
        "Connect the VPN or ExpressRoute private peering.", "preflight checks 6, 20 and 77", (6, 20, 77),
        ONLY_CLASSIC,
    ),
    Rule(
        "kept_address", "Machine has its own address in Azure", MACHINE, REPROTECT, WARN, kept_address,
        "addresses of its interfaces in Azure, and the item's ipAddress",
        "The configuration server needs two network adapters then, one for each side.", "preflight check 52", (52,),
        ONLY_CLASSIC,
    ),
)  # fmt: skip
