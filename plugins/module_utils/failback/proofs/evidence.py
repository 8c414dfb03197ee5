# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the proofs of commits need, for all machines at once: a constant number of lists and SOAP calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, TypeVar, Union

from ..lifecycle.table import COMMIT_TO_ONPREM, FAILOVERS, REPROTECTS, SEALS, Operation
from ..model.errors import ConnectionFailed, FailbackError, NotFound, ReadFailed
from ..model.identity import (
    Found,
    Known,
    azure_words,
    disk_uuids,
    in_azure,
    onprem,
    resource_group,
    site_words,
    subscriptions,
    targets,
    vm_ids,
)
from ..model.items import Item, Json, VaultRef, last_segment, parse_time
from ..model.jobs import ALIVE, SUCCEEDED, Job, Problem
from ..model.lookup import LookUp, azure_vm_words, index
from ..model.ports import SiteMachine, SitePort, VaultPort
from ..model.server_ports import short_name
from ..model.servers import MasterTarget
from ..model.shapes import AZURE_VM, JOB, all_understood, understood
from .arrival import holders
from .prove import Evidence

T = TypeVar("T")

_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: Maps a function over a sequence, side by side; exceptions come out.
Spread = Callable[
    [Callable[[tuple[Item, str]], Union[Job, FailbackError, None]], Sequence[tuple[Item, str]]],
    list[Union[Job, FailbackError, None]],
]


def jobs_in_results(machines: Iterable[Mapping[str, Any]]) -> dict[str, Job]:
    """The succeeded failover jobs that another task of the run has read, by name; from its result's machines."""
    jobs: dict[str, Job] = {}
    for machine in machines:
        for step in machine.get("steps") or ():
            if step.get("step") in FAILOVERS and step.get("state") in SUCCEEDED and step.get("job"):
                jobs[str(step["job"]).lower()] = Job(
                    name=str(step["job"]),
                    scenario="",
                    state=str(step["state"]),
                    start=parse_time(step.get("start")),
                    end=parse_time(step.get("end")),
                    problems=tuple(Problem.told(w) for w in machine.get("warnings") or ()),
                )
    return jobs


def failovers(
    candidates: Sequence[tuple[Item, Operation]],
    known: Mapping[str, Job],
    judged: Mapping[str, Job],
    scenarios: Mapping[str, frozenset[str]],
    vaults: VaultPort,
    spread: Spread,
    count: Callable[[int], None],
    unread: dict[str, FailbackError] | None = None,
) -> dict[str, Job]:
    """The failover jobs to be committed, by item key. ``known`` holds those this run has read already; for the others
    the vault's jobs are listed once and the newest failover of each machine is read individually, unless it is one of
    ``judged`` (by name): jobs another task has read, which count only where the vault lists them as the newest.
    ``scenarios`` maps each step to the scenario words of its jobs. ``count`` gets the reads that belong to the floor,
    ``unread`` the machines whose job cannot be read now; it does not affect the others.
    """
    jobs: dict[str, Job] = dict(known)
    missing = [(item, operation) for item, operation in candidates if item.key not in jobs]
    if missing:
        newest = _newest_failovers(missing, scenarios, vaults, count)
        # What another task passes on lacks the point and the ids, which a commit home is proven with.
        outward = {item.key for item, operation in missing if operation.step != COMMIT_TO_ONPREM}
        jobs.update(
            (key, judged[name.lower()]) for key, name in newest.items() if key in outward and name.lower() in judged
        )
        asked = [
            (item, newest[item.key]) for item, _operation in missing if item.key in newest and item.key not in jobs
        ]

        def read(pair: tuple[Item, str]) -> Job | FailbackError | None:
            try:
                return Job.parse(vaults.get_job(pair[0].vault, pair[1]))
            except NotFound:
                # A job that is listed and gone proves nothing.
                return None
            except (ReadFailed, ConnectionFailed) as exc:
                return exc

        for (item, _name), job in zip(asked, spread(read, asked), strict=True):
            if isinstance(job, FailbackError):
                if unread is not None:
                    unread[item.key] = job
            elif job is not None:
                jobs[item.key] = job
        count(len(asked))
    return jobs


@dataclass(frozen=True)
class Asked:
    """A machine whose commit is to be proven. ``home``: the commit that deletes its Azure VM."""

    item: Item
    job: Job | None
    known: Known
    home: bool


def gather(
    asked: Sequence[Asked],
    vaults: VaultPort,
    site: SitePort,
    spread: Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]],
    count: Callable[[int], None],
    neighbours: Sequence[Item],
    accept: Mapping[str, str],
    servers: Sequence[MasterTarget] = (),
) -> dict[str, Evidence]:
    """Evidence by item key, with the machines' present state in vCenter and in Azure. ``servers`` are the master targets and
    appliances that disks may still be attached to.

    One read of vCenter for all. Azure VMs whose resource id is known and that a commit would delete are read individually,
    the others from one list of each subscription that the items name; what the user named counts as named.
    """
    said = str(accept.get("onprem_identity") or "")
    found_there = site.machines(
        uuids=[
            *(word for a in asked for word in site_words(a.item, a.job, a.known, said)),
            *(server.vm_uuid for server in servers if server.vm_uuid),
        ],
        names=[*(a.item.friendly_name for a in asked), *(n for s in servers for n in (s.name, short_name(s.name)))],
        devices=any(a.home or disk_uuids(a.item) for a in asked),
    )
    machines, gateways = _without_servers(found_there, servers)
    azure = _azure(asked, vaults, spread, count, neighbours, str(accept.get("azure_identity") or ""))
    unreadable = tuple(m.name for m in machines if not m.identified)
    look = index(machines, lambda m: (m.uuid, m.bios_uuid, m.name, *(d.uuid.replace("-", "") for d in m.disks)))
    named = [m for m in machines if said and (m.uuid or m.bios_uuid)] if said else []
    shared = _shared([*neighbours, *(a.item for a in asked)])
    held = holders(gateways)
    found: dict[str, Evidence] = {}
    for a in asked:
        words = [*site_words(a.item, a.job, a.known), a.item.friendly_name, *disk_uuids(a.item)]
        here = onprem(a.item, a.job, [*look(words), *named], a.known, said, a.item.key in shared)
        there, where, error = azure[a.item.key]
        found[a.item.key] = Evidence(
            item=a.item,
            job=a.job,
            site=here.machines,
            azure=there.machines,
            site_found=here,
            azure_found=there,
            unreadable=unreadable,
            looked=where,
            azure_error=error,
            held=held,
        )
    return _apart(found)


def _without_servers(
    machines: Sequence[SiteMachine], servers: Sequence[MasterTarget]
) -> tuple[list[SiteMachine], list[SiteMachine]]:
    """VMs that may be the machines, and those that are master targets or appliances: by UUID, else by name."""
    uuids = {server.vm_uuid.lower() for server in servers if server.vm_uuid}
    names = {short_name(server.name) for server in servers if server.name}
    mine: list[SiteMachine] = []
    theirs: list[SiteMachine] = []
    for machine in machines:
        is_server = {machine.uuid.lower(), machine.bios_uuid.lower()} & uuids or short_name(machine.name) in names
        (theirs if is_server else mine).append(machine)
    return mine, theirs


def _apart(found: Mapping[str, Evidence]) -> dict[str, Evidence]:
    """A VM that is said to be that of several machines is nobody's."""
    here: dict[str, list[str]] = {}
    there: dict[str, list[str]] = {}
    for evidence in found.values():
        for machine in evidence.site:
            here.setdefault(machine.moid, []).append(evidence.item.name)
        for entry in evidence.azure:
            there.setdefault(str(entry.get("id") or "").lower(), []).append(evidence.item.name)
    apart: dict[str, Evidence] = {}
    for key, evidence in found.items():
        for machine in evidence.site:
            if len(whose := here[machine.moid]) > 1:
                said = f"{machine.name} ({machine.uuid or machine.moid}) would be that of {', '.join(sorted(whose))}"
                evidence = replace(evidence, site=(), site_found=Found(clash=said))
        for entry in evidence.azure:
            if len(whose := there[str(entry.get("id") or "").lower()]) > 1:
                said = f"{entry.get('id')} would be that of {', '.join(sorted(whose))}"
                evidence = replace(evidence, azure=(), azure_found=Found(clash=said))
        apart[key] = evidence
    return apart


def _shared(items: Iterable[Item]) -> set[str]:
    """Keys of items that have their name in common with another one."""
    names: dict[str, set[str]] = {}
    for item in items:
        names.setdefault(item.friendly_name.lower(), set()).add(item.key)
    return {key for keys in names.values() if len(keys) > 1 for key in keys}


def azure_vm(vaults: VaultPort, vm_id: str) -> Json:
    """One Azure VM whole. Raises ReadFailed, also for an answer that is odd anywhere: a disk that is not understood may be
    one that is nowhere else."""
    machine, odd = understood(vaults.get_azure_machine(vm_id), AZURE_VM)
    if odd:
        raise _unclear(vm_id, odd)
    return machine


#: What was found in Azure for a machine, where it was looked for, and why that could not be read.
InAzure = tuple[Found, str, "FailbackError | None"]


def _azure(
    asked: Sequence[Asked],
    vaults: VaultPort,
    spread: Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]],
    count: Callable[[int], None],
    neighbours: Sequence[Item],
    said: str,
) -> dict[str, InAzure]:
    found: dict[str, InAzure] = {}

    def read(vm_id: str) -> Json | FailbackError:
        try:
            return azure_vm(vaults, vm_id)
        except (ReadFailed, ConnectionFailed) as exc:
            return exc

    shared = _shared([*neighbours, *(a.item for a in asked)])
    ids = {a.item.key: list(vm_ids(a.item, a.job, a.known)) for a in asked}
    alone = [a for a in asked if a.home and len(ids[a.item.key]) == 1]
    count(len(alone))
    for a, answer in zip(alone, spread(read, [ids[a.item.key][0] for a in alone]), strict=True):
        where = ids[a.item.key][0]
        if isinstance(answer, NotFound):
            # It may have been moved to another group: the list below shows VMs of its name.
            continue
        if isinstance(answer, FailbackError):
            found[a.item.key] = Found(), where, answer
        else:
            found[a.item.key] = in_azure(a.item, a.job, [answer], a.known, said), where, None
    rest = [a for a in asked if a.item.key not in found]
    nearby = targets(neighbours)
    wanted = {a.item.key: sorted(subscriptions(a.item, a.job, a.known, nearby, said)) for a in rest}
    lists: dict[str, LookUp[Json]] = {}
    errors: dict[str, FailbackError] = {}
    everything: list[Json] = []
    for subscription in sorted({word for words in wanted.values() for word in words}):
        before = vaults.requests.reads
        try:
            machines = all_understood(vaults.list_azure_machines(subscription), AZURE_VM)
            lists[subscription] = index(machines, azure_vm_words)
            everything += [m for m in machines if said and str(m.get("id") or "").lower() in said.lower()]
        except (ReadFailed, ConnectionFailed) as exc:
            errors[subscription] = exc
        count(vaults.requests.reads - before)
    for a in rest:
        places = wanted[a.item.key]
        words = azure_words(a.item, a.job, a.known)
        near = [m for place in places if place in lists for m in lists[place](words)]
        here = in_azure(a.item, a.job, [*near, *everything], a.known, said, a.item.key in shared)
        where = f"subscription {', '.join(places)}"
        group = resource_group(a.item)
        where += f", resource group {last_segment(group)}" if group else ""
        # With the machine in hand, another subscription that cannot be listed does not matter.
        error = None if here.machines else next((errors[place] for place in places if place in errors), None)
        if a.home and len(here.machines) == 1:
            # A list may omit disks and NICs; what is deleted is read completely.
            whole = read(str(here.machines[0].get("id") or ""))
            count(1)
            if isinstance(whole, NotFound):
                here = Found(compared=here.compared, alike=here.alike)
            elif isinstance(whole, FailbackError):
                error = whole
            else:
                here = replace(here, machines=(whole,))
        found[a.item.key] = here, where, error
    return found


def _unclear(vm_id: str, odd: Sequence[str]) -> ReadFailed:
    return ReadFailed(
        "not_understood",
        f"Azure's answer for the VM {vm_id} is invalid: {', '.join(odd[:3])} is missing or has the wrong type.",
        "Check the VM in Azure, then rerun.",
    )


def _newest_failovers(
    candidates: Sequence[tuple[Item, Operation]],
    scenarios: Mapping[str, frozenset[str]],
    vaults: VaultPort,
    count: Callable[[int], None],
) -> dict[str, str]:
    """Name of each item's newest failover job. Jobs name the machine by its GUID (SEEN JL).

    A failover before the latest reprotect is not the one to be committed: both directions share their scenario's word.
    """
    turns = frozenset[str]().union(*(scenarios[step] for step in REPROTECTS if step in scenarios))
    lists: dict[str, LookUp[Json]] = {}
    by_vault: dict[str, VaultRef] = {item.vault.key: item.vault for item, _operation in candidates}
    for key, vault in by_vault.items():
        before = vaults.requests.reads
        lists[key] = index(all_understood(vaults.list_jobs(vault), JOB), lambda job: (job_target(job),))
        count(vaults.requests.reads - before)
    found: dict[str, str] = {}
    for item, operation in candidates:
        words = scenarios[SEALS[operation.step]]
        mine = [
            job
            for job in lists[item.vault.key](job_targets(item))
            if _word(job) in words or (_word(job) in turns and _state(job) in SUCCEEDED)
        ]
        if mine:
            newest = max(mine, key=_last)
            if _word(newest) in words:
                found[item.key] = str(newest.get("name") or "")
    return found


def _word(job: Json) -> str:
    return str((job.get("properties") or {}).get("scenarioName") or "")


def _last(job: Json) -> tuple[bool, datetime, datetime]:
    """Orders jobs by what shaped the machine last: one that lives, then the one that ended last.

    Of two failovers sent at once the one that was refused ends first; that it failed says nothing of the other.
    """
    props: Json = job.get("properties") or {}
    started = parse_time(props.get("startTime")) or _NEVER
    return _state(job) in ALIVE, parse_time(props.get("endTime")) or started, started


def _state(job: Json) -> str:
    return str((job.get("properties") or {}).get("state") or "")


def job_target(job: Json) -> str:
    """Whose job a listed one is: a machine's GUID, or its replicated item's name or id, in lower case."""
    return str((job.get("properties") or {}).get("targetObjectId") or "").lower()


def job_targets(item: Item) -> tuple[str, ...]:
    """Words a job may name the machine by. A reprotect home was sent while the classic item still had the id that is now
    its replica's (SEEN FB, RP2)."""
    words = (item.vm_id, str(item.details.get("replicaId") or ""), item.name, item.key)
    return tuple(word.lower() for word in words if word)


def concerns(job: Json, item: Item) -> bool:
    """Whether a listed job is the item's: by the machine's GUID, else by the item's own name or id."""
    target = job_target(job)
    return bool(target) and target in job_targets(item)
