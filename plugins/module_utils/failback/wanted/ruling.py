# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asks of the rules of readiness right before a step, and what it is answered. The run knows nothing else of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..lifecycle.bodies import Placement
from ..model.errors import FailbackError
from ..model.identity import Known
from ..model.items import Item
from ..model.refusal import Refusal


@dataclass(frozen=True)
class DueStep:
    """A machine, as its own GET tells it, that is about to take a step; ``placed`` is where its reprotect home would put it."""

    item: Item
    step: str
    placed: Placement | None = None
    known: Known = field(default_factory=Known)


@dataclass(frozen=True)
class Ruling:
    """What blocks the step, each with its rule's id, whether or not a person accepts it. ``error``: what protects the
    machine could not be read."""

    blocks: tuple[Refusal, ...] = ()
    error: FailbackError | None = None


class Judge(Protocol):
    """The rules, as a run asks them."""

    def __call__(self, items: Sequence[Item], asked: Sequence[DueStep]) -> Mapping[str, Ruling]:
        """``items``: every item of the vaults. Rulings by item key; what it leaves out may go."""

    def note(self, item: Item, step: str, gates: Sequence[Refusal]) -> None:
        """Gates that the run found itself for a machine, accepted or not."""
