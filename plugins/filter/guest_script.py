# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that a machine is asked with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.probe import script

DOCUMENTATION = r"""
name: guest_script
short_description: The script that asks a machine what it reaches
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Takes servers with their ports and gives a script for a shell, or for PowerShell, that tries each of them and looks at the room for the
    Mobility agent. The script changes nothing and needs no Python. The role P(homeward.asr.verify#role) runs it.
options:
  _input:
    description: Servers, each with C(address) and C(port).
    type: list
    elements: dict
    required: true
  windows:
    description: Whether the script is for PowerShell.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Ask a machine whether it reaches a server
  ansible.builtin.raw: "{{ [{'address': '10.10.0.10', 'port': 443}] | homeward.asr.guest_script }}"
  changed_when: false
"""

RETURN = r"""
_value:
  description: The script.
  type: str
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"guest_script": script}
