# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans what a guest needs to be a master target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.plan import plan

DOCUMENTATION = r"""
name: master_target_plan
short_description: What a guest lacks to be a master target
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Reads what the survey script of the role P(homeward.asr.master_target_guest#role) printed in a guest, and says what has to be done there and
    what prevents it. Changes nothing; it runs on the controller, whatever Python the guest has.
positional: generation, settings
options:
  _input:
    description: What the survey script printed.
    type: str
    required: true
  generation:
    description: The generation's data file, as in the directory C(vars/generations) of the role.
    type: dict
    required: true
  settings:
    description: The role's variables that affect it, as in C(vars/main.yml) of the role.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Plan the guest
  ansible.builtin.set_fact:
    plan: "{{ survey.stdout | homeward.asr.master_target_plan(generation, settings) }}"
"""

RETURN = r"""
_value:
  description:
    - What has to be done, part by part. C(problems) is empty if nothing prevents it; each has C(step), C(code), C(reason) and
      C(remedy). C(findings) are the rules of readiness that did not pass, as asr_preflight returns them.
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"master_target_plan": plan}
