# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: read everything once, evaluate it, and report what blocks. Writes nothing; runs something in a machine on request only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ..model.errors import InputError
from ..model.resource_ports import ResourcePort
from ..model.site_ports import SurveyPort
from ..model.words import same
from ..placement.classic import check_names
from ..servers.inside_script import Inside, TcpPort
from ..wanted.order import Order, validate
from ..wanted.refusals import selection_messages
from .facts.build import build
from .facts.facts import Facts
from .facts.inside import RunScript, look_inside
from .facts.lookups import estate_of
from .facts.moments import CS, MOMENTS
from .facts.ports import Reach, try_ports
from .facts.reading import Read, read
from .facts.subjects import Subject
from .findings_table import render
from .verdicts import judge, outcome


def preflight(
    order: Order,
    moments: Sequence[str],
    backups: Mapping[str, Any],
    vaults: ResourcePort,
    site: SurveyPort | None,
    reach: Reach | None = None,
    run_script: RunScript | None = None,
    guests: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The whole result but its ``failed``. ``reach`` tries TCP ports of servers and ``run_script`` runs scripts inside Azure VMs, where
    that is asked for. ``guests`` are looks of machines at home, each with its ``item_id`` (proofs/guest_look.py).

    Raises InputError for what is not understood in the options.
    """
    for moment in moments:
        if moment not in MOMENTS:
            raise InputError(
                "moment_unknown",
                f"{moment!r} in '{{option:moments}}' is not a step.",
                f"Choose from: {', '.join(MOMENTS)}.",
            )
    validate(order)
    made = {str(name).lower(): _day(str(name), value) for name, value in backups.items()}
    seen = read(order, vaults, site)
    ports = None if reach is None else try_ports(seen.fabrics, reach)
    inside = None if run_script is None else look_inside(seen, run_script)
    facts = facts_of(order, seen, vaults, made, ports, inside, guests)
    check_names(order, estate_of(seen, facts), stores=any(h.exists is not True for h in seen.homes.values()))
    subjects = build(order, seen, facts, moments)
    findings = judge(subjects, facts, order.accept)
    result = outcome(subjects, findings)
    result["requests"] = {"writes": vaults.requests.writes, "reads": vaults.requests.reads}
    result["time"] = facts.now.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    result["scripts_run"] = len(facts.inside or ())
    result["lines"] = render(result)
    notes = [*selection_messages(seen.choice), *_strangers(backups, subjects)]
    if notes:
        result["warnings"] = notes
    return result


def facts_of(
    order: Order,
    seen: Read,
    vaults: ResourcePort,
    backups: Mapping[str, date],
    ports: Mapping[TcpPort, str] | None = None,
    inside: Mapping[str, Inside] | None = None,
    guests: Sequence[Mapping[str, Any]] = (),
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
        inside=inside,
        guests={str(look.get("item_id") or "").lower(): look for look in guests} if guests else None,
        unread=seen.unread,
    )


def _strangers(backups: Mapping[str, Any], subjects: Sequence[Subject]) -> list[str]:
    """A note on backups of servers that no selected machine has; a mapping may be in an inventory for every run."""
    known = [subject.name for subject in subjects if subject.kind == CS]
    strange = [str(name) for name in backups if not same(str(name), *known)]
    if not strange:
        return []
    said = (
        f"{{option:configuration_server_backups}} names {', '.join(strange)}, which is no configuration server of the "
        f"selected machines ({', '.join(known) or 'they have none'})."
    )
    return [said]


def _day(name: str, value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as exc:
        raise InputError(
            "backup_date_invalid",
            f"{value!r} in '{{option:configuration_server_backups}}' for {name} is not a date.",
            "Set it to the date of the last backup as YYYY-MM-DD.",
        ) from exc
