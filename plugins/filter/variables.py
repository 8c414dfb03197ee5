# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the variables that users set for the playbooks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.stages import several_vaults
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import read

DOCUMENTATION = r"""
name: variables
short_description: Read the variables that users set for the playbooks of this collection
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Takes lists as a list, as one text, with commas or lines between names, or as JSON, and everything that says nothing (an empty text, an
    unanswered question of a survey) as left out. Says what is misspelt, unknown or of the wrong type.
options:
  _input:
    description: The variables whose names begin with C(asr_), with their values.
    type: dict
    required: true
  host:
    description: The host that the variables are for.
    type: str
  hosts:
    description: All hosts of the play.
    type: list
    elements: str
  known:
    description: All hosts of the inventory. Variables that choose machines may be mappings from these to lists.
    type: list
    elements: str
  beside:
    description: The vaults of each host of the play, in the order of O(hosts). No two may have the same.
    type: list
    elements: raw
"""

EXAMPLES = r"""
- name: Read the variables
  ansible.builtin.set_fact:
    asked: "{{ {'asr_machines': 'shop-01, shop-02', 'asr_groups': ''} | homeward.asr.variables }}"
"""

RETURN = r"""
_value:
  description:
    - C(given) holds the variables that are set, each converted to its type. C(wrong) holds a sentence for each that is unknown or has
      a value it cannot have.
  type: dict
"""


def variables(
    values: Mapping[str, Any],
    host: str = "localhost",
    hosts: Sequence[str] = (),
    known: Collection[str] = (),
    beside: Sequence[Any] = (),
) -> dict[str, Any]:
    """The filter."""
    if found := several_vaults.machine(values, host):
        return {"given": {}, "wrong": found}
    mine, strange = several_vaults.of_host(values, host, known)
    given, wrong = read(mine)
    given = several_vaults.files(several_vaults.vaults(given), host, hosts)
    return {"given": given, "wrong": [*strange, *wrong, *(several_vaults.alike(hosts, beside) if beside else ())]}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"variables": variables}
