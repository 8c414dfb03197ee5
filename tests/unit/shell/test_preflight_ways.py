# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight offers where rules block: nothing that would be refused."""

from __future__ import annotations

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import FIRM
from ansible_collections.homeward.asr.plugins.module_utils.shell.preflight import ways


@pytest.mark.parametrize("firm", FIRM)
def test_a_rule_that_cannot_be_accepted_is_not_offered_to_be(firm: str) -> None:
    assert "accept" not in ways([firm])
    assert ways(["rpo", firm]).endswith(f"'{{option:accept}}'. {firm} cannot be accepted.")
    assert ways(["rpo"]).endswith("'{option:accept}'.")
