# SPDX-License-Identifier: GPL-3.0-or-later
"""How one slice of a run ended: an answer, an error that may pass, or a lost process. Pure.

What worked before in this run and fails now is sat out. The vault is the truth, so a slice whose answer never came is
simply run again: it reads before it sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.texts import bounded
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.findings_table import add_finding
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import under_way
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking.patience import PASSING

#: Code of a slice whose process ended without a complete answer.
DIED = "process_died"

#: How often a first slice is started: if none has worked yet, none may.
FIRST_DEATHS = 3

Answer = dict[str, Any]


def answer_or_error(answer: Answer) -> Answer:
    """The answer itself, or the error to report in its place.

    Killed processes answer nothing or half of it; Ansible hands that on as ``module_stdout`` (RUN). Neither that text nor a
    traceback is never repeated in full: it may hold secrets.
    """
    if answer.get("skipped") or answer.get("code"):
        return answer
    unparsed = "module_stdout" in answer
    if not unparsed and (answer.get("failed") or "finished" in answer):
        return answer
    rc = answer.get("rc")
    said = bounded(" ".join(str(answer.get("module_stderr") or "").strip().splitlines()[-1:]), 300).rstrip(".")
    killed = isinstance(rc, int) and (rc < 0 or rc >= 128)
    how = f"was killed (exit code {rc})" if killed else "ended without a complete answer"
    return {
        "failed": True,
        "changed": False,
        "code": DIED,
        "details": {
            "rc": rc if isinstance(rc, int) else None,
            "crashed": "Traceback" in str(answer.get("module_stderr")),
        },
        "msg": f"The module's process {how}{': ' + said if said else ''}. Operations that it sent continue in Azure.",
        "remedy": (
            "Check whether it ran out of memory or was killed, then run the same command again: it joins what "
            "is under way."
        ),
    }


def lost_answer(why: object) -> Answer:
    """The answer of a slice that could not be reached any more."""
    return answer_or_error({"module_stdout": "", "module_stderr": str(why), "failed": True})


def crashed(answer: Mapping[str, Any]) -> bool:
    """Whether the process ended over an exception, which it would do again."""
    return bool((answer.get("details") or {}).get("crashed"))


def may_succeed_again(answer: Mapping[str, Any]) -> bool:
    """Whether a failed slice may succeed if repeated."""
    return bool(answer.get("failed")) and answer.get("code") in PASSING | {DIED}


def has_sent(answer: Mapping[str, Any]) -> bool:
    """Whether the slice has sent anything, however it ended."""
    requests = answer.get("requests")
    return isinstance(requests, Mapping) and bool(requests.get("writes"))


def worked_before(stage_results: Any) -> bool:
    """Whether an earlier stage of the same chain got through to the service."""
    results = stage_results if isinstance(stage_results, list) else ()
    return any(isinstance(r, Mapping) and "machines" in r and not r.get("failed") for r in results)


def with_findings(answer: Answer, known: dict[tuple[str, ...], Any]) -> Answer:
    """The answer with what the rules found in all slices until now; ``known`` is kept between them."""
    for finding in answer.get("findings") or ():
        add_finding(known, finding)
    return {**answer, "findings": list(known.values())} if known else answer


def merged(last: Answer, answer: Answer) -> Answer:
    """A failed slice keeps what the one before it knew of the machines, and that something was changed."""
    kept = {
        k: v for k, v in last.items() if k not in ("next_slice_seconds", "msg", "code", "failed", "remedy", "details")
    }
    found = {**kept, **answer, "changed": bool(last.get("changed") or answer.get("changed"))}
    if answer.get("machines") and last.get("machines"):
        found["machines"] = [_seen(m, last["machines"]) for m in answer["machines"]]
    return found


def _seen(machine: Any, before: Any) -> Any:
    """A machine's row of a slice that could not read it: where it was when it was last seen, unless something was sent since."""
    if machine.get("after") != "unknown" or not machine.get("item_id"):
        return machine
    earlier = next((m for m in before if m.get("item_id") == machine["item_id"]), None)
    if earlier is None or len(machine.get("steps") or ()) != len(earlier.get("steps") or ()):
        return machine
    return {**machine, **{key: earlier.get(key) for key in ("vault", "group", "after", "changed", "sync")}}


def broken(last: Answer, answer: Answer) -> Answer:
    """The result of a run that an error has ended: the one cause first, then what was sent and still goes on."""
    result = merged(last, answer) if last else dict(answer)
    for key in ("cursor", "next_slice_seconds"):
        result.pop(key, None)
    machines = [m for m in result.get("machines") or () if isinstance(m, Mapping)]
    sent = (result.get("requests") or {}).get("writes") or 0
    going = [str(m.get("name")) for m in machines if m.get("done") in ("started", "joined") and under_way(m)]
    if sent and result.get("failed"):
        named = ", ".join(going[:10]) + (f" and {len(going) - 10} more" if len(going) > 10 else "")
        result["msg"] = (
            f"{str(result.get('msg') or '').rstrip()}\nThis task had sent {sent} request{'' if sent == 1 else 's'}"
            + (f"; Azure continues with {named}" if named else "")
            + ". Nothing was cancelled. Run the same command again to join what is under way."
        )
    return result
