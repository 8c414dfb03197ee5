# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle of a modernized item: its words in each phase, and the operations."""

from __future__ import annotations

from .lifecycle_table import COMMIT, COMMITTED, COPYING, FAILOVER, PENDING, PROTECTED, REPROTECT, STARTED, Move, Row

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
        *REPROTECT,
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
        *REPROTECT,
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
        *FAILOVER,
        "failing_out",
        "out_uncommitted",
        R,
        ("PrimaryToRecovery",),
        ("performShutdown",),
        (("performShutdown", ("true", "false")),),
    ),
    Move("commit", "to_azure", "failovercommit", "out_uncommitted", "Commit", *COMMIT, "out_uncommitted", "out"),
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
        *COMMIT,
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
