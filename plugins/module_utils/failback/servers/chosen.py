# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines that an order for servers chooses, as stages choose them. Pure but for the port."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ..model.items import Item, Json, VaultRef
from ..model.server_ports import ServerVaultPort
from ..wanted.order import Order
from ..wanted.selection import Choice, choose


class Choosing(Protocol):
    """What an order for servers says about machines."""

    @property
    def vaults(self) -> tuple[VaultRef, ...]:
        """The vaults of the order."""

    @property
    def machines(self) -> tuple[str, ...]:
        """Names, patterns or ids of replicated items."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Replication groups."""

    @property
    def recovery_plans(self) -> tuple[str, ...]:
        """Names of recovery plans."""

    @property
    def exclude(self) -> tuple[str, ...]:
        """What is left out of all that."""


def chosen(order: Choosing, service: ServerVaultPort, items: Sequence[Item], plans_of: Iterable[VaultRef]) -> Choice:
    """What is chosen of these items. Recovery plans are read from the vaults ``plans_of``, and only where some are named."""
    plans: dict[str, Sequence[Json]] = {}
    if order.recovery_plans:
        plans = {vault.key: service.list_recovery_plans(vault) for vault in plans_of}
    wish = Order(
        vaults=order.vaults,
        route=(),
        machines=order.machines,
        groups=order.groups,
        recovery_plans=order.recovery_plans,
        exclude=order.exclude,
    )
    return choose(wish, items, plans)
