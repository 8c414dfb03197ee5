# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the playbooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.variables.play_hosts import play_hosts

DOCUMENTATION = r"""
name: play_hosts
short_description: The hosts that a playbook of this collection runs on
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Takes the variable C(asr_hosts) and gives the hosts of a play. Stops where there would be none, because Ansible ends such a run as a
    success.
options:
  _input:
    description: A pattern for hosts, or a list of them.
    type: raw
    required: true
  groups:
    description: The groups of the inventory with their hosts. Without any, only the value's type is checked.
    type: dict
  limit:
    description: What C(--limit) says.
    type: str
  names:
    description: Whether to give the names of the hosts in place of the patterns.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Run on vaults
  hosts: "{{ asr_hosts | default('localhost', true) | homeward.asr.play_hosts(groups | default({}), ansible_limit | default('')) }}"
  gather_facts: false
  tasks: []
"""

RETURN = r"""
_value:
  description: Patterns, or names.
  type: list
  elements: str
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"play_hosts": play_hosts}
