# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the playbooks' variables agrees with their page and with what playbooks and roles read."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import PUBLISHED

ROOT = Path(__file__).resolve().parents[4]
NAME = re.compile(r"(?<!homeward\.asr\.)\basr_[a-z0-9_]+\b")
#: Known already; the page and the playbooks learn them with what they do.
AHEAD = {"asr_approved", "asr_accept", "asr_rpo_limit", "asr_split_groups"}


def documented() -> set[str]:
    page = (ROOT / "docs" / "variables.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(asr_[a-z0-9_]+)` \|", page, re.MULTILINE))


def read() -> set[str]:
    found: set[str] = set()
    for path in [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").rglob("*/defaults/*.yml")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        found |= set(NAME.findall("\n".join(line for line in lines if not line.lstrip().startswith("#"))))
    return found


def test_every_documented_variable_is_known_and_the_other_way_round():
    assert documented() - set(VARIABLES) == set()
    assert set(VARIABLES) - documented() <= AHEAD


def test_what_playbooks_and_roles_read_is_known():
    # What a chain publishes for the next job of a workflow is no variable that users set.
    assert read() - set(VARIABLES) == {PUBLISHED}


def test_what_approves_or_confirms_is_never_repeated():
    assert {v.name for v in VARIABLES.values() if not v.repeated} == {
        "asr_approved",
        "asr_confirm_cancel",
        "asr_confirm_failover_to_azure",
        "asr_remove",
        "asr_remove_unknown",
    }
