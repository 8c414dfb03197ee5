# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what is left in Azure: only ids that were given back, each checked again right before its request.

Nothing goes that is attached, locked, running, written to by a replication, or that a vault still lists as a process server. What
cannot be read is not removed either. Kinds go in the order in which each is free when its turn comes; what was deployed with a
process server goes last, its record at the very end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.errors import (
    ConnectionFailed,
    FailbackError,
    InputError,
    NotFound,
    ReadFailed,
    Rejected,
    Unknown,
)
from ..model.items import Json, last_segment
from ..model.ports import Clock
from ..model.refusal import Refusal
from ..model.resource_ports import ResourcePort
from ..proofs.prove import power_state
from .found import DEPLOYMENT, Leftover, owner_of

#: The order of kinds.
ORDER = (
    "virtual_machine", "network_interface", "public_address", "network_security_group", "disk", "snapshot", DEPLOYMENT,
)  # fmt: skip

#: Seconds between two looks at what is being removed.
PAUSE = 5.0

#: Power states in which a VM does not run (DOC).
STOPPED = frozenset({"stopped", "deallocated"})

#: Where Azure's locks are listed, for a subscription with everything below it (DOC ManagementLocks).
LOCKS = "providers/Microsoft.Authorization/locks"


@dataclass
class RemovalOutcome:
    """What became of an id that was given back: ``removed``, ``unchanged`` (it is gone already), ``refused`` or ``failed``."""

    id: str
    leftover: Leftover | None = None
    done: str = ""
    why: Refusal | None = None

    def result(self) -> dict[str, Any]:
        """As in the module's result."""
        leftover = self.leftover
        return {
            "id": self.id,
            "name": last_segment(self.id),
            "kind": leftover.kind if leftover else None,
            "machine": (leftover.machine or None) if leftover else None,
            "process_server": (leftover.process_server or None) if leftover else None,
            "size_gb": leftover.size_gb if leftover else None,
            "done": self.done,
            "code": self.why.code if self.why else None,
            "reason": self.why.reason if self.why else None,
            "remedy": self.why.remedy if self.why else None,
        }


def rank(leftover: Leftover) -> int:
    """Its turn: the lower, the earlier."""
    return ORDER.index(leftover.kind) + (len(ORDER) if leftover.process_server else 0)


def checked_ids(given: Iterable[str]) -> list[str]:
    """The ids, each once. Raises InputError for what is no resource id: a name is never enough."""
    found: dict[str, str] = {}
    for word in given:
        text = str(word).strip().rstrip("/")
        parts = text.split("/")
        if len(parts) < 9 or parts[0] or parts[1].lower() != "subscriptions" or "providers" not in text.lower():
            raise InputError(
                "remove_not_an_id",
                f"{word!r} in '{{option:remove}}' is not the id of a resource.",
                "Give the ids as the list of leftovers shows them.",
            )
        found.setdefault(text.lower(), text)
    return list(found.values())


def why_not(leftover: Leftover, unknown_too: bool) -> Refusal | None:
    """What the vaults and the lists say against removing it."""
    if leftover.in_use:
        return Refusal(
            "leftover_in_use",
            f"{_called(leftover)} is in use: {leftover.in_use}.",
            "Leave it. A process server is removed where it was deployed from, which also takes it off the vault's list."
            if leftover.process_server
            else "Leave it until nothing uses it.",
        )
    if not (leftover.machine or leftover.process_server or unknown_too):
        return Refusal(
            "leftover_unknown",
            f"Neither the vault's data nor a tag shows what {_called(leftover)} belongs to.",
            "Check what it belongs to. To remove it anyway, set '{option:remove_unknown}' to true.",
        )
    return None


def why_not_now(leftover: Leftover, fresh: Json, locks: Sequence[Json]) -> Refusal | None:
    """What the resource itself, from its own GET, and the subscription's locks say against removing it now."""
    props = fresh.get("properties")
    props = props if isinstance(props, Mapping) else {}
    owner = owner_of(leftover.kind, fresh, props)
    state = str(props.get("diskState") or "")
    if owner or (leftover.kind == "disk" and state.lower() not in ("", "unattached")):
        what = f"attached to {last_segment(owner)}" if owner else f"its state is {state}"
        return Refusal("leftover_in_use", f"{_called(leftover)} is in use: {what}.", "Leave it until nothing uses it.")
    if leftover.kind == "virtual_machine":
        power = power_state(fresh).lower()
        if power not in STOPPED:
            return Refusal(
                "leftover_running",
                f"{_called(leftover)} is not stopped ({power or 'its power state is not known'}).",
                "Make sure that its machine works on-premises, stop the VM, then rerun.",
            )
    lock = next((entry for entry in locks if _covers(entry, leftover.id)), None)
    if lock is not None:
        level = str((lock.get("properties") or {}).get("level") or "")
        return Refusal(
            "leftover_locked",
            f"{_called(leftover)} is locked by {lock.get('name') or last_segment(str(lock.get('id') or ''))} ({level}).",
            "Ask who set the lock. Remove the lock only if the resource may be deleted.",
        )
    return None


def _covers(lock: Json, resource_id: str) -> bool:
    """Whether a lock is on a resource, on what it is in, or on a part of it. One whose place is not understood covers everything."""
    scope, found, _name = str(lock.get("id") or "").lower().partition(f"/{LOCKS.lower()}/")
    wanted = resource_id.lower()
    return not found or wanted == scope or wanted.startswith(f"{scope}/") or scope.startswith(f"{wanted}/")


class LeftoverRemoval:
    """Removes what was given back. ``look`` lists what is in Azure now, as asr_leftovers_info does."""

    def __init__(
        self,
        look: Callable[[], Sequence[Leftover]],
        vaults: ResourcePort,
        clock: Clock,
        *,
        check: bool,
        unknown_too: bool,
        patience: float,
    ) -> None:
        self.look, self.vaults, self.clock = look, vaults, clock
        self.check, self.unknown_too, self.patience = check, unknown_too, patience

    def run(self, given: Iterable[str]) -> list[RemovalOutcome]:
        """The fates of the ids, in the order of their removal; one that must not go leaves the others alone."""
        ids = checked_ids(given)
        found = self._found()
        fates = [RemovalOutcome(word, found.get(word.lower())) for word in ids]
        for fate in fates:
            if fate.leftover is None:
                self._strange(fate)
        known = sorted((f for f in fates if f.leftover is not None), key=lambda f: (rank(_of(f)), f.id.lower()))
        turns = list(dict.fromkeys(rank(_of(fate)) for fate in known))
        for number, turn in enumerate(turns):
            # What was true before the earlier kinds went may not be true now.
            found = found if number == 0 else self._found()
            mine = [fate for fate in known if rank(_of(fate)) == turn]
            for fate in mine:
                fate.leftover = found.get(fate.id.lower(), fate.leftover)
            going = [fate for fate in mine if self._goes(fate)]
            self._await(going)
        return [*known, *(fate for fate in fates if fate.leftover is None)]

    def _found(self) -> dict[str, Leftover]:
        return {leftover.id.lower(): leftover for leftover in self.look()}

    def _strange(self, fate: RemovalOutcome) -> None:
        """An id that is not among what the vaults left: gone, or not theirs."""
        try:
            self.vaults.get(fate.id)
        except NotFound:
            fate.done = "unchanged"
            return
        except (ReadFailed, ConnectionFailed) as exc:
            fate.done, fate.why = "refused", Refusal.of(exc)
            return
        fate.done, fate.why = (
            "refused",
            Refusal(
                "not_a_leftover",
                f"{last_segment(fate.id)} is not among what the machines of these vaults left in Azure.",
                "Give only ids that the list of leftovers shows for the same vaults and resource groups.",
            ),
        )

    def _goes(self, fate: RemovalOutcome) -> bool:
        """Check it again and have it removed; whether to wait until it is gone."""
        leftover = _of(fate)
        try:
            fresh = self._fresh(leftover)
            locks = self.vaults.list_resources(f"/subscriptions/{leftover.id.split('/')[2]}/{LOCKS}")
        except NotFound:
            fate.done = "unchanged"
            return False
        except FailbackError as exc:
            fate.done, fate.why = (
                "refused",
                Refusal(
                    "leftover_unreadable",
                    f"{_called(leftover)} could not be checked right before its removal: {exc.message}",
                    exc.remedy or "Rerun later.",
                ),
            )
            return False
        fate.why = why_not(leftover, self.unknown_too) or why_not_now(leftover, fresh, locks)
        if fate.why is not None:
            fate.done = "refused"
            return False
        fate.done = "removed"
        if self.check:
            return False
        try:
            self.vaults.delete(leftover.id)
        except Rejected as exc:
            fate.done, fate.why = (
                "failed",
                Refusal("removal_refused", exc.message, exc.remedy or "Fix the cause and rerun."),
            )
            return False
        except Unknown:
            # Whether it was accepted shows in what is read next.
            pass
        return True

    def _fresh(self, leftover: Leftover) -> Json:
        if leftover.kind == "virtual_machine":
            return self.vaults.get_with(leftover.id, odata_expand="instanceView")
        return self.vaults.get(leftover.id)

    def _await(self, going: Sequence[RemovalOutcome]) -> None:
        """Look until all of them are gone, or time is over."""
        start = self.clock.monotonic()
        left = list(going)
        while left:
            left = [fate for fate in left if self._there(fate)]
            if not left or self.clock.monotonic() - start >= self.patience:
                break
            self.clock.sleep(PAUSE)
        for fate in left:
            fate.done, fate.why = (
                "failed",
                Refusal(
                    "removal_not_seen",
                    f"The removal of {_called(_of(fate))} was accepted, but it still exists after {self.patience:g} seconds.",
                    "Rerun: what is gone by then counts as done.",
                ),
            )

    def _there(self, fate: RemovalOutcome) -> bool:
        try:
            self.vaults.get(_of(fate).id)
        except NotFound:
            return False
        except (ReadFailed, ConnectionFailed):
            return True
        return True


def removal_lines(fates: Sequence[RemovalOutcome], check: bool) -> list[str]:
    """The outcomes as lines to print."""
    if not fates:
        return []
    lines: list[str] = []
    for fate in fates:
        word = "would be removed" if check and fate.done == "removed" else fate.done
        what = f"{_called(fate.leftover) if fate.leftover else last_segment(fate.id)}: {word}"
        lines.append(what + (f": {fate.why.reason} {fate.why.remedy}" if fate.why else ""))
    gone = [fate for fate in fates if fate.done == "removed"]
    size = sum(f.leftover.size_gb or 0 for f in gone if f.leftover)
    verb = "would be removed" if check else "removed"
    return [*lines, f"{len(gone)} of {len(fates)} {verb}, {size} GB of disks and snapshots."]


def _called(leftover: Leftover) -> str:
    return f"the {leftover.kind.replace('_', ' ')} {last_segment(leftover.id)}"


def _of(fate: RemovalOutcome) -> Leftover:
    if fate.leftover is None:
        raise ValueError(f"nothing is known of {fate.id}")
    return fate.leftover
