# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery plans as far as they choose machines: their members, and what else is in them that no run of ours does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.items import Json
from ..model.words import same

#: What an action of a plan is called, by the type of its details (SPEC RecoveryPlanActionDetails).
_ACTIONS: Mapping[str, str] = {
    "manualactiondetails": "manual action",
    "scriptactiondetails": "script",
    "automationrunbookactiondetails": "runbook",
}


@dataclass(frozen=True)
class Plan:
    """A recovery plan. ``members`` are ids as the plan spells them; ``actions`` pairs of kind and name."""

    name: str
    friendly_name: str
    vault: str
    members: tuple[str, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    #: Boot groups that have machines: they start one after the other when the plan itself is run.
    rounds: int = 0

    def called(self, name: str) -> bool:
        return same(name, self.name, self.friendly_name)

    @property
    def not_run(self) -> str:
        """What of the plan no run of ours does, in one sentence; empty where it only lists machines."""
        parts = [f"{kind} {name!r}" for kind, name in self.actions]
        if self.rounds > 1:
            parts.insert(0, f"the order of its {self.rounds} groups")
        if not parts:
            return ""
        return (
            f"The recovery plan {self.name!r} is only used to select machines. Not applied: {', '.join(parts)}. Do "
            "what the failback needs of that by hand or in hooks."
        )

    @classmethod
    def parse(cls, data: Json, vault: str) -> Plan:
        """From a list entry (SEEN asr-api.md 1.4). Groups, items and actions may be null."""
        props = _mapping(data.get("properties"))
        members: dict[str, str] = {}
        actions: list[tuple[str, str]] = []
        rounds = 0
        for group in map(_mapping, _entries(props.get("groups"))):
            ids = [str(_mapping(e).get("id") or "") for e in _entries(group.get("replicationProtectedItems"))]
            rounds += any(ids)
            for member in filter(None, ids):
                members.setdefault(member.lower(), member)
            for where in ("startGroupActions", "endGroupActions"):
                for action in filter(None, map(_mapping, _entries(group.get(where)))):
                    kind = str(_mapping(action.get("customDetails")).get("instanceType") or "").lower()
                    named = (_ACTIONS.get(kind, "action"), str(action.get("actionName") or ""))
                    if named not in actions:
                        actions.append(named)
        return cls(
            name=str(data.get("name") or ""),
            friendly_name=str(props.get("friendlyName") or ""),
            vault=vault,
            members=tuple(members.values()),
            actions=tuple(actions),
            rounds=rounds,
        )


def parse_all(plans: Mapping[str, Iterable[Json]]) -> list[Plan]:
    """Every plan of the vaults; ``plans`` maps a vault's key to its list."""
    return [Plan.parse(entry, vault) for vault, entries in plans.items() for entry in entries if entry]


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _entries(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
