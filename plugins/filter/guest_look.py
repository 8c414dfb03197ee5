# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine has answered to the script of guest_script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.probe import look

DOCUMENTATION = r"""
name: guest_look
short_description: What a machine has answered to the script of guest_script
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Takes the result of the task that ran the script of P(homeward.asr.guest_script#filter) on a machine, and gives what it has found.
options:
  _input:
    description: The task's result.
    type: dict
    required: true
  targets:
    description: The servers that the script was made for.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what the machine reaches
  ansible.builtin.debug:
    msg: "{{ answer | homeward.asr.guest_look([{'address': '10.10.0.10', 'port': 443}]) }}"
"""

RETURN = r"""
_value:
  description:
    - C(ports), the servers with C(state), which is open, closed or untried; C(free_mb), which is empty where the machine did not say;
      C(why), the reason where it could not be asked; and C(elsewhere), which is false where the answer is that of the controller's own host.
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"guest_look": look}
