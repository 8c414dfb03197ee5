# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read once for all subjects. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ...model.items import Json
from ...model.site_ports import SiteSurvey
from ...servers.inside_script import TcpPort


@dataclass(frozen=True)
class AzureNetwork:
    """Azure's network resources by id in lower case. None of a kind: it could not be read, or not for every group."""

    interfaces: Mapping[str, Json] | None = None
    gateways: Sequence[Json] | None = None
    connections: Sequence[Json] | None = None


@dataclass(frozen=True)
class Facts:
    """What was read, once for all subjects. None: it was not read, or could not be; ``unread`` says why.

    ``azure`` are Azure VMs by id in lower case, ``policies`` and ``vcenters`` the vault's entries by vault key.
    """

    now: datetime
    rpo_limit: float | None = None
    survey: SiteSurvey | None = None
    azure: Mapping[str, Json] | None = None
    network: AzureNetwork = field(default_factory=AzureNetwork)
    policies: Mapping[str, Sequence[Json] | None] = field(default_factory=dict)
    vcenters: Mapping[str, Sequence[Json] | None] = field(default_factory=dict)
    backups: Mapping[str, date] = field(default_factory=dict)
    #: (address, TCP port) -> why it did not answer, empty where it did. None: nobody asked for it.
    ports: Mapping[TcpPort, str] | None = None
    #: What a script has found inside Azure VMs, by resource id in lower case. None: nobody asked for it.
    inside: Mapping[str, Any] | None = None
    #: What machines at home have found from inside (proofs/guest_look.py), by item key. None: nobody asked them.
    guests: Mapping[str, Mapping[str, Any]] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)

    def because(self, what: str) -> str:
        """Why something was not read, as the end of a sentence."""
        why = self.unread.get(what)
        return f": {why}" if why else "."


def properties(entry: Json) -> Json:
    """An ARM resource's properties."""
    found: Any = entry.get("properties")
    return found if isinstance(found, Mapping) else {}
