# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the information modules: read, parse, render. They never write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..azure.vaults import Vaults
from ..failback.lifecycle.attached_disks import attached
from ..failback.lifecycle.modernized import LIFECYCLE
from ..failback.model.errors import InputError, NotFound
from ..failback.model.items import Item, Json, VaultRef
from ..failback.model.jobs import Job
from ..failback.model.servers import Fabric, Policy
from ..failback.model.words import Named, name_key, same
from ..failback.proofs.evidence import job_target, job_targets
from ..failback.report.state_tables import state_table
from ..failback.servers.fabrics import list_whole
from ..failback.wanted.order import ALL, Order
from ..failback.wanted.refusals import selection_messages
from ..failback.wanted.selection import choose, item_names, listing
from . import views
from .module import Call

Result = dict[str, Any]


def _spent(vaults: Vaults) -> dict[str, int]:
    return {"writes": vaults.requests.writes, "reads": vaults.requests.reads}


def items(call: Call) -> Result:
    """Replicated items: chosen ones, or every one."""
    vaults, params = call.open_vaults(), call.params
    listed = [Item.parse(data, ref) for ref in call.refs for data in vaults.list_items(ref)]
    plans: dict[str, list[Json]] = {}
    if params["recovery_plans"]:
        plans = {ref.key: list(vaults.list_recovery_plans(ref)) for ref in call.refs}
    chosen = bool(params["machines"] or params["groups"] or params["recovery_plans"])
    order = Order(
        vaults=call.refs,
        route=(),
        machines=tuple(params["machines"]) if chosen else (ALL,),
        groups=tuple(params["groups"]),
        recovery_plans=tuple(params["recovery_plans"]),
        exclude=tuple(params["exclude"]),
    )
    choice = choose(order, listed, plans)
    wanted = choice.items
    if params["full"]:
        wanted = [Item.parse(vaults.get_item(item.id), item.vault) for item in wanted]
    fabrics = [Fabric.parse(data, ref) for ref in call.refs for data in list_whole(vaults, ref)]
    machines: dict[str, Json] | None = None
    if params["azure_machines"]:
        subscriptions = sorted({ref.subscription_id for ref in call.refs})
        found = [m for subscription in subscriptions for m in vaults.list_azure_machines(subscription)]
        machines = {str(m.get("id") or "").lower(): m for m in found}
    notes = selection_messages(choice)
    shown = [views.item_view(item, LIFECYCLE, fabrics, machines) for item in wanted]
    if params["onprem_machines"]:
        for row, machine in zip(shown, _at_home(call, vaults, wanted, params["full"]), strict=True):
            row["onprem_machine"] = machine
    return {
        "changed": False,
        "machines": shown,
        **({"lines": state_table(shown)} if params.get("table") else {}),
        "requests": _spent(vaults),
        **({"warnings": notes} if notes else {}),
    }


def _at_home(call: Call, vaults: Vaults, items: Sequence[Item], whole: bool) -> Sequence[Json | None]:
    """The machines of the items in vCenter; None where there is no vCenter, or none or several of them have the item's id.
    ``whole``: the items are from their own GETs."""
    site = call.late_site()
    if site is None:
        return [None] * len(items)
    # Lists omit the ids of machines that replicate to on-premises (asr-api.md 4).
    seen = [i if i.site_uuid or whole else Item.parse(vaults.get_item(i.id), i.vault) for i in items]
    uuids = [(item.site_uuid or "").lower() for item in seen]
    return views.onprem_machines(uuids, site.machines(uuids=sorted(set(uuids) - {""})) if any(uuids) else ())


def jobs(call: Call) -> Result:
    """Jobs by name, or the recent ones. Lists of jobs omit tasks and errors, so each is read individually (asr-api.md 4, SEEN JL)."""
    vaults, params = call.open_vaults(), call.params
    shown: list[dict[str, Any]] = []
    for name in params["jobs"]:
        shown.append(_named_job(call, vaults, name))
    if not params["jobs"]:
        listed = [(ref, data) for ref in call.refs for data in vaults.list_jobs(ref)]
        if params["machines"]:
            items = [Item.parse(data, ref) for ref in call.refs for data in vaults.list_items(ref)]
            listed = about(params["machines"], items, listed)
        parsed = [(ref, Job.parse(data)) for ref, data in listed]
        found = [(ref, job) for ref, job in parsed if _wanted(job, params, vaults)]
        found.sort(key=lambda pair: (pair[1].start is not None, pair[1].start), reverse=True)
        shown = [views.job_view(vaults.get_job(ref, job.name), ref.name) for ref, job in found[: params["limit"]]]
    return {"changed": False, "jobs": shown, "requests": _spent(vaults)}


def _named_job(call: Call, vaults: Vaults, name: str) -> dict[str, Any]:
    for ref in call.refs:
        try:
            return views.job_view(vaults.get_job(ref, name), ref.name)
        except NotFound:
            continue
    raise InputError(
        "job_not_found",
        f"There is no job {name} (option jobs) in {', '.join(ref.name for ref in call.refs)}.",
        "Omit jobs to list the recent ones.",
    )


def about(
    words: Sequence[str], items: Sequence[Item], listed: Sequence[tuple[VaultRef, Json]]
) -> list[tuple[VaultRef, Json]]:
    """The jobs of the machines that the words mean. A machine whose replication is gone is known by its jobs alone.

    Raises InputError for a word that means neither a machine nor a job's target.
    """
    machines: list[Item] = []
    targets: set[str] = set()
    index = Named(items, item_names)
    told = Named([_target(data) for _ref, data in listed], lambda target: (target,))
    for word in words:
        if same(word, ALL):
            return list(listed)
        chosen = index.found(word)
        named = set(told.exact(word))
        if not chosen and not named:
            raise InputError(
                "machine_not_found",
                f"The machine {word!r} in '{{option:machines}}' is in none of the vaults, and no job refers to it.",
                f"Choose from: {listing(i.friendly_name for i in items)}.",
            )
        machines += chosen
        targets |= set() if chosen else named
    theirs = {(i.vault.key, word) for i in machines for word in job_targets(i)}
    called = {(i.vault.key, name_key(i.friendly_name)) for i in machines}
    return [
        (ref, data)
        for ref, data in listed
        if (name := _target(data)) in targets
        or (ref.key, job_target(data)) in theirs
        or (name_key(name) and (ref.key, name_key(name)) in called)
    ]


def _target(data: Json) -> str:
    props: Json = data.get("properties") or {}
    return str(props.get("targetObjectName") or "")


def _wanted(job: Job, params: Any, vaults: Vaults) -> bool:
    if params["states"] and job.state.lower() not in {s.lower() for s in params["states"]}:
        return False
    oldest = vaults.now - timedelta(hours=params["hours"])
    return job.alive or (job.end or job.start or oldest) >= oldest


def fabrics(call: Call) -> Result:
    """Configuration servers and appliances with everything registered on them, policies and vCenters."""
    vaults = call.open_vaults()
    shown: list[dict[str, Any]] = []
    policies: list[dict[str, Any]] = []
    for ref in call.refs:
        parsed = [Fabric.parse(data, ref) for data in list_whole(vaults, ref)]
        vcenters = vaults.list_vcenters(ref)
        shown.extend(views.fabric_view(fabric, vcenters, vaults.now) for fabric in parsed)
        policies.extend(
            {**views.policy_view(Policy.parse(data)), "vault": ref.name} for data in vaults.list_policies(ref)
        )
    return {"changed": False, "fabrics": shown, "policies": policies, "requests": _spent(vaults)}


def appliances(call: Call) -> Result:
    """Appliances of modernized vaults: their components, what they reach and hold, and whether they can be used."""
    vaults = call.open_vaults()
    wanted = {name.lower() for name in call.params["names"]}
    shown: list[dict[str, Any]] = []
    for ref in call.refs:
        fabrics = [f for f in (Fabric.parse(data, ref) for data in list_whole(vaults, ref)) if f.modernized]
        if not fabrics:
            continue
        held = attached([Item.parse(data, ref) for data in vaults.list_items(ref)], LIFECYCLE)
        shown.extend(views.appliance_view(agent, f, held, vaults.now) for f in fabrics for agent in f.master_targets)
    known = [str(entry["name"]) for entry in shown]
    for name in call.params["names"]:
        if name.lower() not in {k.lower() for k in known}:
            raise InputError(
                "appliance_not_found",
                f"No appliance {name!r} (option names) is registered with the vaults.",
                f"Choose one of: {listing(known)}."
                if known
                else "Check vaults: only modernized vaults have appliances.",
            )
    if wanted:
        shown = [entry for entry in shown if str(entry["name"]).lower() in wanted]
    return {"changed": False, "appliances": shown, "requests": _spent(vaults)}
