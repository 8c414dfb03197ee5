# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules' RETURN says is what they return, and is about the module itself."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.module_utils.shell.task_result import shape

STAGES = ["asr_failover", "asr_commit", "asr_reprotect", "asr_failback", "asr_cancel_failback"]
SERVERS = ["asr_master_target", "asr_process_server"]


def documented(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"ansible_collections.homeward.asr.plugins.modules.{name}")
    return yaml.safe_load(module.RETURN)


@pytest.mark.parametrize("name", [*STAGES, *SERVERS])
def test_everything_a_verdict_adds_is_documented(name: str) -> None:
    told = shape({"finished": True, "machines": []}, {}, check=False)
    docs = documented(name)
    assert {key for key in told if key not in ("machines", "diff", "msg")} <= set(docs)
    assert set(told["counts"]) == set(docs["counts"]["contains"])


def test_the_cancellation_documents_itself() -> None:
    text = yaml.safe_dump(documented("asr_cancel_failback"))
    for foreign in ("commit_to_onprem", "failoverCommit", "vault-classic", "synchronising", "Classic replication"):
        assert foreign not in text
    assert documented("asr_cancel_failback")["machines"]["contains"]["step"]["sample"] == "cancel_failover_to_onprem"
