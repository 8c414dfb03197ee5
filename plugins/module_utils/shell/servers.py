# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two modules that prepare servers share: from options to an order, and from a slice to a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from ..azure.vaults import Vaults
from ..failback.readiness.findings_table import beside
from ..failback.readiness.verdicts import check_accept
from ..failback.report.state_tables import prepared_table
from .module import Call
from .task_result import count, names, shape

T = TypeVar("T")

#: One slice: (vaults, cursor) -> the domain's result for all machines.
Slice = Callable[[Vaults, "dict[str, Any] | None"], "dict[str, Any]"]


def server_order_of(kind: type[T], call: Call) -> T:
    """An order from the options. An option that the module does not have keeps the order's default."""
    values: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        value = call.params.get(entry.name)
        if entry.name not in call.params or entry.name == "vaults":
            continue
        if entry.name == "accept" and value:
            check_accept(value)
        values[entry.name] = tuple(value) if isinstance(value, list) else value
    values.update(vaults=call.refs, check=call.check)
    return kind(**values)


def run(call: Call, work: Slice) -> dict[str, Any]:
    """Carry one slice out and shape its answer; the write bucket's pace travels in the cursor."""
    cursor = dict(call.params.get("cursor") or {})
    vaults = call.open_vaults(bucket_state=cursor.pop("bucket", None))
    raw = work(vaults, cursor or None)
    raw["cursor"] = {**(raw.get("cursor") or {}), "bucket": vaults.bucket_state}
    result = shape(raw, call.params, call.check)
    result["diff"] = {**result["diff"], "before_header": "before", "after_header": "after"}
    if result.get("finished") and call.params.get("vmotion_exclusion") != "watched":
        result["lines"] = [*prepared_table(raw["machines"], call.check), *beside(raw.get("findings") or ())]
    if result.get("finished") and not result["failed_machines"] and not result["refused_machines"]:
        result["msg"] = summary(raw["machines"], call.check)
    return result


def summary(entries: Sequence[Mapping[str, Any]], check: bool) -> str:
    """The message of a task that went well."""
    changed = sum(1 for e in entries if e.get("changed"))
    parts = [f"{changed} {'would be ' if check else ''}changed"] if changed else []
    for word, text in (("unchanged", "as wanted"), ("waiting", "still to wait for")):
        number = len(names(entries, word))
        if number:
            parts.append(f"{number} {text}")
    whom = "servers and machines" if any(e.get("role") == "machine" for e in entries) else "servers"
    return f"{count(len(entries), whom.rstrip('s')) if whom == 'servers' else f'{len(entries)} {whom}'}: {', '.join(parts)}."
