# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of addresses beside the records of guests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.addresses import guest_addresses

DOCUMENTATION = r"""
name: guest_addresses
short_description: The addresses in records of guests as CSV
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Takes the texts of records that the role P(homeward.asr.guest_network#role) wrote, and gives a table with a line for each address.
options:
  _input:
    description: Texts of records.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the addresses
  ansible.builtin.debug:
    msg: "{{ [lookup('ansible.builtin.file', 'asr-records/web01.yml')] | homeward.asr.guest_addresses }}"
"""

RETURN = r"""
_value:
  description: The table, with a line of headings.
  type: str
"""


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"guest_addresses": guest_addresses}
