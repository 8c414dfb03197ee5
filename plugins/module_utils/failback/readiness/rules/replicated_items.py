# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the copy of a machine: the gates of lifecycle/gates.py, each under its own word. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ...lifecycle.azure_disks import azure_disk_gates
from ...lifecycle.failed_failover import failed_failover, failed_gate
from ...lifecycle.gates import copy_gates, health_gates
from ...lifecycle.table import Position
from ...model.identity import azure_disks
from ...model.refusal import Refusal
from ..facts.facts import Facts
from ..facts.moments import COMMIT, FAILOVER, MACHINE, OUT
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Judge, Rule, Said, bad, numbered, ok, unknown

#: Positions in which the copy is checked: before them it is incomplete, after them the item only grows old.
_JUDGED = frozenset({Position.READY})


def _said(gates: Iterable[Refusal], word: str, fine: str) -> Said:
    gate = next((g for g in gates if g.code == word), None)
    return ok(fine) if gate is None else bad(gate.reason, gate.remedy)


def gated(word: str, fine: str) -> Judge:
    """A gate of an item that is ready."""

    def judge(s: Machine, f: Facts) -> Said | None:
        if s.item is None or s.position not in _JUDGED:
            return None
        if s.unread:
            return unknown(f"The machine could not be read: {s.unread}")
        return _said(copy_gates(s.item, f.now, s.limit), word, fine)

    return judge


def failed(s: Machine, _f: Facts) -> Said | None:
    if s.item is None or s.unread:
        return None
    words = failed_failover(s.item)
    if not words:
        return ok("Its last failover did not fail.")
    gate = failed_gate(words, None)
    return bad(gate.reason, gate.remedy)


def health_before_leaving(s: Machine, _f: Facts) -> Said | None:
    if s.item is None or s.unread:
        return None
    gates = health_gates(s.item)
    return bad(gates[0].reason, gates[0].remedy) if gates else ok("The vault reports the replication as healthy.")


def disks_protected(s: Machine, _f: Facts) -> Said | None:
    if s.item is None or s.position not in {Position.READY, Position.HOME_UNCOMMITTED} or s.unread:
        return None
    vm = s.azure_vm
    if vm is None or not azure_disks(vm):
        return unknown("Azure does not report the disks of the machine's VM.")
    return _said(
        azure_disk_gates(s.item, azure_disks(vm)), "disk_unprotected", "Every disk of the Azure VM is replicated."
    )


_ITEM = "the replicated item, from its own GET"

_GATES: tuple[tuple[str, str, str, str, tuple[int, ...]], ...] = (
    (
        "replication_health",
        "Replication is healthy",
        "The replication is healthy.",
        "replicationHealth, healthErrors",
        (55,),
    ),
    (
        "failover_health",
        "Nothing impairs the failover",
        "Nothing impairs the failover.",
        "failoverHealth, validationErrors",
        (55,),
    ),
    (
        "rpo",
        "Recovery point is fresh",
        "The recovery point is fresh.",
        "rpoInSeconds, lastRpoCalculatedTime, lastSyncTime",
        (58,),
    ),
    ("resync_required", "No resynchronization is required", "None is required.", "resyncRequired", (59,)),
    (
        "resync_in_progress",
        "No synchronization is under way",
        "None is under way.",
        "progress of the item and its disks",
        (59,),
    ),
    ("disk_resized", "No disk was resized", "No disk was resized.", "diskResized", (53,)),
    ("disk_state", "Every disk of the copy is healthy", "Every disk is healthy.", "diskState, healthErrorCode", (55,)),
    ("agent_silent", "Agent is reporting", "The agent is reporting.", "agent heartbeat", (14,)),
)

RULES: tuple[Rule, ...] = (
    *(
        Rule(
            word, title, MACHINE, FAILOVER, BLOCK, gated(word, fine), f"{_ITEM}: {reads}",
            "Fix what the vault reports and wait until it is healthy.",
            numbered(checks), checks,
            unknown_blocks=True,
        )
        for word, title, fine, reads, checks in _GATES
    ),
    Rule(
        "failed_failover", "Last failover did not fail", MACHINE, OUT | FAILOVER, BLOCK, failed,
        f"{_ITEM}: protectionState, lastPlannedFailoverStatus",
        "Fix the cause and check the machine on both sides.", "preflight check 63", (63,),
    ),
    Rule(
        "disk_unprotected", "Every disk of the Azure VM is replicated", MACHINE, FAILOVER | COMMIT, BLOCK,
        disks_protected, "disks of the Azure VM beside those of the item",
        "Copy the data, or enable replication again with all disks.", "preflight check 53", (53,),
    ),
    Rule(
        "health_before_leaving", "Replication to Azure is healthy", MACHINE, OUT, WARN, health_before_leaving,
        f"{_ITEM}: replicationHealth, healthErrors", "Fix what the vault reports.", "preflight check 55", (55,),
    ),
)  # fmt: skip
