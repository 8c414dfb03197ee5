# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle as data: what an item says about itself in each phase, and which operation leads where.

A generation is a tuple of rows and a tuple of moves; nothing else in the package asks which generation an item is of.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    """One operation of one leg: where it may start, what its body must say, which job runs, where it ends."""

    operation: str
    leg: str
    #: Last segment of the path, lower case.
    verb: str
    start: str
    #: The word that must stand in allowedOperations.
    word: str
    scenario: str
    friendly: str
    #: Phase shown while the job runs (allowedOperations is [] then in any case).
    during: str
    done: str
    provider: str | None = None
    direction: str | None = None
    #: providerSpecificDetails that the published description requires (SPEC).
    required: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.operation}/{self.leg}"


PROTECTED = ("Protected", "Protected")
STARTED = ("UnplannedFailoverTransitionStatesBegin", "Failover was initiated")
PENDING = ("UnplannedFailoverCommitPendingStatesBegin", "Failover completed")
COMMITTED = ("UnplannedFailoverCommitted", "Failover committed")
COPYING = ("InitialReplicationInProgress", "Initial replication is in progress")

A, M = "InMageAzureV2", "InMage"

CLASSIC_ROWS = (
    Row(
        "home", A, *PROTECTED, "Primary", None, ("UnplannedFailover", "DisableProtection", "TestFailover"), True, False
    ),
    Row("failing_out", A, *STARTED, "Primary", None, (), True, False, source="INFER"),
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

CLASSIC_MOVES = (
    Move(
        "failover",
        "to_azure",
        "unplannedfailover",
        "home",
        "UnplannedFailover",
        *_FAILOVER,
        "failing_out",
        "out_uncommitted",
        A,
        "PrimaryToRecovery",
    ),
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
        "RecoveryToPrimary",
        ("masterTargetId", "processServerId", "retentionDrive", "profileId"),
    ),
    Move(
        "failover",
        "to_onprem",
        "unplannedfailover",
        "ready",
        "UnplannedFailover",
        *_FAILOVER,
        "failing_home",
        "home_uncommitted",
        M,
        "PrimaryToRecovery",
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
        "RecoveryToPrimary",
    ),
)

#: Where a synchronisation ends.
AFTER_SYNC = {"syncing_home": "ready", "syncing_out": "home"}

ROWS: dict[str, dict[str, Row]] = {"classic": {row.phase: row for row in CLASSIC_ROWS}}
MOVES: dict[str, tuple[Move, ...]] = {"classic": CLASSIC_MOVES}


def row_of(generation: str, phase: str) -> Row:
    return ROWS[generation][phase]


def move_for(generation: str, verb: str, phase: str) -> Move | None:
    """The move a verb makes from a phase; None where the phase does not know it."""
    for move in MOVES[generation]:
        if move.verb == verb and move.start == phase:
            return move
    return None


def moves_of(generation: str, verb: str) -> tuple[Move, ...]:
    return tuple(move for move in MOVES[generation] if move.verb == verb)


def known_phases(generation: str) -> tuple[str, ...]:
    return tuple(ROWS[generation])
