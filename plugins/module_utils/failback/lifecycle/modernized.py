# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the modernized generation, and the life cycle of all generations together.

Sources: asr-api.md 2.3 and 3.2. SEEN RCM: the failover to Azure, the reprotect home straight after it, the
synchronisation and the planned failover. Never recorded: what an item reports after the planned failover, after its commit
and during the reprotect to Azure. There the rows list every plausible value, and rely on the operation the
service allows, whatever active location the item reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .classic import CLASSIC
from .table import (
    CANCEL_FAILOVER_TO_ONPREM,
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
    TESTS,
    Lifecycle,
    Operation,
    Place,
    Position,
)

_G = "modernized"
_OUTWARD, _BACK = "InMageRcm", "InMageRcmFailback"

#: Names under which the cancellation of a planned failover may be offered, and names of its job (INFER).
CANCEL_WORDS = ("CancelFailover", "FailoverCancel")
_CANCEL_SCENARIOS = (*CANCEL_WORDS, "CancelPlannedFailover")

#: A reprotect's job is called so by classic vaults (SEEN RP1); other words are allowed for (INFER).
_REPROTECTS = ("SwitchReplicationGroupProtection", "SwitchProtection", "Reprotect", "ReProtect")

#: A planned failover's job (INFER), with the word classic vaults have for theirs (SEEN FB).
_PLANNED = ("PlannedFailover", "UnplannedFailover")


def _flights(scenarios: tuple[str, ...], *where: tuple[str, str]) -> frozenset[tuple[str, str, str]]:
    return frozenset((scenario, instance, location) for scenario in scenarios for instance, location in where)


MODERNIZED = Lifecycle(
    places=(
        Place(_G, Position.HOME, _OUTWARD, "Primary", allows="UnplannedFailover"),
        # A test failover waits for its clean-up: the machine is still at home.
        Place(_G, Position.HOME, _OUTWARD, "Primary", allows="TestFailoverCleanup"),
        Place(_G, Position.HOME, _OUTWARD, "Primary", holds=TESTS),
        Place(_G, Position.SYNCING_OUT, _OUTWARD, "Primary", lacks=frozenset({"UnplannedFailover"})),
        # SwitchProtection is offered along with Commit there (SEEN RCM 130).
        Place(_G, Position.OUT_UNCOMMITTED, _OUTWARD, "Recovery", allows="Commit"),
        Place(_G, Position.OUT, _OUTWARD, "Recovery", allows="SwitchProtection", lacks=frozenset({"Commit"})),
        # Failed over to on-premises, visible from the commit that is due or from the reprotect that is offered.
        Place(_G, Position.HOME_UNCOMMITTED, _BACK, "*", allows="Commit"),
        *(Place(_G, Position.HOME_UNCOMMITTED, _BACK, "*", allows=word) for word in CANCEL_WORDS),
        Place(_G, Position.READY, _BACK, "*", allows="PlannedFailover"),
        Place(_G, Position.HOME_UNPROTECTED, _BACK, "*", allows="SwitchProtection"),
        Place(_G, Position.SYNCING_HOME, _BACK, "Primary", lacks=frozenset({"CompleteMigration"})),
    ),
    operations=(
        Operation(
            generation=_G,
            step=FAILOVER_TO_AZURE,
            departs=frozenset({Position.HOME}),
            arrives=Position.OUT_UNCOMMITTED,
            settles=Position.OUT_UNCOMMITTED,
            permission="UnplannedFailover",
            verb="unplannedFailover",
            direction="PrimaryToRecovery",
            body="modernized_failover_to_azure",
            scenarios=frozenset({"UnplannedFailover"}),
            in_flight=_flights(("UnplannedFailover",), (_OUTWARD, "*")),
            # No point in the body means latest (SEEN RCM 107); the others are picked from the item's list.
            points=MappingProxyType(
                {
                    "latest": "",
                    "latest_processed": "any",
                    "latest_app_consistent": "ApplicationConsistent",
                    "latest_crash_consistent": "CrashConsistent",
                }
            ),
            named_point=True,
        ),
        Operation(
            generation=_G,
            step=COMMIT_TO_AZURE,
            departs=frozenset({Position.OUT_UNCOMMITTED}),
            arrives=Position.OUT,
            settles=Position.OUT,
            permission="Commit",
            verb="failoverCommit",
            direction=None,
            body=None,
            scenarios=frozenset({"CommitFailover"}),
            in_flight=_flights(("CommitFailover",), (_OUTWARD, "*")),
        ),
        Operation(
            generation=_G,
            step=REPROTECT_TO_ONPREM,
            # The recorded machine was reprotected without a commit (SEEN RCM 107 to 132).
            departs=frozenset({Position.OUT, Position.OUT_UNCOMMITTED}),
            arrives=Position.SYNCING_HOME,
            settles=Position.READY,
            permission="SwitchProtection",
            verb="reProtect",
            direction="RecoveryToPrimary",
            body="modernized_reprotect_to_onprem",
            scenarios=frozenset(_REPROTECTS),
            in_flight=_flights(_REPROTECTS, (_OUTWARD, "Recovery"), (_BACK, "Primary")),
            agent_sign="flag",
        ),
        Operation(
            generation=_G,
            step=FAILOVER_TO_ONPREM,
            departs=frozenset({Position.READY}),
            arrives=Position.HOME_UNCOMMITTED,
            settles=Position.HOME_UNCOMMITTED,
            permission="PlannedFailover",
            verb="plannedFailover",
            # The recorded request has none (SEEN RCM 163).
            direction=None,
            body="modernized_failover_to_onprem",
            scenarios=frozenset(_PLANNED),
            in_flight=_flights(_PLANNED, (_BACK, "*")),
            # The point is made after the job has begun, so that both kinds are the latest of theirs (DOC).
            points=MappingProxyType(
                {
                    "latest": "CrashConsistent",
                    "latest_crash_consistent": "CrashConsistent",
                    "latest_app_consistent": "ApplicationConsistent",
                }
            ),
        ),
        Operation(
            generation=_G,
            step=COMMIT_TO_ONPREM,
            departs=frozenset({Position.HOME_UNCOMMITTED}),
            arrives=Position.HOME_UNPROTECTED,
            settles=Position.HOME_UNPROTECTED,
            permission="Commit",
            verb="failoverCommit",
            direction=None,
            body=None,
            scenarios=frozenset({"CommitFailover"}),
            in_flight=_flights(("CommitFailover",), (_BACK, "*")),
        ),
        Operation(
            generation=_G,
            step=REPROTECT_TO_AZURE,
            departs=frozenset({Position.HOME_UNPROTECTED}),
            arrives=Position.SYNCING_OUT,
            settles=Position.HOME,
            permission="SwitchProtection",
            verb="reProtect",
            # The opposite of classic (SEEN script AsrV2ARcmTests).
            direction="PrimaryToRecovery",
            body="modernized_reprotect_to_azure",
            scenarios=frozenset(_REPROTECTS),
            in_flight=_flights(_REPROTECTS, (_BACK, "*"), (_OUTWARD, "Primary")),
            agent_sign="flag",
        ),
        # Never part of a route: only asr_cancel_failback uses this one.
        Operation(
            generation=_G,
            step=CANCEL_FAILOVER_TO_ONPREM,
            departs=frozenset({Position.HOME_UNCOMMITTED}),
            arrives=Position.READY,
            settles=Position.READY,
            # What can be committed can be cancelled (DOC); its name in allowedOperations was never recorded.
            permission="Commit",
            or_permissions=frozenset(CANCEL_WORDS),
            verb="failoverCancel",
            direction=None,
            body=None,
            scenarios=frozenset(_CANCEL_SCENARIOS),
            in_flight=_flights(_CANCEL_SCENARIOS, (_BACK, "*")),
        ),
    ),
)

#: All generations: what every run works with.
LIFECYCLE = CLASSIC + MODERNIZED

#: What a vault's generation means for its machines, in one sentence (asr-api.md 7, failback-domain.md 6; DOC).
NOTES: Mapping[str, str] = MappingProxyType(
    {
        "classic": (
            "Classic replication has been out of support since March 2026, so the service may refuse. Machines that "
            "run in Azure must be failed back before they can move to the modernized experience."
        ),
        "modernized": "Modernized replication: machines are failed back through an appliance of the vault.",
    }
)

#: Words in a refusal that is due to the retirement. No such refusal was recorded (INFER).
_RETIRED_WORDS = ("retire", "deprecat", "no longer support", "end of support", "end of life", "classic experience")

_AWAY = (
    "ask Microsoft support to let the failback finish; otherwise restore a backup or the exported Azure disks "
    "on-premises, or keep the machine in Azure"
)
_PROTECT_ANEW = "it runs on-premises: disable its replication in this vault and protect it in a modernized one"

#: The remaining options for a classic machine whose operation is refused for good, by position.
RETIRED_LEFT: Mapping[Position, str] = MappingProxyType(
    {
        **dict.fromkeys(Position, _AWAY),
        Position.HOME: (
            "it is on-premises and protected: move it to a modernized vault (to learn whether it can, {run:item_info})"
        ),
        Position.SYNCING_OUT: _PROTECT_ANEW,
        Position.HOME_UNPROTECTED: _PROTECT_ANEW,
        Position.HOME_UNCOMMITTED: (
            "it runs on-premises: ask Microsoft support to commit its failover, and keep the Azure machine off"
        ),
    }
)


def retired(generation: str, position: Position | None, said: str) -> tuple[bool, str]:
    """Whether a refusal is for the retirement, and what is left to do; an empty text for other generations.

    If that is unclear, the text says so and gives the options.
    """
    if generation != "classic":
        return False, ""
    left = RETIRED_LEFT[position] if position is not None else _AWAY
    if any(word in said.lower() for word in _RETIRED_WORDS):
        return True, f"Classic replication is retired. Your options: {left}."
    return False, f"If the cause is the retirement of classic replication (March 2026), your options are: {left}."
