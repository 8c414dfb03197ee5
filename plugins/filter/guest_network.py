# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the role guest_network saw in a guest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.plan import guest_network

DOCUMENTATION = r"""
name: guest_network
short_description: How a guest's network differs from its record
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Reads what the script of the role P(homeward.asr.guest_network#role) printed in a guest, and gives the record of it, or what has to be done
    to have it as recorded. Changes nothing and asks nobody; it runs on the controller.
positional: action, record, settings
options:
  _input:
    description: What C(guest.sh survey) printed.
    type: str
    required: true
  action:
    description: What the survey is for.
    type: str
    choices: [record, restore, compare]
    required: true
  record:
    description: Text of the machine's record, empty where there is none.
    type: str
    default: ""
  settings:
    description: The role's variables that bear on it, as in C(vars/main.yml) of the role.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: See what differs
  ansible.builtin.debug:
    msg: "{{ (survey.stdout | homeward.asr.guest_network('compare', lookup('ansible.builtin.file', 'asr-records/web01.yml'))).differences }}"
"""

RETURN = r"""
_value:
  description:
    - For V(record) the record's C(text); for V(compare) C(differences) and C(storage); for V(restore) all of these and what to write.
    - C(problems) is empty when nothing blocks it; each has C(code), C(reason) and C(remedy).
  type: dict
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"guest_network": guest_network}
