# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory makes of the vaults' machines: which are listed, under which names, in which groups. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import last_segment
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import (
    fits,
    is_pattern,
    name_key,
    names_nothing,
    same,
    stripped,
    words,
    wrong_type,
)

Facts = Mapping[str, Any]

#: Words that the vaults may have though no machine has them now (DOC; InMage providers know these two systems).
KNOWN = {"health": ("None", "Normal", "Warning", "Critical"), "operating_systems": ("Linux", "Windows")}

STATES = (*(position.value for position in Position), "unknown")

#: What machines are filtered by -> their words for it.
ASPECTS: Mapping[str, Callable[[Facts], Sequence[str]]] = {
    "states": lambda m: [m["position"]],
    "vaults": lambda m: [m["vault"]],
    "plans": lambda m: m["plans"],
    "groups": lambda m: [m["group"]] if m["group"] else [],
    "health": lambda m: [m["health"]] if m["health"] else [],
    "operating_systems": lambda m: [m["os_type"]] if m["os_type"] else [],
}

#: What machines are grouped by -> (beginning of the group's name, their words for it).
GROUPINGS: Mapping[str, tuple[str, Callable[[Facts], Sequence[str]]]] = {
    "state": ("state", ASPECTS["states"]),
    "vault": ("vault", ASPECTS["vaults"]),
    "plan": ("plan", ASPECTS["plans"]),
    "group": ("group", ASPECTS["groups"]),
    "operating_system": ("os", ASPECTS["operating_systems"]),
    "health": ("health", ASPECTS["health"]),
}


class Filter:
    """Option ``include`` or ``exclude``: words by aspect, of which a machine must have one each (include) or any (exclude).

    An aspect that is omitted or an empty list does not filter; one whose entries are all blank matches no machine.
    """

    def __init__(self, option: str, given: Any) -> None:
        self.option = option
        self.wanted: dict[str, tuple[str, ...]] = {}
        if given is None:
            return
        if not isinstance(given, Mapping):
            raise wrong_type(option, given, f"a mapping of {', '.join(ASPECTS)}")
        for aspect, value in given.items():
            if aspect not in ASPECTS:
                raise InputError(
                    "filter_unknown",
                    f"Option {option} has no {aspect!r}: it filters by {', '.join(ASPECTS)}.",
                    "Correct it in the inventory file.",
                )
            if value is None or value == []:
                continue
            self.wanted[aspect] = words(f"{option}.{aspect}", value)
            for word in self.wanted[aspect]:
                # In include it fits nothing; here it would leave nothing out, whatever it was to leave out.
                if option == "exclude" and names_nothing(word):
                    raise InputError(
                        "pattern_too_broad",
                        f"The pattern {word!r} in option {option}.{aspect} has wildcards only.",
                        f"Include part of the names, or leave {aspect} out of {option}.",
                    )
        for word in self.wanted.get("states", ()):
            if not is_pattern(word) and not same(word, *STATES):
                raise InputError(
                    "state_unknown",
                    f"Option {option}.states names {word!r}, which is not a state.",
                    f"Choose from: {', '.join(STATES)}.",
                )

    def _fits(self, aspect: str, machine: Facts) -> bool:
        return any(_means(word, name) for word in self.wanted[aspect] for name in ASPECTS[aspect](machine))

    def every(self, machine: Facts) -> bool:
        """Whether the machine fits each aspect that is given."""
        return all(self._fits(aspect, machine) for aspect in self.wanted)

    def any(self, machine: Facts) -> bool:
        """Whether the machine fits one of the aspects that are given."""
        return any(self._fits(aspect, machine) for aspect in self.wanted)

    def unmet(self, machines: Sequence[Facts]) -> list[str]:
        """A sentence for each word that no machine has, and that it cannot have: most likely it is misspelt."""
        said = []
        for aspect in ("vaults", "plans", "groups", *KNOWN):
            known = {name for machine in machines for name in ASPECTS[aspect](machine)}.union(KNOWN.get(aspect, ()))
            for word in self.wanted.get(aspect, ()):
                if not any(_means(word, name) for name in known):
                    said.append(f"Option {self.option}.{aspect} names {word!r}, which no machine of the vaults has.")
        return said


def _means(word: str, name: str) -> bool:
    return same(word, name) or (is_pattern(word) and not names_nothing(word) and fits(word, name))


def listed(machines: Iterable[Facts], include: Filter, exclude: Filter) -> list[Facts]:
    """The machines to list."""
    return [m for m in machines if include.every(m) and not exclude.any(m)]


def unique(names: Sequence[str], machines: Sequence[Facts]) -> list[str]:
    """Names for the inventory, one for each machine: two machines never become one host.

    A name that several machines have gets the vault's name behind it, and where that does not distinguish them the name of
    the replicated item.
    """
    for tails in ([str(m["vault"]) for m in machines], [last_segment(str(m["item_id"])) for m in machines]):
        count = Counter(name_key(name) for name in names)
        names = [
            name if count[name_key(name)] == 1 else f"{name}.{tail}" for name, tail in zip(names, tails, strict=True)
        ]
    return list(names)


def groups_of(machine: Facts, groupings: Iterable[str], prefix: str) -> list[str]:
    """The groups a machine is in, not yet made safe as names."""
    found = []
    for grouping in groupings:
        begin, told = GROUPINGS[grouping]
        found += [f"{prefix}{begin}_{word}" for word in told(machine)]
    return found


def variables(facts: Facts, prefix: str) -> dict[str, Any]:
    """Facts as host variables."""
    return {f"{prefix}{name}": value for name, value in facts.items()}


def entries_of(vaults: Any) -> list[dict[str, Any]]:
    """Option ``vaults`` as the modules take it: mappings, or texts such as ``resource_group/name``.

    Raises InputError (``vault_unclear``). A blank text names no vault and is left out.
    """
    found: list[dict[str, Any]] = []
    for entry in [vaults] if isinstance(vaults, (str, Mapping)) else vaults or ():
        if isinstance(entry, Mapping):
            found.append(dict(entry))
            continue
        parts = [stripped(part) for part in stripped(entry).strip("/").split("/")] if isinstance(entry, str) else []
        if parts == [""]:
            continue
        if len(parts) not in (2, 3) or not all(parts):
            raise InputError(
                "vault_unclear",
                f"Option vaults holds {entry!r}, which does not name a vault.",
                "Give name and resource_group, or a text such as resource_group/name or subscription_id/resource_group/name.",
            )
        vault = {"name": parts[-1], "resource_group": parts[-2]}
        found.append(vault if len(parts) == 2 else {**vault, "subscription_id": parts[0]})
    return found
