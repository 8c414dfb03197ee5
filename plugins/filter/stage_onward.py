# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which machines go on from one stage to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.stages import stage_onward

DOCUMENTATION = r"""
name: stage_onward
short_description: Which machines go on to the next stage
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Reads the results of the stages that have run and tells which machines the next one is for. Machines that failed, were refused, are held
    or are still on their way stay behind, and with them the other members of their consistency groups. Changes nothing.
positional: stage, check
options:
  _input:
    description: Results of stage modules, in the order in which they ran.
    type: list
    elements: dict
    required: true
  stage:
    description: The stage that comes next, by the names that the role P(homeward.asr.stage#role) takes.
    type: str
    required: true
  check:
    description: Whether the results are of check mode, where a machine that would move has not.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Who goes on to the failover
  ansible.builtin.set_fact:
    onward: "{{ [reprotected] | homeward.asr.stage_onward('failover_to_onprem', ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description:
    - C(machines) are those that go on, by the ids of their replicated items, C(approved) those of them whose commit was approved when
      the run began. C(held) are the rows of those that are held because another
      member of their consistency group stopped. C(last) are the rows of the stage that ran last. C(spent) are the ids of machines
      whose approval has brought their commit.
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"stage_onward": stage_onward}
