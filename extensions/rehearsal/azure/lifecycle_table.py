# SPDX-License-Identifier: GPL-3.0-or-later
"""What a life cycle's tables are made of: the words of an item in a phase, and the operation that leads from one to the next."""

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
#: Scenario and name of a job, in the service's words.
FAILOVER = ("UnplannedFailover", "Failover")
COMMIT = ("CommitFailover", "Commit")
REPROTECT = ("SwitchReplicationGroupProtection", "Reprotect")
