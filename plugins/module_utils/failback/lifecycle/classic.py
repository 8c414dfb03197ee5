# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the classic generation: InMageAzureV2 to Azure, InMage home.

Sources: asr-api.md 2.3 (bodies), 3.1 (states), 4 (jobs). Rows marked INFER there are evaluated by the operation the service
allows, never by the text of a state, so a different text cannot mislead.
"""

from __future__ import annotations

from types import MappingProxyType

from .table import (
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


def _flights(scenario: str, *where: tuple[str, str]) -> frozenset[tuple[str, str, str]]:
    return frozenset((scenario, instance, location) for instance, location in where)


_V2, _IM = "InMageAzureV2", "InMage"


_REPROTECT = "SwitchReplicationGroupProtection"


CLASSIC = Lifecycle(
    places=(
        Place("classic", Position.HOME, _V2, "Primary", allows="UnplannedFailover"),
        # A test failover waits for its clean-up: the machine is still at home.
        Place("classic", Position.HOME, _V2, "Primary", allows="TestFailoverCleanup"),
        # While one runs nothing is allowed, which looks like a synchronisation.
        Place("classic", Position.HOME, _V2, "Primary", holds=TESTS),
        Place("classic", Position.SYNCING_OUT, _V2, "Primary", lacks=frozenset({"UnplannedFailover"})),
        Place("classic", Position.OUT_UNCOMMITTED, _V2, "Recovery", allows="Commit"),
        Place("classic", Position.OUT, _V2, "Recovery", allows="SwitchProtection", lacks=frozenset({"Commit"})),
        Place("classic", Position.READY, _IM, "Primary", allows="UnplannedFailover"),
        Place("classic", Position.SYNCING_HOME, _IM, "Primary", lacks=frozenset({"UnplannedFailover"})),
        Place("classic", Position.HOME_UNCOMMITTED, _IM, "Recovery", allows="Commit"),
        Place(
            "classic",
            Position.HOME_UNPROTECTED,
            _IM,
            "Recovery",
            allows="SwitchProtection",
            lacks=frozenset({"Commit"}),
        ),
    ),
    operations=(
        Operation(
            generation="classic",
            step=FAILOVER_TO_AZURE,
            departs=frozenset({Position.HOME}),
            arrives=Position.OUT_UNCOMMITTED,
            settles=Position.OUT_UNCOMMITTED,
            permission="UnplannedFailover",
            verb="unplannedFailover",
            direction="PrimaryToRecovery",
            body="classic_failover_to_azure",
            scenarios=frozenset({"UnplannedFailover"}),
            in_flight=_flights("UnplannedFailover", (_V2, "*")),
            # No point in the body means latest (SEEN FO); the others are picked from the item's list.
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
            generation="classic",
            step=COMMIT_TO_AZURE,
            departs=frozenset({Position.OUT_UNCOMMITTED}),
            arrives=Position.OUT,
            settles=Position.OUT,
            permission="Commit",
            verb="failoverCommit",
            direction=None,
            body=None,
            scenarios=frozenset({"CommitFailover"}),
            in_flight=_flights("CommitFailover", (_V2, "*")),
        ),
        Operation(
            generation="classic",
            step=REPROTECT_TO_ONPREM,
            departs=frozenset({Position.OUT}),
            arrives=Position.SYNCING_HOME,
            settles=Position.READY,
            permission="SwitchProtection",
            verb="reProtect",
            direction="RecoveryToPrimary",
            body="classic_reprotect_to_onprem",
            scenarios=frozenset({_REPROTECT}),
            in_flight=_flights(_REPROTECT, (_V2, "Recovery"), (_IM, "Primary")),
            agent_sign="heartbeat",
        ),
        Operation(
            generation="classic",
            step=FAILOVER_TO_ONPREM,
            departs=frozenset({Position.READY}),
            arrives=Position.HOME_UNCOMMITTED,
            settles=Position.HOME_UNCOMMITTED,
            permission="UnplannedFailover",
            verb="unplannedFailover",
            # The meaning of "primary" has flipped with the reprotect (SEEN FB).
            direction="PrimaryToRecovery",
            body="classic_failover_to_onprem",
            scenarios=frozenset({"UnplannedFailover"}),
            in_flight=_flights("UnplannedFailover", (_IM, "*")),
            points=MappingProxyType({"latest": "LatestTime", "latest_app_consistent": "LatestTag"}),
            named_point=True,
        ),
        Operation(
            generation="classic",
            step=COMMIT_TO_ONPREM,
            departs=frozenset({Position.HOME_UNCOMMITTED}),
            arrives=Position.HOME_UNPROTECTED,
            settles=Position.HOME_UNPROTECTED,
            permission="Commit",
            verb="failoverCommit",
            direction=None,
            body=None,
            scenarios=frozenset({"CommitFailover"}),
            in_flight=_flights("CommitFailover", (_IM, "*")),
        ),
        Operation(
            generation="classic",
            step=REPROTECT_TO_AZURE,
            departs=frozenset({Position.HOME_UNPROTECTED}),
            arrives=Position.SYNCING_OUT,
            settles=Position.HOME,
            permission="SwitchProtection",
            verb="reProtect",
            direction="RecoveryToPrimary",
            body="classic_reprotect_to_azure",
            scenarios=frozenset({_REPROTECT}),
            in_flight=_flights(_REPROTECT, (_IM, "Recovery"), (_V2, "Primary")),
            agent_sign="heartbeat",
        ),
    ),
)
