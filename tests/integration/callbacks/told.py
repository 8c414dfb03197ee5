# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what every task returned, as a line of JSON each, to the file named by TOLD_FILE: the record a job runner keeps."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: told
type: aggregate
short_description: Writes task results to a file
description: One line of JSON for each result.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "told"

    def _tell(self, status: str, result: Any) -> None:
        entry = {
            "task": result._task.name or result._task.action,
            "action": result._task.action,
            "status": status,
            # A failure that is ignored is no longer marked as one.
            "result": {"failed": status in ("failed", "ignored"), **result._result},
        }
        with open(os.environ["TOLD_FILE"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._tell("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._tell("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._tell("skipped", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._tell("ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._tell("failed", result)
