# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""Reading what the proofs of commits need, for all machines at once: a constant number of lists and SOAP calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar, Union

from .errors import ConnectionFailed, FailbackError, NotFound, ReadFailed
from .items import ALIVE, SUCCEEDED, Item, Job, Json, Problem, VaultRef, last_segment, parse_time
from .lifecycle import FAILOVERS, REPROTECTS, SEALS, Step
from .ports import SitePort, VaultPort
from .proofs import Evidence, azure_matches, planned_name, site_matches
from .shapes import AZURE_VM, JOB, all_understood

T = TypeVar("T")

#: Looks entries up by words.
LookUp = Callable[[Iterable[str]], "list[T]"]

_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: Maps a function over a sequence, side by side; exceptions come out.
Spread = Callable[
    [Callable[[tuple[Item, str]], Union[Job, FailbackError, None]], Sequence[tuple[Item, str]]],
    list[Union[Job, FailbackError, None]],
]


def told(machines: Iterable[Mapping[str, Any]]) -> dict[str, Job]:
    """The succeeded failover jobs that another task of the run has read, by name; from its result's machines."""
    jobs: dict[str, Job] = {}
    for machine in machines:
        for leg in machine.get("legs") or ():
            if leg.get("leg") in FAILOVERS and leg.get("state") in SUCCEEDED and leg.get("job"):
                jobs[str(leg["job"]).lower()] = Job(
                    name=str(leg["job"]),
                    scenario="",
                    state=str(leg["state"]),
                    start=parse_time(leg.get("start")),
                    end=parse_time(leg.get("end")),
                    problems=tuple(Problem.told(w) for w in machine.get("warnings") or ()),
                )
    return jobs


def failovers(
    candidates: Sequence[tuple[Item, Step]],
    known: Mapping[str, Job],
    judged: Mapping[str, Job],
    scenarios: Mapping[str, frozenset[str]],
    vaults: VaultPort,
    spread: Spread,
    count: Callable[[int], None],
    unread: dict[str, FailbackError] | None = None,
) -> dict[str, Job]:
    """The failover jobs to be committed, by item key. ``known`` holds those this run has judged already; for the others
    the vault's jobs are listed once and the newest failover of each machine is read by itself, unless it is one of
    ``judged`` (by name): jobs another task has read, which count only where the vault lists them as the newest.
    ``scenarios`` maps each leg to the scenario words of its jobs. ``count`` is told the reads that belong to the floor,
    ``unread`` the machines whose job cannot be read just now: nothing follows from that for the others.
    """
    jobs: dict[str, Job] = dict(known)
    missing = [(item, step) for item, step in candidates if item.key not in jobs]
    if missing:
        newest = _newest_failovers(missing, scenarios, vaults, count)
        jobs.update((key, judged[name.lower()]) for key, name in newest.items() if name.lower() in judged)
        asked = [(item, newest[item.key]) for item, _step in missing if item.key in newest and item.key not in jobs]

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


def gather(
    items: Sequence[Item], jobs: Mapping[str, Job], vaults: VaultPort, site: SitePort, count: Callable[[int], None]
) -> dict[str, Evidence]:
    """Evidence by item key, with the machines' present state in vCenter and in Azure. ``jobs`` as ``failovers`` gives them."""
    machines = site.machines(uuids=[i.site_uuid for i in items if i.site_uuid], names=[i.friendly_name for i in items])
    onprem = index(machines, lambda m: (m.uuid, m.bios_uuid, m.name))
    azure: dict[str, LookUp[Json]] = {}
    for subscription in sorted({i.vault.subscription_id for i in items}):
        before = vaults.requests.reads
        azure[subscription] = index(all_understood(vaults.list_azure_machines(subscription), AZURE_VM), _azure_words)
        count(vaults.requests.reads - before)
    return {
        item.key: Evidence(
            item=item,
            job=jobs.get(item.key),
            site=site_matches(item, onprem((item.site_uuid or "", item.friendly_name))),
            azure=azure_matches(
                item,
                azure[item.vault.subscription_id]((item.azure_vm_id or "", item.azure_vm_name)),
                " ".join(p.message for p in jobs[item.key].problems) if item.key in jobs else "",
            ),
        )
        for item in items
    }


def _newest_failovers(
    candidates: Sequence[tuple[Item, Step]],
    scenarios: Mapping[str, frozenset[str]],
    vaults: VaultPort,
    count: Callable[[int], None],
) -> dict[str, str]:
    """Name of each item's newest failover job. Jobs name the machine by its GUID (SEEN JL).

    A failover before the latest reprotect is not the one to be committed: both directions share their scenario's word.
    """
    turns = frozenset[str]().union(*(scenarios[leg] for leg in REPROTECTS if leg in scenarios))
    lists: dict[str, LookUp[Json]] = {}
    by_vault: dict[str, VaultRef] = {item.vault.key: item.vault for item, _step in candidates}
    for key, vault in by_vault.items():
        before = vaults.requests.reads
        lists[key] = index(all_understood(vaults.list_jobs(vault), JOB), lambda job: (_target(job),))
        count(vaults.requests.reads - before)
    found: dict[str, str] = {}
    for item, step in candidates:
        words = scenarios[SEALS[step.leg]]
        mine = [
            job
            for job in lists[item.vault.key](_targets(item))
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


def _target(job: Json) -> str:
    return str((job.get("properties") or {}).get("targetObjectId") or "").lower()


def _targets(item: Item) -> tuple[str, ...]:
    """Words a job may name the machine by. A reprotect home was sent while the classic item still had the id that is now
    its replica's (SEEN FB, RP2)."""
    words = (item.vm_id, str(item.details.get("replicaId") or ""), item.name, item.key)
    return tuple(word.lower() for word in words if word)


def concerns(job: Json, item: Item) -> bool:
    """Whether a listed job is the item's: by the machine's GUID, else by the item's own name or id."""
    target = _target(job)
    return bool(target) and target in _targets(item)


def _azure_words(machine: Json) -> tuple[str, ...]:
    vm_id = str(machine.get("id") or "")
    return vm_id, last_segment(vm_id), planned_name(vm_id)


def index(entries: Iterable[T], words: Callable[[T], Iterable[str]]) -> LookUp[T]:
    """A way to look entries up by any of their words, whatever their case, so that a thousand machines do not search
    through a thousand entries each. No entry comes twice."""
    found: dict[str, list[T]] = {}
    for entry in entries:
        for word in {word.lower() for word in words(entry) if word}:
            found.setdefault(word, []).append(entry)

    def look_up(wanted: Iterable[str]) -> list[T]:
        return list({id(entry): entry for word in wanted for entry in found.get(word.lower(), ())}.values())

    return look_up
