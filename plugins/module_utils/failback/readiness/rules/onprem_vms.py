# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about a machine's place on-premises: its VM, its datastores, or the room for a new one. Pure.

Original and alternate location differ in what is allowed (fact sheet, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...lifecycle.bodies import Placement
from ...lifecycle.table import Position
from ...model.identity import Known, site_words
from ...model.site_ports import SiteDatastore
from ...proofs.arrival import disks_gate, tools_gate
from ...wanted.selection import listing
from ..facts.facts import Facts
from ..facts.moments import COMMIT, FAILOVER, MACHINE, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Rule, Said, bad, numbered, ok, unknown


def _stores(s: Machine) -> Sequence[str]:
    """The datastores it will use: its own, or the chosen one."""
    if s.recreated is False:
        return s.home.datastores
    return (s.placed.datastore,) if s.recreated and isinstance(s.placed, Placement) and s.placed.datastore else ()


def _known(s: Machine, f: Facts) -> list[SiteDatastore]:
    if f.survey is None:
        return []
    host = s.gateway_vm.host if s.gateway_vm is not None else ""
    found = (f.survey.mounted_on(host, name) for name in _stores(s))
    return [store for store in found if store is not None]


def identity(s: Machine, f: Facts) -> Said | None:
    if s.recreated and not (s.here and s.here.clash):
        return None
    if f.survey is None or s.here is None:
        return unknown(f"vCenter was not queried about the machine{f.because('survey')}")
    if s.here.clash:
        return bad(f"Its ids contradict each other: {s.here.clash}.")
    if len(s.here.machines) > 1:
        return bad(f"Several VMs have its ids: {listing(m.name for m in s.here.machines)}.")
    return ok("It is one VM in vCenter.") if s.here.machines else None


def reachable(s: Machine, f: Facts) -> Said | None:
    if s.vm is None:
        return None
    return bad(f"The state of its VM is unknown: {s.vm.doubt}.") if s.vm.doubt else ok("vCenter reaches its VM.")


def uuid_enabled(s: Machine, f: Facts) -> Said | None:
    if s.recreated is not False:
        return None
    if s.vm is None:
        return unknown("Whether disk.EnableUUID is TRUE on its VM is not known.")
    return (
        ok("disk.EnableUUID is TRUE.")
        if s.vm.uuid_enabled
        else bad("disk.EnableUUID is not TRUE on its VM: a disk may be failed back as an extra one.")
    )


def snapshot(s: Machine, f: Facts) -> Said | None:
    if s.recreated is not False:
        return None
    if s.vm is None:
        return unknown("Whether its VM has a snapshot is not known.")
    return bad("Its VM has a snapshot, which the reprotect merges.") if s.vm.has_snapshot else ok("It has no snapshot.")


def mounted(s: Machine, f: Facts) -> Said | None:
    """Error 8061 (DOC TRB). An appliance needs to reach the datastore, from whichever host."""
    if s.recreated is not False or s.gateway is None:
        return None
    if not s.home.datastores:
        return unknown("The machine's datastores are not known.")
    if s.gateway.appliance:
        offered = {d.name.casefold() for d in s.gateway.datastores}
        missing = [n for n in s.home.datastores if n.casefold() not in offered]
        if missing:
            return bad(
                f"The appliance {s.gateway.name} does not reach its datastore {listing(missing)}.",
                "Give the appliance's vCenter account access to it.",
            )
        return ok(f"{s.gateway.name} reaches its datastores.")
    if f.survey is None or s.gateway_vm is None:
        return unknown(
            f"Whether the host of {s.gateway.name} mounts its datastore {listing(s.home.datastores)} is not known."
        )
    host = s.gateway_vm.host
    for name in s.home.datastores:
        store = f.survey.mounted_on(host, name)
        mount = store.mounts.get(host) if store is not None else None
        if mount is None:
            return bad(f"The host {host} of {s.gateway.name} does not mount its datastore {name}.")
        if not mount.usable:
            return bad(f"On the host {host} of {s.gateway.name} its datastore {name} is {mount.words}.")
    return ok(f"The host {host} mounts its datastores read-write.")


def available(s: Machine, f: Facts) -> Said | None:
    stores = _known(s, f)
    for store in stores:
        if not store.accessible:
            return bad(f"The datastore {store.name} is not accessible.")
        if store.maintenance != "normal":
            return bad(f"The datastore {store.name} is in maintenance ({store.maintenance}).")
    return ok("Its datastores are accessible.") if stores else None


def _kinds(s: Machine, f: Facts) -> dict[str, str]:
    found = {store.name: store.kind for store in _known(s, f)}
    for store in s.gateway.datastores if s.gateway is not None else ():
        if store.name in _stores(s) and store.type:
            word = store.type.lower()
            found.setdefault(store.name, "nfs" if word.startswith("nfs") else word)
    return found


def nfs(s: Machine, f: Facts) -> Said | None:
    wanted = _stores(s)
    if not wanted:
        return None
    kinds = _kinds(s, f)
    bad_ones = [name for name, kind in kinds.items() if kind == "nfs"]
    if bad_ones:
        return bad(f"The datastore {listing(bad_ones)} is NFS, which failback does not support.")
    if not set(wanted) <= set(kinds):
        return unknown(f"The kind of the datastore {listing(set(wanted) - set(kinds))} is not known.")
    return ok("None of its datastores is NFS.")


def vsan(s: Machine, f: Facts) -> Said | None:
    """Recreated on vSAN: one document forbids it, another allows it, a third says that the job fails (section 10 no. 2)."""
    kinds = _kinds(s, f)
    vvol = [name for name, kind in kinds.items() if kind == "vvol"]
    if vvol:
        return bad(f"The datastore {listing(vvol)} is vVols, for which failback is not documented.")
    found = [name for name, kind in kinds.items() if kind == "vsan"] if s.recreated else []
    if found:
        return bad(f"It would be recreated on vSAN ({listing(found)}), for which the documentation is contradictory.")
    return ok("Its datastores are of a kind that is documented.") if kinds else None


def _raw(s: Machine) -> bool:
    return s.vm is not None and any(d.raw_device for d in s.vm.disks)


def rdm(s: Machine, f: Facts) -> Said | None:
    if s.recreated is not False or s.vm is None:
        return None
    if _raw(s):
        return bad(
            "It has raw device mappings: it can only be failed back to its own VM, and only while they stay attached."
        )
    return ok("It has no raw device mapping.")


def disks_attached(s: Machine, f: Facts) -> Said | None:
    """On vSAN and with raw devices the original disks must be there (DOC S1, S4)."""
    if s.recreated is not False or s.vm is None or s.item is None or not s.item.disks:
        return None
    if not _raw(s) and "vsan" not in _kinds(s, f).values():
        return None
    have, want = len(s.vm.disks), len(s.item.disks)
    if have < want:
        return bad(f"Its VM has {have} of the {want} disks that were protected.")
    return ok("Its disks are attached.")


def free_space(s: Machine, f: Facts) -> Said | None:
    if not s.recreated or not isinstance(s.placed, Placement):
        return None
    needed = s.disks_gb
    if needed is None:
        return unknown("The vault does not report the sizes of its disks.")
    name = s.placed.datastore
    offered = next((d.free_gb for d in (s.gateway.datastores if s.gateway else ()) if d.name == name), None)
    if offered is None:
        offered = next((d.free_bytes / (1 << 30) for d in _known(s, f) if d.free_bytes is not None), None)
    if offered is None:
        return unknown(f"The free space of the datastore {name} is not known.")
    if needed + s.beside_gb > offered:
        beside = f" and {s.beside_gb:.0f} GB of other machines" if s.beside_gb else ""
        return bad(f"{name} has {offered:.0f} GB free, and {needed:.0f} GB of this machine{beside} would go there.")
    return ok(f"{name} has {offered:.0f} GB free.")


def name_free(s: Machine, f: Facts) -> Said | None:
    """Error 78052 (DOC TRB): a VM of that name on the master target's host."""
    if not s.recreated or s.gateway is None:
        return None
    if s.here is None or s.gateway_vm is None:
        return unknown("Whether another VM has the machine's name there is not known.")
    there = [m for m in s.here.alike if m.host == s.gateway_vm.host]
    if there:
        return bad(f"Another VM of its name runs on {s.gateway_vm.host}, where the machine would be recreated.")
    return ok("No other VM has its name there.")


def _all_off(s: Machine) -> bool:
    """Whether a machine that tells no id of its VM (modernized items need not, SPEC) has VMs of its name, and all are off. This
    is enough before a failover, which can be cancelled; a commit needs the id."""
    if s.item is None or s.here is None or site_words(s.item, None, Known()) or s.here.clash:
        return False
    named = s.here.alike
    return bool(named) and all(vm.powered_on is False and not vm.doubt for vm in named)


def vm_running(s: Machine, f: Facts) -> Said | None:
    """Before the commit home; the run proves VMware Tools, an address and disks as well."""
    if s.vm is None or s.vm.doubt or s.vm.powered_on is None:
        why = (s.vm.doubt or s.vm.power or "not reported by vCenter") if s.vm is not None else ""
        told = f": {why}." if why else f.because("survey")
        return unknown(f"Whether its VM on-premises runs is not known{told}")
    return ok("Its VM on-premises runs.") if s.vm.powered_on else bad("Its VM on-premises is off.")


def tools(s: Machine, f: Facts) -> Said | None:
    """Where VMware Tools are not installed, a person must vouch for the machine."""
    if s.position is not Position.HOME_UNCOMMITTED or s.vm is None or not s.vm.powered_on or s.vm.doubt:
        return None
    gate = tools_gate(s.vm, approved=False)
    if gate is None:
        return ok(f"VMware Tools run and report {s.vm.addresses[0]}.")
    return (bad if s.vm.tools in ("running", "not_running") else unknown)(gate.reason, gate.remedy)


def disks_back(s: Machine, f: Facts) -> Said | None:
    if s.position is not Position.HOME_UNCOMMITTED or s.item is None:
        return None
    if s.vm is None:
        return unknown(f"Whether its VM on-premises has its disks is not known{f.because('survey')}")
    gate = disks_gate(s.item, s.vm, s.held)
    return ok("Its disks are attached to it.") if gate is None else bad(gate.reason, gate.remedy)


def vm_off(s: Machine, f: Facts) -> Said | None:
    if s.recreated:
        return None
    if s.vm is None and _all_off(s):
        return ok("The vault has no id of its on-premises VM; every VM of its name is off.")
    if s.vm is None:
        remedy = "" if f.survey is not None else "Set hostname, username and password of vCenter."
        return unknown(f"Whether its VM on-premises is off is not known{f.because('survey')}", remedy)
    if s.vm.doubt or s.vm.powered_on is None:
        return unknown(
            f"Whether its VM on-premises is off is not known: {s.vm.doubt or s.vm.power or 'not reported by vCenter'}."
        )
    return (
        bad("Its on-premises VM is running while the machine runs in Azure.")
        if s.vm.powered_on
        else ok("Its VM is off.")
    )


_VM = "its VM in vCenter"
_STORE = "datastores in vCenter, with each host's mount"

RULES: tuple[Rule, ...] = (
    Rule(
        "onprem_identity", "Machine is one VM in vCenter", MACHINE, REPROTECT | FAILOVER | COMMIT, BLOCK, identity,
        "VMs by UUID, disk and name", "Find out which VM it is, and accept this rule with its UUID in the reason.",
        "preflight check 30", (30,),
    ),
    Rule(
        "onprem_reachable", "vCenter reaches the machine's VM", MACHINE, REPROTECT | FAILOVER | COMMIT, BLOCK,
        reachable, f"{_VM}: its connection and its host's",
        "Restore its host, its datastore and their connection.", "section 3.2", (),
    ),
    Rule(
        "vm_uuid", "disk.EnableUUID is TRUE on the machine", MACHINE, REPROTECT, WARN, uuid_enabled,
        f"{_VM}: extraConfig", "Set it with the playbook prepare while the VM is off.", numbered((29,)), (29,),
    ),
    Rule(
        "vm_snapshot", "Machine has no snapshot", MACHINE, REPROTECT, WARN, snapshot, f"{_VM}: snapshot",
        "Delete its snapshots if they should not be merged.", "preflight check 39, section 10 no. 3", (39,),
    ),
    Rule(
        "datastore_mounted", "Machine's datastores are mounted for the master target", MACHINE, REPROTECT | FAILOVER,
        BLOCK, mounted, _STORE, "Mount it read-write on the host of the master target.", numbered((33,)), (33,),
    ),
    Rule(
        "datastore_available", "Datastores are accessible", MACHINE, REPROTECT | FAILOVER, BLOCK, available,
        "datastores in vCenter: accessible, maintenance mode", "Restore the datastore.", numbered((33,)), (33,),
    ),
    Rule(
        "datastore_nfs", "Datastore is not NFS", MACHINE, REPROTECT, BLOCK, nfs, "datastores in vCenter: type",
        "Move the VM to a VMFS datastore, or use a VMFS datastore.", numbered((35,)), (35,), ONLY_CLASSIC,
    ),
    Rule(
        "datastore_kind", "Datastore is of a documented kind", MACHINE, REPROTECT, WARN, vsan,
        "datastores in vCenter: type", "Use a VMFS datastore.", "preflight check 35, section 10 no. 2", (35,),
        ONLY_CLASSIC,
    ),
    Rule(
        "rdm", "Machine has no raw device mapping", MACHINE, REPROTECT, WARN, rdm, f"{_VM}: devices",
        "Keep the VM and its mappings as they are; never delete it to fail back elsewhere.",
        "preflight check 36, section 3.3", (36,),
    ),
    Rule(
        "disks_attached", "Original disks on vSAN or raw devices are attached", MACHINE, REPROTECT, BLOCK,
        disks_attached, f"{_VM}: disks, beside those of the item",
        "Attach them again, or let the machine be recreated on VMFS.", numbered((81,)), (81,),
    ),
    Rule(
        "free_space", "Datastore has enough space for a recreated machine", MACHINE, REPROTECT, BLOCK, free_space,
        "free space of the chosen datastore, sizes of all disks that go there",
        "Free up space, or use another datastore.", numbered((37,)), (37,),
    ),
    Rule(
        "name_taken", "No other VM has the machine's name there", MACHINE, REPROTECT, BLOCK, name_free,
        "VMs of its name in vCenter, with their hosts",
        "Rename the other VM, or use a master target on another host.", numbered((38,)), (38,), ONLY_CLASSIC,
    ),
    Rule(
        "vm_off", "Machine's VM on-premises is off", MACHINE, FAILOVER, BLOCK, vm_off, f"{_VM}: power state",
        "Power it off, and resynchronize the machine if it was changed.", numbered((61,)), (61,),
        unknown_blocks=True,
    ),
    Rule(
        "onprem_running", "Machine's VM on-premises runs before the commit", MACHINE, COMMIT, BLOCK, vm_running,
        f"{_VM}: power state", "Start it and check it before the Azure VM is deleted.", numbered((63,)), (63,),
        unknown_blocks=True,
    ),
    Rule(
        "onprem_tools", "VMware Tools show that the machine has started", MACHINE, COMMIT, BLOCK, tools,
        f"{_VM}: guest.toolsRunningStatus, guest.net", "Check on its console whether its operating system has started.",
        numbered((63,)), (63,), unknown_blocks=True,
    ),
    Rule(
        "onprem_disks", "Machine has its disks again", MACHINE, COMMIT, BLOCK, disks_back,
        f"{_VM} and the servers' VMs: disks, beside those of the item",
        "Detach them from the master target and attach them to the machine.", numbered((65,)), (65,),
        unknown_blocks=True,
    ),
)  # fmt: skip
