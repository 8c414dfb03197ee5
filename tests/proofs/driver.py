# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages against a rehearsal as their modules do, in one process that can be killed.

``python driver.py WISH``: WISH is a JSON file with ``tasks`` (module and options, one after the other),
and optionally ``timeouts`` (seconds for a connection and for the next bytes of an answer), ``forget`` (drop the cursor
after every slice) and ``limit`` (seconds in all). Secrets come from the environment, as for a module. Each slice prints
its result as a line of JSON. Exit code 0: every machine went through; 1: a machine did not; 2: the run ended with an
error (in the last line); 3: the time was used up.

Options go through the module's own argument spec, the slice through the module's own work; only Ansible's start, which
takes longer than everything a test wants to see, is left out.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.homeward.asr.plugins.module_utils.azure.transport import TIMEOUTS
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError
from ansible_collections.homeward.asr.plugins.module_utils.shell import accounts, stages
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call
from ansible_collections.homeward.asr.plugins.module_utils.shell.task_result import failure

BAD = ("failed", "refused", "waiting")


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def slices(module: str, options: dict[str, Any], wish: dict[str, Any], until: float) -> int:
    """All slices of one task; the exit code that follows from it."""
    spec = importlib.import_module(f"ansible_collections.homeward.asr.plugins.modules.{module}").argument_spec()
    checked = ArgumentSpecValidator(spec).validate(options)
    if checked.error_messages:
        say({"failed": True, "code": "options", "msg": "; ".join(checked.error_messages)})
        return 2
    params: dict[str, Any] = checked.validated_parameters
    work = stages.stage_work(stages.way_home if module == "asr_failback" else stages.step(module.removeprefix("asr_")))
    cursor: dict[str, Any] | None = None
    while True:
        params["cursor"] = cursor
        call = Call(params=params)
        call._vaults = connect(
            accounts.azure_account(params),
            clock=call.clock,
            bucket_state=(cursor or {}).get("bucket"),
            timeouts=tuple(wish.get("timeouts") or TIMEOUTS),
        )
        try:
            result = work(call)
        except FailbackError as error:
            say(failure(error))
            return 2
        finally:
            call.close()
        cursor = None if wish.get("forget") else result.get("cursor")
        say({"module": module, **{k: v for k, v in result.items() if k != "cursor"}})
        if result["finished"]:
            return 1 if any(m["done"] in BAD for m in result["machines"]) else 0
        if time.monotonic() > until:
            return 3


def main() -> int:
    wish = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    until = time.monotonic() + wish.get("limit", 300.0)
    for task in wish["tasks"]:
        code = slices(task["module"], task["options"], wish, until)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
