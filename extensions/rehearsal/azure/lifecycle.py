# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle as data: what an item says about itself in each phase, and which operation leads where.

A generation is a tuple of rows and a tuple of moves; nothing else in the package asks which generation an item is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rehearsal.fleet import FleetError


@dataclass(frozen=True)
class Row:
    """The literal words of an item in one phase.

    ``forward``: the item replicates (or replicated last) from on-premises to Azure; it decides policy, recovery fabric,
    recovery point and discovery words. ``in_azure``: the machine that works now is the Azure VM. ``source`` says where
    the words come from.
    """

    phase: str
    instance_type: str
    state: str
    description: str
    location: str
    site: str | None
    allowed: tuple[str, ...]
    forward: bool
    in_azure: bool
    syncing: bool = False
    source: str = "SEEN"


@dataclass(frozen=True)
class Move:
    """One operation in one direction: where it may start, what its body must say, which job runs, where it ends."""

    operation: str
    direction: str
    #: Last segment of the path, lower case.
    verb: str
    start: str
    #: The word that must be in allowedOperations.
    word: str
    scenario: str
    friendly: str
    #: Phase shown while the job runs (allowedOperations is [] then in any case).
    during: str
    done: str
    provider: str | None = None
    #: What failoverDirection may say; None: it may be left out.
    directions: tuple[str | None, ...] = ()
    #: providerSpecificDetails that the published description requires (SPEC).
    required: tuple[str, ...] = ()
    #: What some of them may say (SPEC).
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.operation}/{self.direction}"


PROTECTED = ("Protected", "Protected")
STARTED = ("UnplannedFailoverTransitionStatesBegin", "Failover was initiated")
PENDING = ("UnplannedFailoverCommitPendingStatesBegin", "Failover completed")
BROKEN = ("UnplannedFailoverCompletionFailed", "Failover completion failed")
COMMITTED = ("UnplannedFailoverCommitted", "Failover committed")
COPYING = ("InitialReplicationInProgress", "Initial replication is in progress")

A, M = "InMageAzureV2", "InMage"

CLASSIC_ROWS = (
    Row(
        "home", A, *PROTECTED, "Primary", None, ("UnplannedFailover", "DisableProtection", "TestFailover"), True, False
    ),
    Row("failing_out", A, *STARTED, "Primary", None, (), True, False, source="INFER"),
    # The words are SEEN, the description is not.
    Row(
        "failed_out",
        A,
        *BROKEN,
        "Primary",
        None,
        ("RepairReplication", "UnplannedFailover", "DisableProtection"),
        True,
        False,
    ),
    Row(
        "out_uncommitted",
        A,
        *PENDING,
        "Recovery",
        None,
        ("CompleteMigration", "Commit", "DisableProtection", "ChangePit"),
        True,
        True,
        source="SPEC",
    ),
    Row(
        "out",
        A,
        *COMMITTED,
        "Recovery",
        None,
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        True,
        True,
    ),
    Row("syncing_home", M, *COPYING, "Primary", "Azure", ("DisableProtection",), False, True, True, "INFER"),
    Row("ready", M, *PROTECTED, "Primary", "Azure", ("UnplannedFailover", "DisableProtection"), False, True),
    Row("failing_home", M, *STARTED, "Primary", "Azure", (), False, True),
    # A failed failback was never recorded: the words are those of a failed failover to Azure.
    Row(
        "failed_home",
        M,
        *BROKEN,
        "Primary",
        "Azure",
        ("RepairReplication", "UnplannedFailover", "DisableProtection"),
        False,
        True,
        source="INFER",
    ),
    Row(
        "home_uncommitted",
        M,
        *PENDING,
        "Recovery",
        "OnPrem",
        ("Commit", "DisableProtection"),
        False,
        False,
        source="INFER",
    ),
    Row(
        "home_unprotected",
        M,
        *COMMITTED,
        "Recovery",
        "OnPrem",
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        False,
        False,
    ),
    Row("syncing_out", A, *COPYING, "Primary", None, ("DisableProtection",), True, False, True, "INFER"),
)

_FAILOVER = ("UnplannedFailover", "Failover")
_COMMIT = ("CommitFailover", "Commit")
_REPROTECT = ("SwitchReplicationGroupProtection", "Reprotect")


def _failover_out(start: str) -> Move:
    return Move(
        "failover",
        "to_azure",
        "unplannedfailover",
        start,
        "UnplannedFailover",
        *_FAILOVER,
        "failing_out",
        "out_uncommitted",
        A,
        ("PrimaryToRecovery",),
    )


def _failover_home(start: str) -> Move:
    return Move(
        "failover",
        "to_onprem",
        "unplannedfailover",
        start,
        "UnplannedFailover",
        *_FAILOVER,
        "failing_home",
        "home_uncommitted",
        M,
        ("PrimaryToRecovery",),
    )


CLASSIC_MOVES = (
    _failover_out("home"),
    _failover_out("failed_out"),
    Move("commit", "to_azure", "failovercommit", "out_uncommitted", "Commit", *_COMMIT, "out_uncommitted", "out"),
    Move(
        "reprotect",
        "to_onprem",
        "reprotect",
        "out",
        "SwitchProtection",
        *_REPROTECT,
        "out",
        "syncing_home",
        M,
        ("RecoveryToPrimary",),
        ("masterTargetId", "processServerId", "retentionDrive", "profileId"),
    ),
    _failover_home("ready"),
    _failover_home("failed_home"),
    Move(
        "commit",
        "to_onprem",
        "failovercommit",
        "home_uncommitted",
        "Commit",
        *_COMMIT,
        "home_uncommitted",
        "home_unprotected",
    ),
    Move(
        "reprotect",
        "to_azure",
        "reprotect",
        "home_unprotected",
        "SwitchProtection",
        *_REPROTECT,
        "home_unprotected",
        "syncing_out",
        A,
        ("RecoveryToPrimary",),
    ),
)

# -- modernized ------------------------------------------------------------------------------------------------------

R, F = "InMageRcm", "InMageRcmFailback"

MODERNIZED_ROWS = (
    Row(
        "home", R, *PROTECTED, "Primary", None, ("UnplannedFailover", "DisableProtection", "TestFailover"), True, False
    ),
    Row("failing_out", R, *STARTED, "Primary", None, (), True, False, source="INFER"),
    Row(
        "out_uncommitted",
        R,
        *PENDING,
        "Recovery",
        None,
        # Reprotect is offered along with Commit: it needs no commit here (SEEN).
        ("CompleteMigration", "Commit", "DisableProtection", "ChangePit", "SwitchProtection"),
        True,
        True,
    ),
    Row(
        "out",
        R,
        *COMMITTED,
        "Recovery",
        None,
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        True,
        True,
        source="INFER",
    ),
    Row("syncing_home", F, *COPYING, "Primary", None, ("DisableProtection",), False, True, True),
    Row("ready", F, *PROTECTED, "Primary", None, ("PlannedFailover", "DisableProtection"), False, True),
    # What follows was never recorded; a fleet may lay other words over it (Vault.words). The words themselves are those
    # of Hyper-V examples (SPEC), the operations are INFER.
    Row(
        "failing_home",
        F,
        "PlannedFailoverTransitionStatesBegin",
        "Failover was initiated",
        "Primary",
        None,
        (),
        False,
        True,
        source="INFER",
    ),
    Row(
        "home_uncommitted",
        F,
        "PlannedFailoverCommitRequired",
        "Planned failover finished",
        "Recovery",
        None,
        ("Commit", "SwitchProtection", "CancelFailover", "DisableProtection"),
        False,
        False,
        source="INFER",
    ),
    Row(
        "cancelling",
        F,
        "CancelFailoverStatesBegin",
        "Cancel failover was initiated",
        "Recovery",
        None,
        (),
        False,
        False,
        source="INFER",
    ),
    Row(
        "home_unprotected",
        F,
        "PlannedFailoverStatesBegin",
        "Planned failover committed",
        "Recovery",
        None,
        ("CompleteMigration", "DisableProtection", "SwitchProtection"),
        False,
        False,
        source="INFER",
    ),
    Row("syncing_out", R, *COPYING, "Primary", None, ("DisableProtection",), True, False, True),
    Row(
        "first_point",
        R,
        "InitialReplicationRecoveryCompletionPending",
        "Waiting for first recovery point",
        "Primary",
        None,
        ("DisableProtection",),
        True,
        False,
        True,
    ),
)


def _reprotect_home(start: str) -> Move:
    return Move(
        "reprotect",
        "to_onprem",
        "reprotect",
        start,
        "SwitchProtection",
        *_REPROTECT,
        start,
        "syncing_home",
        # The provider one comes from, where classic names the one one goes to (SEEN).
        R,
        ("RecoveryToPrimary",),
        ("reprotectAgentId", "datastoreName", "logStorageAccountId"),
    )


def _reprotect_out(start: str) -> Move:
    return Move(
        "reprotect",
        "to_azure",
        "reprotect",
        start,
        "SwitchProtection",
        *_REPROTECT,
        start,
        "syncing_out",
        F,
        # A test script sends the first (SEEN), the description takes any and none (SPEC).
        ("PrimaryToRecovery", "RecoveryToPrimary", None),
        ("processServerId", "policyId"),
    )


MODERNIZED_MOVES = (
    Move(
        "failover",
        "to_azure",
        "unplannedfailover",
        "home",
        "UnplannedFailover",
        *_FAILOVER,
        "failing_out",
        "out_uncommitted",
        R,
        ("PrimaryToRecovery",),
        ("performShutdown",),
        (("performShutdown", ("true", "false")),),
    ),
    Move("commit", "to_azure", "failovercommit", "out_uncommitted", "Commit", *_COMMIT, "out_uncommitted", "out"),
    _reprotect_home("out_uncommitted"),
    _reprotect_home("out"),
    Move(
        "failover",
        "to_onprem",
        "plannedfailover",
        "ready",
        "PlannedFailover",
        "PlannedFailover",
        "Planned failover",
        "failing_home",
        "home_uncommitted",
        F,
        # Left out in the recording, RecoveryToPrimary in a test script (SEEN).
        (None, "RecoveryToPrimary", "PrimaryToRecovery"),
        ("recoveryPointType",),
        (("recoveryPointType", ("CrashConsistent", "ApplicationConsistent")),),
    ),
    Move(
        "commit",
        "to_onprem",
        "failovercommit",
        "home_uncommitted",
        "Commit",
        *_COMMIT,
        "home_uncommitted",
        "home_unprotected",
    ),
    # Only a planned failover can be cancelled, and only before its commit (DOC). Which word offers it was never recorded:
    # what can be committed can be cancelled, whatever a fleet lets the item say.
    Move(
        "cancel",
        "to_onprem",
        "failovercancel",
        "home_uncommitted",
        "Commit",
        "CancelFailover",
        "Cancel failover",
        "cancelling",
        "ready",
    ),
    _reprotect_out("home_uncommitted"),
    _reprotect_out("home_unprotected"),
)

#: Phases in which a failover is behind the item, and the next reprotect has not been yet.
AFTER_FAILOVER = ("out_uncommitted", "out", "home_uncommitted", "home_unprotected")

#: Where a failed classic failover leaves the item, and where a resynchronisation takes it from there (INFER).
AFTER_FAILURE = {"failing_out": "failed_out", "failing_home": "failed_home"}
AFTER_REPAIR = {"failed_out": "home", "failed_home": "ready"}

#: Where a synchronisation, or a part of it, ends.
AFTER_SYNC = {
    "classic": {"syncing_home": "ready", "syncing_out": "home"},
    "modernized": {"syncing_home": "ready", "syncing_out": "first_point", "first_point": "home"},
}

ROWS: dict[str, dict[str, Row]] = {
    "classic": {row.phase: row for row in CLASSIC_ROWS},
    "modernized": {row.phase: row for row in MODERNIZED_ROWS},
}
MOVES: dict[str, tuple[Move, ...]] = {"classic": CLASSIC_MOVES, "modernized": MODERNIZED_MOVES}


def rows_of(generation: str, words: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """The rows of a generation with a fleet's own words over them. Raises FleetError for a phase that does not exist."""
    rows = dict(ROWS[generation])
    for phase, changes in words.items():
        if phase not in rows:
            raise FleetError(f"words: phase {phase!r} is unknown; known are {', '.join(rows)}.")
        fields = dict(changes)
        if "allowed" in fields:
            fields["allowed"] = tuple(fields["allowed"])
        rows[phase] = replace(rows[phase], **fields, source="fleet")
    return rows


def move_for(generation: str, verb: str, phase: str) -> Move | None:
    """The move a verb makes from a phase; None where the phase does not know it."""
    for move in MOVES[generation]:
        if move.verb == verb and move.start == phase:
            return move
    return None


def after_failure(generation: str, move: Move) -> str:
    """The phase of an item whose move failed: a classic failover says so, everything else is as if it had not been."""
    return AFTER_FAILURE.get(move.during, move.start) if generation == "classic" else move.start


def moves_of(generation: str, verb: str) -> tuple[Move, ...]:
    return tuple(move for move in MOVES[generation] if move.verb == verb)


def known_phases(generation: str) -> tuple[str, ...]:
    return tuple(ROWS[generation])
