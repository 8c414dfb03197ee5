# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules right before a step of a run: the same rules that preflight tells, on facts read now, for the machines that are due.

What a run decides, places, passes through gates and proves stays in the run; those rules call the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..lifecycle.gates import WORDS
from ..lifecycle.modernized import LIFECYCLE
from ..lifecycle.table import (
    COMMIT_TO_AZURE,
    COMMIT_TO_ONPREM,
    FAILOVER_TO_AZURE,
    FAILOVER_TO_ONPREM,
    REPROTECT_TO_AZURE,
    REPROTECT_TO_ONPREM,
)
from ..model.errors import ConnectionFailed, FailbackError, InputError, ReadFailed
from ..model.items import Item, VaultRef
from ..model.refusal import Refusal
from ..model.resource_ports import ResourcePort
from ..model.site_ports import SurveyPort
from ..wanted.order import Order
from ..wanted.ruling import DueStep, Ruling
from ..wanted.selection import Choice
from .facts.build import build_due
from .facts.facts import Facts
from .facts.moments import MACHINE
from .facts.reading import AZURE, MACHINES, NETWORK, POLICIES, SERVERS, VCENTERS, Read, complete, read_fabrics
from .facts.subjects import Machine
from .findings_table import add_finding
from .rules.catalogue import BY_ID, RULES
from .rules.rule import PASS, Rule, bad
from .verdicts import Finding, judge

#: Step -> what is read for its rules beside machines and fabrics.
PARTS: Mapping[str, frozenset[str]] = {
    FAILOVER_TO_AZURE: frozenset(),
    COMMIT_TO_AZURE: frozenset(),
    REPROTECT_TO_ONPREM: frozenset({POLICIES, VCENTERS, AZURE, NETWORK, MACHINES, SERVERS}),
    FAILOVER_TO_ONPREM: frozenset({VCENTERS, AZURE, NETWORK, MACHINES, SERVERS}),
    COMMIT_TO_ONPREM: frozenset({SERVERS}),
    REPROTECT_TO_AZURE: frozenset({POLICIES}),
}

#: Rules that the run judges itself: its decision, its approvals, its placement, its groups, and the gates.
BY_THE_RUN = frozenset(
    {
        "machine_read",
        "operation_allowed",
        "busy",
        "commit_approved",
        "placement",
        "placement_to_azure",
        "group_split",
        "group_mixes_systems",
    }
)
_GATES = frozenset(WORDS) - {"disk_unprotected", "azure_vm_missing", "azure_identity", "onprem_identity"}

#: Before the commit the run proves these, or passes them as gates.
PROVEN = frozenset(
    {
        "azure_vm_missing",
        "azure_identity",
        "azure_vm_stopped",
        "onprem_identity",
        "onprem_reachable",
        "onprem_running",
        "disk_unprotected",
    }
)

#: The rule that must not guess where vCenter does not answer.
POWER = "vm_off"

#: Warnings that are left to preflight: a fact that it is given, ports and scripts it tries on request, a look at DRS, and a
#: version that the service hardly ever tells.
PREFLIGHT_ONLY = frozenset(
    {
        "cs_backup",
        "downtime_agreed",
        "mt_excluded",
        "mt_system",
        "cs_port",
        "ps_port",
        "mt_port",
        "azure_ports",
        "azure_agent",
        "agent_room",
        "ps_to_cs",
    }
)

#: What a play between the failover home and its commit asks of the machines (proofs/guest_look.py): where it did, the commit judges it.
BY_A_PLAY = frozenset({"guest_ports", "guest_room"})

#: Seconds for which lists and servers that were read once count as fresh; shorter than a slice lasts.
FRESH = 20.0


def left_to_rules(rule: Rule, step: str) -> bool:
    """Whether a step asks this rule, and not the run itself."""
    if step not in rule.moments or rule.id in BY_THE_RUN | _GATES | PREFLIGHT_ONLY | BY_A_PLAY:
        return False
    if rule.id == "clock_skew" and SERVERS not in PARTS[step]:
        return False
    return step != COMMIT_TO_ONPREM or rule.id not in PROVEN


class MomentJudge:
    """Implements ``wanted.ruling.Judge``. ``vaults`` and ``site`` may be ``Recent``, so that a slice reads lists once."""

    def __init__(self, order: Order, vaults: ResourcePort, site: SurveyPort | None) -> None:
        self.order, self.vaults, self.site = order, vaults, site
        #: What did not pass in this slice, by rule and subject; a later look replaces an earlier one.
        self.found: dict[tuple[str, ...], Any] = {}

    def note(self, item: Item, step: str, gates: Sequence[Refusal]) -> None:
        """Gates of the run that did not pass for a machine, as findings of their rules."""
        for gate in gates:
            rule = BY_ID.get(gate.code)
            if rule is not None:
                subject = Machine(
                    kind=MACHINE,
                    name=item.friendly_name,
                    vault=item.vault,
                    generation=LIFECYCLE.generation(item) or "",
                    moments=frozenset({step}),
                    machines=(item.friendly_name,),
                    keys=(item.key,),
                    item=item,
                )
                add_finding(
                    self.found, Finding(rule, subject, bad(gate.reason, gate.remedy), self._accepted(rule.id)).result()
                )

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What did not pass in this slice, as in the result."""
        return list(self.found.values())

    def _accepted(self, word: str) -> str:
        return str(self.order.accept.get(word) or "").strip()

    def __call__(self, items: Sequence[Item], asked: Sequence[DueStep]) -> dict[str, Ruling]:
        due = {q.item.key: q for q in asked if q.step in PARTS}
        if not due:
            return {}
        whole = {key: question.item for key, question in due.items()}
        seen = Read(
            items=[whole.get(item.key, item) for item in items],
            choice=Choice(items=list(whole.values())),
            fabrics=[],
            told={},
            known={key: question.known for key, question in due.items()},
        )
        rulings = self._fabrics(seen, due)
        due = {key: question for key, question in due.items() if key not in rulings}
        seen.choice.items = [question.item for question in due.values()]
        rulings |= self._rest(seen, due)
        due = {key: question for key, question in due.items() if key not in rulings}
        seen.choice.items = [question.item for question in due.values()]
        return {**rulings, **self._judged(seen, due)} if due else rulings

    def _fabrics(self, seen: Read, due: Mapping[str, DueStep]) -> dict[str, Ruling]:
        """Read the fabrics; machines of a vault whose fabrics cannot be read wait."""
        rulings: dict[str, Ruling] = {}
        for ref in self._refs(due):
            try:
                read_fabrics(seen, ref, self.vaults)
            except (ReadFailed, ConnectionFailed) as exc:
                rulings |= {key: Ruling(error=exc) for key, q in due.items() if q.item.vault.key == ref.key}
        return rulings

    def _rest(self, seen: Read, due: Mapping[str, DueStep]) -> dict[str, Ruling]:
        """Read everything else. Where vCenter cannot be asked, a failover home waits for it; nobody else does."""
        parts = frozenset().union(*(PARTS[q.step] for q in due.values())) if due else frozenset()
        try:
            complete(seen, self._refs(due), self.vaults, self.site, parts)
        except InputError:
            raise
        except FailbackError as exc:
            seen.unread.update(survey=exc.message)
            if self._accepted(POWER):
                return {}
            return {key: Ruling(error=exc) for key, q in due.items() if q.step == FAILOVER_TO_ONPREM}
        return {}

    def _refs(self, due: Mapping[str, DueStep]) -> list[VaultRef]:
        return list({q.item.vault.key: q.item.vault for q in due.values()}.values())

    def _judged(self, seen: Read, due: Mapping[str, DueStep]) -> dict[str, Ruling]:
        facts = Facts(
            now=self.vaults.now,
            rpo_limit=self.order.rpo_limit,
            survey=seen.survey,
            azure=seen.azure,
            network=seen.network,
            policies=seen.policies,
            vcenters=seen.vcenters,
            unread=seen.unread,
        )
        steps = {question.step for question in due.values()}
        rules = [rule for rule in RULES if any(left_to_rules(rule, step) for step in steps)]
        found: dict[str, list[Finding]] = {}
        for finding in judge(build_due(self.order, seen, facts, due), facts, self.order.accept, rules):
            mine = [key for key in finding.subject.keys if left_to_rules(finding.rule, due[key].step)]
            if finding.verdict == PASS or not mine:
                continue
            add_finding(self.found, finding.result())
            # What is accepted is asked as well: the run keeps the reason with each machine.
            for key in mine if finding.rule.blocks(finding.said) else ():
                found.setdefault(key, []).append(finding)
        return {key: Ruling(_refusals(some)) for key, some in found.items()}


def _refusals(findings: Sequence[Finding]) -> tuple[Refusal, ...]:
    return tuple({f.rule.id: Refusal(f.rule.id, f.said.text, f.remedy) for f in findings}.values())


class Recent:
    """A port whose lists are read once and count for a while: machines that become due one after the other share them."""

    def __init__(self, port: Any, kept: Sequence[str], clock: Any) -> None:
        self._port, self._kept, self._clock = port, frozenset(kept), clock
        self._known: dict[Any, tuple[float, Any]] = {}
        self._listed: datetime | None = None

    @property
    def now(self) -> datetime:
        """The service's time when the fabrics were listed: by it their heartbeats are old or not, however long the list counts."""
        found: datetime = self._listed or self._port.now
        return found

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._kept:
            return found

        def recalled(*args: Any, **more: Any) -> Any:
            word = (name, repr(args), repr(more))
            now = self._clock.monotonic()
            known = self._known.get(word)
            if known is None or now - known[0] > FRESH:
                known = self._known[word] = (now, found(*args, **more))
                if name == "list_fabrics":
                    self._listed = self._port.now
            return known[1]

        return recalled


#: Lists of a vault or a subscription, and what vCenter tells of servers.
VAULT_LISTS = (
    "list_fabrics",
    "get_fabric",
    "list_policies",
    "list_vcenters",
    "list_azure_machines",
    "list_resources",
    "get",
)
SITE_LISTS = ("servers", "survey", "watch")
