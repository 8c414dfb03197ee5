# SPDX-License-Identifier: GPL-3.0-or-later
"""Which VM in vCenter and which VM in Azure a replicated item is: by ids, never by a name alone. Pure.

What identifies a machine (SEEN and SPEC; asr-api.md 3 and 10):

* On-premises: the UUID that the item reports (items.SITE_IDS), one seen before the reprotect, the failover job's
  recoveryVmId, and the UUIDs of the disks (InMageRcmFailback reports diskUuid "as reported by vCenter").
* In Azure: the VM's resource id (targetVmId, azureVirtualMachineId, or one seen before the reprotect), the VM's own vmId
  (a classic item being failed back carries the Azure machine's id as vmId and infrastructureVmId; that these are the same is
  INFER), its NICs (sourceNicArmId) and its managed disks (targetManagedDiskId, azureVMDiskDetails). Before a reprotect a
  modernized item has the resource group and the planned name alone, and the failover's job reports another name if it
  had to take one.

Ids that contradict each other are refused with both values. Where nothing shows which of several namesakes it is, the user may
say so, by naming its id as the reason of the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .items import Item, Json, last_segment, parse_time
from .jobs import Job
from .ports import SiteMachine

UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
VM_ID = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.Compute/virtualMachines/[\w.-]+", re.I
)
SUBSCRIPTION = re.compile(r"/subscriptions/([0-9a-f-]{36})/", re.IGNORECASE)

#: What a failover appends to the planned name of an Azure VM where that is taken (SEEN RCM 129: "-" and a GUID).
_RENAMED = re.compile(r"^(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """Ids of a machine that were seen earlier in the run, before the reprotect took them off the item."""

    azure_vm_id: str = ""
    site_uuid: str = ""


@dataclass(frozen=True)
class Found:
    """What came of looking for a machine.

    ``machines`` are those that are surely it (several: they cannot be told apart), ``alike`` those that have its name and
    nothing else. ``compared`` says what was compared, ``clash`` which ids contradict each other. ``named`` is the reason by
    which the user named the right one. ``shared``: another item has the same name, so that a reason must name this one by
    the name of its replicated item. ``by_resource``: its resource id or its resource group says where it must be.
    """

    machines: tuple[Any, ...] = ()
    alike: tuple[Any, ...] = ()
    compared: str = ""
    clash: str = ""
    named: str = ""
    shared: bool = False
    by_resource: bool = False


NOTHING = Found()


# -- the user's decision -----------------------------------------------------------------------------------------------


def vm_ids_in(reason: str) -> set[str]:
    """Resource ids of Azure VMs that a reason names, in lower case."""
    return {found.lower().rstrip(".-") for found in VM_ID.findall(reason)}


def identified(item: Item, reason: str, shared: bool, named: Sequence[Any], alike: Sequence[Any]) -> tuple[Any, ...]:
    """Which of the VMs that a reason names by their ids are the item's.

    A reason is given once for all machines of a run, so the id alone does not show whose VM it is: it counts for the
    machine of the VM's own name, and for one that the reason names beside it.
    """
    words = VM_ID.sub(" ", reason).lower()
    itself = _mentions(words, item.name)
    if shared and not itself:
        return ()
    own = [m for m in named if m in alike]
    return tuple(own or (named if itself or _mentions(words, item.friendly_name) else ()))


def all_named(reason: str, machines: Iterable[Json]) -> bool:
    """Whether a reason names each of these Azure VMs by its resource id."""
    return {_id(m) for m in machines} <= vm_ids_in(reason)


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name.lower())}(?![\w-])", text) is not None


# -- on-premises -----------------------------------------------------------------------------------------------------


def site_words(item: Item, job: Job | None, known: Known, reason: str = "") -> list[str]:
    """UUIDs to ask vCenter for: what may be the machine's, and what the user named."""
    return [*_site_ids(item, job, known), *UUID.findall(reason)]


def _site_ids(item: Item, job: Job | None, known: Known) -> dict[str, str]:
    """Each id that may be the on-premises machine's, in lower case, with where it comes from."""
    found: dict[str, str] = {}
    told = str((job.affected if job is not None else {}).get("recoveryvmid") or "")
    for value, source in (
        (item.site_uuid, "the replicated item"),
        (known.site_uuid, "the replicated item before its reprotect"),
        (told if UUID.fullmatch(told) else "", "the failover's job"),
    ):
        if value:
            found.setdefault(str(value).lower(), source)
    return found


def disk_uuids(item: Item) -> frozenset[str]:
    """UUIDs of the item's disks in vCenter (SPEC diskUuid)."""
    told = item.details.get("protectedDisks") or ()
    return frozenset(_plain(d.get("diskUuid")) for d in told if isinstance(d, Mapping) and d.get("diskUuid"))


def onprem(
    item: Item,
    job: Job | None,
    machines: Sequence[SiteMachine],
    known: Known,
    reason: str = "",
    shared: bool = False,
) -> Found:
    """The item's machine in vCenter. ``reason`` is the user's, for the gate ``onprem_identity``."""
    ids = _site_ids(item, job, known)
    disks = disk_uuids(item)
    by_id = _distinct(m for m in machines if {m.uuid.lower(), m.bios_uuid.lower()} & set(ids))
    by_disk = _distinct(m for m in machines if disks & _disks_of(m))
    if len(by_id) == 1 and disks and _disks_of(by_id[0]) and by_id[0] not in by_disk:
        return Found(clash=f"{_site_name(by_id[0])} has its UUID and none of its disks ({', '.join(sorted(disks))})")
    if by_id or by_disk:
        both = _distinct([*by_id, *by_disk])
        if by_id and by_disk and len(both) > 1:
            names = " and ".join(_site_name(m) for m in both)
            return Found(clash=f"its UUID and its disks belong to different machines: {names}")
        return Found(machines=both)
    alike = _distinct(
        m for m in machines if m.name.lower() == item.friendly_name.lower() and not m.template and m.identified
    )
    said = {_plain(word) for word in UUID.findall(reason)}
    named = _distinct(m for m in machines if said & {_plain(m.uuid), _plain(m.bios_uuid)} - {""})
    mine = identified(item, reason, shared, named, alike)
    if mine:
        return Found(machines=mine, named=reason)
    wanted = [f"UUID {value} ({source})" for value, source in ids.items()]
    wanted += [f"disk {value}" for value in sorted(disks)]
    compared = f"searched for {', '.join(wanted)}" if wanted else "the vault gives no id for it"
    return Found(alike=alike, compared=compared, shared=shared)


def _disks_of(machine: SiteMachine) -> frozenset[str]:
    return frozenset(_plain(d.uuid) for d in machine.disks if d.uuid)


def _site_name(machine: SiteMachine) -> str:
    return f"{machine.name} ({machine.uuid or machine.moid})"


def _plain(value: Any) -> str:
    return str(value or "").replace("-", "").lower()


# -- Azure -----------------------------------------------------------------------------------------------------------


def planned_name(vm_id: str) -> str:
    """The name an Azure VM had before a failover renamed it; its own name where it was not."""
    name = last_segment(vm_id)
    renamed = _RENAMED.match(name)
    return renamed.group(1) if renamed else name


def vm_ids(item: Item, job: Job | None, known: Known) -> dict[str, str]:
    """Each resource id that is said to be the Azure VM's, with where it comes from."""
    found: dict[str, str] = {}
    affected = job.affected if job is not None else {}
    for value, source in (
        (item.azure_vm_id, "the replicated item"),
        (known.azure_vm_id, "the replicated item before its reprotect"),
        (affected.get("primaryvmid"), "the failover's job"),
        (affected.get("recoveryvmid"), "the failover's job"),
    ):
        if value and VM_ID.fullmatch(str(value)):
            found.setdefault(str(value).lower(), source)
    return found


def _vm_guids(item: Item, job: Job | None) -> set[str]:
    """What may be the Azure VM's vmId: of a classic item being failed back, and of the job that began there."""
    if item.instance_type != "InMage":
        return set()
    home = str(item.site_uuid or "").lower()
    told = [str(item.details.get(name) or "").lower() for name in ("vmId", "infrastructureVmId")]
    primary = str((job.affected if job is not None else {}).get("primaryvmid") or "").lower()
    return {value for value in (*told, primary if UUID.fullmatch(primary) else "") if value and value != home}


def azure_words(item: Item, job: Job | None, known: Known) -> list[str]:
    """Everything by which the item's Azure VM, or one that only looks like it, may be found in a list."""
    own = [*vm_ids(item, job, known), *_vm_guids(item, job), *_nics(item), *_managed(item)]
    return [*own, item.azure_vm_name, item.friendly_name]


def _nics(item: Item) -> set[str]:
    nics = item.details.get("vmNics") or ()
    return {str(n["sourceNicArmId"]).lower() for n in nics if isinstance(n, Mapping) and n.get("sourceNicArmId")}


def _managed(item: Item) -> set[str]:
    """Resource ids of the disks that the failover made for the Azure VM."""
    told = [d.get("targetManagedDiskId") for d in item.details.get("protectedDisks") or () if isinstance(d, Mapping)]
    told += [d.get("diskId") for d in item.details.get("azureVMDiskDetails") or () if isinstance(d, Mapping)]
    return {str(v).lower() for v in told if v and str(v).lower().startswith("/subscriptions/")}


def resource_group(item: Item) -> str:
    """Resource id of the group that the item fails over to, where it reports one (while it replicates to Azure)."""
    told = item.details.get("targetResourceGroupId") or item.details.get("recoveryAzureResourceGroupId")
    return str(told or "").lower().rstrip("/")


def targets(items: Iterable[Item]) -> dict[str, set[str]]:
    """The subscriptions that the items of each vault fail over to, by the vault's key."""
    groups: dict[str, set[str]] = {}
    for item in items:
        groups.setdefault(item.vault.key, set()).add(resource_group(item))
    return {key: _subscriptions(some) for key, some in groups.items()}


def subscriptions(
    item: Item, job: Job | None, known: Known, nearby: Mapping[str, Iterable[str]], reason: str = ""
) -> set[str]:
    """The subscriptions the item's Azure VM may be in: those that it names, else those its vault's other items name (``nearby``,
    from ``targets``)."""
    sure = [*vm_ids(item, job, known), resource_group(item)]
    found = _subscriptions(sure)
    found = found or _subscriptions(_texts(item.details.get("vmNics")))
    if not found:
        found = {*nearby.get(item.vault.key, ()), item.vault.subscription_id.lower()}
    return found | _subscriptions(VM_ID.findall(reason))


def _subscriptions(texts: Iterable[str]) -> set[str]:
    return {m.group(1).lower() for text in texts if (m := SUBSCRIPTION.search(f"{text}/")) is not None}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    return [text for part in value for text in _texts(part)] if isinstance(value, (list, tuple)) else []


def in_azure(
    item: Item, job: Job | None, machines: Sequence[Json], known: Known, reason: str = "", shared: bool = False
) -> Found:
    """The item's VM among those of Azure. ``reason`` is the user's, for the gate ``azure_identity``."""
    ids = vm_ids(item, job, known)
    if len(ids) > 1:
        return Found(clash="; ".join(f"{source} names {value}" for value, source in ids.items()))
    name = item.azure_vm_name.lower()
    alike = _distinct(m for m in machines if name in (last_segment(_id(m)), planned_name(_id(m))))
    disks = _managed(item)
    if ids:
        wanted = next(iter(ids))
        found = tuple(m for m in machines if _id(m) == wanted)
        if found and disks and _attached(found[0]) and not disks & _attached(found[0]):
            return Found(
                clash=(f"{wanted} has none of the disks that the failover created ({', '.join(sorted(disks))})")
            )
        return Found(machines=found, alike=() if found else alike, compared=f"searched for {wanted}", by_resource=True)
    guids, nics = _vm_guids(item, job), _nics(item)
    by = [
        [m for m in machines if str(_props(m).get("vmId") or "").lower() in guids],
        [m for m in machines if nics & _interfaces(m)],
        [m for m in machines if disks & _attached(m)],
    ]
    sure = _distinct(m for some in by for m in some)
    if len(sure) > 1:
        return Found(clash=f"its ids belong to different Azure VMs: {' and '.join(_id(m) for m in sure)}")
    if sure:
        return Found(machines=sure)
    group = resource_group(item)
    if group and item.instance_type != "InMage":
        return _planned(item, job, [m for m in alike if _id(m).startswith(f"{group}/")], alike, group)
    said = vm_ids_in(reason)
    mine = identified(item, reason, shared, _distinct(m for m in machines if _id(m) in said), alike)
    if mine:
        return Found(machines=mine, named=reason)
    wanted_ids = [f"vmId {value}" for value in sorted(guids)] + [f"NIC {value}" for value in sorted(nics)]
    own = "; ".join(f"{_id(m)} has vmId {_props(m).get('vmId') or 'unknown'}" for m in alike)
    compared = f"searched for {', '.join(wanted_ids)}" if wanted_ids else "the vault gives no id for it"
    return Found(alike=alike, compared=f"{compared}{'; ' if own else ''}{own}", shared=shared)


def _planned(item: Item, job: Job | None, inside: Sequence[Json], alike: Sequence[Json], group: str) -> Found:
    """Before a reprotect: the VM of the planned name in the item's own group, or the new name that the job reports."""
    name = item.azure_vm_name.lower()
    told = " ".join(p.message for p in job.problems).lower() if job is not None else ""
    renamed = [m for m in inside if last_segment(_id(m)) != name and last_segment(_id(m)) in told]
    found = renamed or list(inside)
    began = job.start if job is not None else None
    for machine in found:
        made = parse_time(_props(machine).get("timeCreated"))
        if made is not None and began is not None and (began - made).total_seconds() > 60:
            return Found(clash=f"{_id(machine)} was created at {made.isoformat()}, before the failover started")
    others = () if found else tuple(alike)
    searched = f"searched for {group}/.../{item.azure_vm_name}"
    return Found(machines=tuple(found), alike=others, compared=searched, by_resource=True)


def _id(machine: Json) -> str:
    return str(machine.get("id") or "").lower()


def _props(machine: Json) -> Json:
    return machine.get("properties") or {}


def _interfaces(machine: Json) -> set[str]:
    nics = (_props(machine).get("networkProfile") or {}).get("networkInterfaces") or ()
    return {str(n.get("id") or "").lower() for n in nics if isinstance(n, Mapping)} - {""}


def _attached(machine: Json) -> set[str]:
    return {str(((d.get("managedDisk") or {}).get("id")) or "").lower() for d in azure_disks(machine)} - {""}


def azure_disks(machine: Json) -> list[Json]:
    """The disks of an Azure VM, the one with the system first."""
    profile = _props(machine).get("storageProfile") or {}
    os_disk = profile.get("osDisk")
    return [d for d in (os_disk, *(profile.get("dataDisks") or ())) if isinstance(d, Mapping)]


def _distinct(machines: Iterable[Any]) -> tuple[Any, ...]:
    """No machine twice: by its reference or its resource id."""
    return tuple({(m.moid if isinstance(m, SiteMachine) else _id(m)): m for m in machines}.values())
