# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle of a classic item: its words in each phase, and the operations."""

from __future__ import annotations

from .lifecycle_table import (
    BROKEN,
    COMMIT,
    COMMITTED,
    COPYING,
    FAILOVER,
    PENDING,
    PROTECTED,
    REPROTECT,
    STARTED,
    Move,
    Row,
)

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


def _failover_out(start: str) -> Move:
    return Move(
        "failover",
        "to_azure",
        "unplannedfailover",
        start,
        "UnplannedFailover",
        *FAILOVER,
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
        *FAILOVER,
        "failing_home",
        "home_uncommitted",
        M,
        ("PrimaryToRecovery",),
    )


CLASSIC_MOVES = (
    _failover_out("home"),
    _failover_out("failed_out"),
    Move("commit", "to_azure", "failovercommit", "out_uncommitted", "Commit", *COMMIT, "out_uncommitted", "out"),
    Move(
        "reprotect",
        "to_onprem",
        "reprotect",
        "out",
        "SwitchProtection",
        *REPROTECT,
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
        *COMMIT,
        "home_uncommitted",
        "home_unprotected",
    ),
    Move(
        "reprotect",
        "to_azure",
        "reprotect",
        "home_unprotected",
        "SwitchProtection",
        *REPROTECT,
        "home_unprotected",
        "syncing_out",
        A,
        ("RecoveryToPrimary",),
    ),
)
