# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage modules share: from options to an Order, and one slice of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..azure.vaults import Vaults
from ..failback.machines.run import run_slice
from ..failback.model.errors import FailbackError
from ..failback.model.items import Item, VaultRef
from ..failback.model.refusal import Refusal
from ..failback.wanted.order import Order
from ..failback.wanted.ruling import DueStep, Ruling
from . import specs
from .accounts import LateSite
from .module import Call, run_module
from .task_result import shape

if TYPE_CHECKING:
    from ..failback.readiness.before_step import MomentJudge

Params = Mapping[str, Any]
Route = Callable[[Params], tuple[str, ...]]

#: The steps of a failback, in order; asr_failback runs them up to its option ``until``.
WAY_HOME = ("reprotect_to_onprem", "failover_to_onprem", "commit_to_onprem", "reprotect_to_azure")


def stage_spec(*parts: specs.Spec) -> specs.Spec:
    """The options every stage has, and a stage's own parts."""
    return specs.merge(
        specs.azure(), specs.vcenter(), specs.vault(), specs.machines(), specs.groups(), specs.waiting(), *parts
    )


def step(verb: str) -> Route:
    """The route of a module for one step: its verb and the given direction."""
    return lambda params: (f"{verb}_{params['direction']}",)


def failover(params: Params) -> tuple[str, ...]:
    """The route of a failover, with its commit if ``commit_when`` is set."""
    verbs = ("failover",) if params["commit_when"] == "never" else ("failover", "commit")
    return tuple(f"{verb}_{params['direction']}" for verb in verbs)


def way_home(params: Params) -> tuple[str, ...]:
    """The route home, ending with the step named by ``until``."""
    return WAY_HOME[: WAY_HOME.index(params["until"]) + 1]


#: Order fields that are not an option of the same name.
_GIVEN = frozenset({"vaults", "route", "check"})


def check_accept(accept: Mapping[str, Any]) -> None:
    """What may be accepted is named by the word of a rule, and with a reason. Raises InputError."""
    # Imported here, because hardly any slice accepts anything: Ansible compiles our sources again in every process.
    from ..failback.readiness.verdicts import check_accept as check

    check(accept)


class LateRules:
    """The rules of readiness, for the slices in which something is due: only those import them and read for them."""

    def __init__(self, order: Order, call: Call, vaults: Vaults, site: LateSite | None) -> None:
        self._given = order, call, vaults, site
        self._judge: MomentJudge | None = None

    def __call__(self, items: Sequence[Item], asked: Sequence[DueStep]) -> Mapping[str, Ruling]:
        return self._open()(items, asked)

    def note(self, item: Item, step: str, gates: Sequence[Refusal]) -> None:
        self._open().note(item, step, gates)

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What did not pass in this slice."""
        return [] if self._judge is None else self._judge.findings

    def _open(self) -> MomentJudge:
        if self._judge is None:
            from ..failback.readiness.before_step import SITE_LISTS, VAULT_LISTS, MomentJudge, Recent

            order, call, vaults, site = self._given
            known: Any = None if site is None else Recent(site, SITE_LISTS, call.clock)
            lists: Any = Recent(vaults, VAULT_LISTS, call.clock)
            self._judge = MomentJudge(order, lists, known)
        return self._judge


def order_of(params: Params, refs: tuple[VaultRef, ...], route: tuple[str, ...], check: bool) -> Order:
    """The order from the options. An option that the module does not have keeps the order's default."""
    values: dict[str, Any] = {}
    for entry in fields(Order):
        if entry.name in _GIVEN or entry.name not in params:
            continue
        value = params[entry.name]
        if entry.name == "accept" and value:
            check_accept(value)
        values[entry.name] = tuple(value) if isinstance(value, list) else value
    return Order(vaults=refs, route=route, check=check, **values)


def stage_work(route: Route) -> Callable[[Call], dict[str, Any]]:
    """The work of a stage module: one slice along its route."""

    def work(call: Call) -> dict[str, Any]:
        order = order_of(call.params, call.refs, route(call.params), call.check)
        cursor = dict(call.params.get("cursor") or {})
        vaults = call.open_vaults(bucket_state=cursor.pop("bucket", None))
        site = call.late_site()
        if site is not None and not cursor:
            site.open()

        def told(raw: dict[str, Any]) -> dict[str, Any]:
            if raw.get("cursor") is not None:
                raw["cursor"] = {**raw["cursor"], "bucket": vaults.bucket_state}
            if rules.findings:
                raw["findings"] = rules.findings
            return shape(raw, call.params, call.check)

        rules = LateRules(order, call, vaults, site)
        try:
            return told(dict(run_slice(order, vaults, site, call.clock, cursor or None, judge=rules)))
        except FailbackError as exc:
            exc.story = None if exc.story is None else told(dict(exc.story))
            raise

    return work


def main_stage(spec: specs.Spec, route: Route) -> None:
    """The main of a stage module."""
    run_module(spec, stage_work(route))
