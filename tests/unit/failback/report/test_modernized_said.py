# SPDX-License-Identifier: GPL-3.0-or-later
"""A vault's generation is said once, at the start of a chain."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.running.slices import introductions

NOTE = {"name": "vault-new", "generation": "modernized", "note": "Modernized replication."}
SILENT = {"name": "vault-empty", "generation": "unknown", "note": ""}
SAID = "  vault-new: Modernized replication."


@pytest.mark.parametrize(
    ("answer", "task_vars", "expected"),
    [
        ({"vaults": [NOTE, SILENT]}, {}, [SAID]),
        ({"vaults": [NOTE]}, {"stage_results": []}, [SAID]),
        ({"vaults": [NOTE]}, {"stage_results": [{"vaults": [NOTE]}]}, []),
        ({"vaults": [NOTE]}, {"stage_results": [{"failed": True}, {"vaults": [SILENT]}]}, [SAID]),
        ({"vaults": [NOTE]}, {"stage_results": "{{ not templated }}"}, [SAID]),
        ({"failed": True}, {}, []),
        ({"vaults": None}, {}, []),
    ],
)
def test_each_note_is_said_once(answer: dict[str, Any], task_vars: dict[str, Any], expected: list[str]) -> None:
    assert introductions(answer, task_vars) == expected
