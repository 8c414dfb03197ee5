# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine fails in each stage: the others continue to the end, and only the last task fails, naming it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from proof_fleet import fleet
from proof_scene import OPERATIONS, Run, Scene

#: Documented provider codes of failures that no repetition heals, by the operation they are made to happen in.
CODES = {
    "failover/to_azure": "28031",
    "commit/to_azure": "28096",
    "reprotect/to_onprem": "78052",
    "failover/to_onprem": "8038",
    "commit/to_onprem": "28096",
    "reprotect/to_azure": "8061",
}

#: Where a machine is left by its failure, in the words of the rehearsal.
LEFT = {
    # A failed failover stays on the item.
    "failover/to_azure": "failed_out",
    "commit/to_azure": "out_uncommitted",
    "reprotect/to_onprem": "out",
    "failover/to_onprem": "failed_home",
    "commit/to_onprem": "home_uncommitted",
    "reprotect/to_azure": "home_unprotected",
}

GOOD = ("good-1", "good-2")


def name_of(operation: str) -> str:
    return "bad-" + operation.replace("/", "-").replace("_", "-")


def remedy(operation: str) -> str:
    return f"Fix what broke {operation}, then run this again."


def bad_machine(operation: str) -> dict[str, Any]:
    verb, step = operation.split("/")
    fault = {
        "operation": verb,
        "direction": step,
        "code": CODES[operation],
        "message": f"The {verb} of this machine is broken.",
        "causes": "The rehearsal breaks it.",
        "action": remedy(operation),
        "times": 99,
    }
    return {"name": name_of(operation), "faults": [fault]}


def failed_tasks(text: str) -> list[str]:
    """Names of the tasks that failed, in the order of the play."""
    found, task = [], ""
    for line in text.splitlines():
        begins = re.match(r"TASK \[(.*?)\]", line)
        if begins:
            task = begins.group(1)
        if line.startswith("fatal:") or "FAILED!" in line:
            found.append(task)
    return found


def only_the_last_task_fails(run: Run) -> None:
    text = run.text()
    tasks = re.findall(r"^TASK \[(.*?)\]", text, re.MULTILINE)
    assert failed_tasks(text) == tasks[-1:], text[-3000:]
    assert re.search(r"failed=1\b.*rescued=0", text), text[-500:]
    assert "Traceback" not in text


def named(run: Run, operation: str) -> None:
    """The failing task names the machine with the service's reason and remedy."""
    after = run.text().rpartition("fatal:")[2].replace("\\n", "\n")
    lines = [line for line in after.splitlines() if name_of(operation) in line and "broken" in line]
    assert lines, after[:3000]
    assert f"The {operation.split('/')[0]} of this machine is broken." in lines[0]
    assert remedy(operation) in lines[0]


def test_one_bad_machine_in_each_stage(rehearse: Callable[[dict[str, Any]], Scene]) -> None:
    """Out to Azure and home again with one bad machine for each operation; again with failures allowed."""
    scene = rehearse(fleet([{"name": name} for name in GOOD] + [bad_machine(o) for o in OPERATIONS]))
    everyone = [*GOOD, *(name_of(o) for o in OPERATIONS)]
    out = scene.playbook("stage_1_failover_to_azure", everyone, asr_confirm_failover_to_azure=True)
    assert out.wait() != 0
    only_the_last_task_fails(out)
    for operation in OPERATIONS[:2]:
        named(out, operation)

    travellers = [name for name in everyone if name != name_of(OPERATIONS[0])]
    home = scene.playbook("failback", travellers)
    assert home.wait() != 0
    only_the_last_task_fails(home)
    for operation in OPERATIONS[2:]:
        named(home, operation)
    # The one whose failover was never committed is refused at the first step of the failback.
    uncommitted = home.text().rpartition("fatal:")[2]
    assert name_of("commit/to_azure") in uncommitted
    assert "stage_1_failover_to_azure" in uncommitted

    phases = {item["name"]: item["phase"] for item in scene.control("GET", "/items")}
    assert phases == {**dict.fromkeys(GOOD, "home"), **{name_of(o): LEFT[o] for o in OPERATIONS}}
    for name in GOOD:
        assert scene.accepted(name) == dict.fromkeys(OPERATIONS, 1)
    for number, operation in enumerate(OPERATIONS):
        # What came before went well, what failed was not repeated, nothing came after.
        assert scene.accepted(name_of(operation)) == dict.fromkeys(OPERATIONS[: number + 1], 1)

    allowed = scene.playbook("failback", travellers, asr_allowed_failures=80, asr_advance="each")
    assert allowed.wait() == 0, allowed.text()[-3000:]
    for operation in OPERATIONS[1:]:
        assert name_of(operation) in allowed.text()
