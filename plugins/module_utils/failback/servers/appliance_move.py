# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving machines from one appliance to another (ReplicationProtectedItems_UpdateAppliance, SPEC).

One request per machine, and only for on-premises machines that replicate to Azure (DOC). Everything else is as with process
servers: a move that runs is joined, a lost reply is looked into, nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import POSITION_TEXT, Position
from ..model.items import Item, Json
from ..model.refusal import Refusal
from .entries import settle
from .reassign import Mover, Pair, ReassignRequest, process_server_id

#: Part of the scenario name of a job that changes a machine's appliance. The name itself is not recorded (INFER).
SCENARIO_PART = "appliance"


class ApplianceMove(ReassignRequest):
    """One machine to another appliance."""

    operation = "updateAppliance"

    @property
    def resource_id(self) -> str:
        return self.items[0].id

    @property
    def key(self) -> str:
        return f"{self.items[0].key}:{self.pair.target.id}".lower()

    @property
    def body(self) -> Json:
        """The account is the machine's own: forward items report it (SEEN RCM 130)."""
        details: dict[str, Any] = {"instanceType": "InMageRcm"}
        account = self.items[0].details.get("runAsAccountId")
        if account:
            details["runAsAccountId"] = account
        return {"properties": {"targetApplianceId": self.pair.target.id, "providerSpecificDetails": details}}


class ApplianceMover(Mover):
    """Sends each machine's move separately."""

    def carry_all(self, pair: Pair, going: Sequence[tuple[Item, dict[str, Any]]], narrowed: bool) -> None:
        for item, entry in going:
            position = LIFECYCLE.position(item)
            moving = self.running(ApplianceMove(pair, "", (item,), False)) is not None
            if position is Position.HOME or moving or item.name in self.cursor.get("moved", []):
                self.carry(ApplianceMove(pair, "", (item,), False), [entry])
            else:
                settle(entry, (), _not_at_home(item, position), late=True)

    def whole(self, pair: Pair, item: Item) -> Item:
        """Machines being failed back name the appliance that holds them instead of a process server (SEEN RCM 158)."""
        if process_server_id(item) or not item.details.get("reprotectAgentId"):
            return super().whole(pair, item)
        details = {**item.details, "processServerId": item.details["reprotectAgentId"]}
        return Item.parse(
            {"id": item.id, "name": item.name, "properties": {**item.properties, "providerSpecificDetails": details}},
            item.vault,
        )

    def running(self, move: ReassignRequest) -> str | None:
        """The machine's own job that changes its appliance."""
        scenario = move.items[0].scenario
        return scenario.job if scenario is not None and SCENARIO_PART in scenario.name.lower() else None


def _not_at_home(item: Item, position: Position | None) -> Refusal:
    where = POSITION_TEXT[position] if position is not None else "in an unknown state"
    return Refusal(
        "not_onprem",
        (
            f"{item.friendly_name} is {where}; only an on-premises machine that replicates to Azure can change its "
            "appliance."
        ),
        "Fail it back first, or leave it out.",
    )
