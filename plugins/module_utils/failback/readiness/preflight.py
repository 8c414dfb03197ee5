# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: read everything once, evaluate it, and report what blocks. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ..model.errors import InputError
from ..model.resource_ports import ResourcePort
from ..model.site_ports import SurveyPort
from ..placement.classic import check_names
from ..wanted.order import Order
from ..wanted.refusals import selection_messages
from .facts.build import build
from .facts.facts import Facts
from .facts.lookups import estate_of
from .facts.moments import MOMENTS
from .facts.ports import Reach, TcpPort, try_ports
from .facts.reading import Read, read
from .findings_table import render
from .verdicts import judge, outcome


def preflight(
    order: Order,
    moments: Sequence[str],
    backups: Mapping[str, Any],
    vaults: ResourcePort,
    site: SurveyPort | None,
    reach: Reach | None = None,
) -> dict[str, Any]:
    """The whole result but its ``failed``. ``reach`` tries TCP ports of servers, where that is asked for.

    Raises InputError for what is not understood in the options.
    """
    for moment in moments:
        if moment not in MOMENTS:
            raise InputError(
                "moment_unknown",
                f"{moment!r} in '{{option:moments}}' is not a step.",
                f"Choose from: {', '.join(MOMENTS)}.",
            )
    made = {str(name).lower(): _day(str(name), value) for name, value in backups.items()}
    seen = read(order, vaults, site)
    facts = facts_of(order, seen, vaults, made, None if reach is None else try_ports(seen.fabrics, reach))
    check_names(order, estate_of(seen, facts), stores=any(h.exists is not True for h in seen.homes.values()))
    subjects = build(order, seen, facts, moments)
    findings = judge(subjects, facts, order.accept)
    result = outcome(subjects, findings)
    result["requests"] = {"writes": vaults.requests.writes, "reads": vaults.requests.reads}
    result["time"] = facts.now.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    result["lines"] = render(result)
    notes = selection_messages(seen.choice)
    if notes:
        result["warnings"] = notes
    return result


def facts_of(
    order: Order,
    seen: Read,
    vaults: ResourcePort,
    backups: Mapping[str, date],
    ports: Mapping[TcpPort, str] | None = None,
) -> Facts:
    """What was read, as rules are given it."""
    return Facts(
        now=vaults.now,
        rpo_limit=order.rpo_limit,
        survey=seen.survey,
        azure=seen.azure,
        network=seen.network,
        policies=seen.policies,
        vcenters=seen.vcenters,
        backups=backups,
        ports=ports,
        unread=seen.unread,
    )


def _day(name: str, value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as exc:
        raise InputError(
            "backup_date_invalid",
            f"{value!r} in '{{option:configuration_server_backups}}' for {name} is not a date.",
            "Set it to the date of the last backup as YYYY-MM-DD.",
        ) from exc
