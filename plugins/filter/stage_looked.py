# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which machines can go the whole way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.stages import stage_looked

DOCUMENTATION = r"""
name: stage_looked
short_description: Which machines go on after the look along the route
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Reads what a stage module returned in check mode for a whole route, and tells which machines can go. Machines that would fail or be
    refused stay behind, and with them the other members of their consistency groups. Changes nothing.
positional: spent
options:
  _input:
    description: Result of a stage module in check mode.
    type: dict
    required: true
  spent:
    description: Ids of the machines whose approval has brought a commit earlier in the same run. They need another one.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Who can go the whole way
  ansible.builtin.set_fact:
    looked: "{{ would_fail_over | homeward.asr.stage_looked }}"
"""

RETURN = r"""
_value:
  description: C(machines) are the ids of those that go on, C(approved) those of them whose commit is approved, C(ended) the rows of the rest.
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"stage_looked": stage_looked}
