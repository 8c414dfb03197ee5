# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the variables that users set for the playbooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.given import read

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


def variables(values: Mapping[str, Any]) -> dict[str, Any]:
    """The filter."""
    given, wrong = read(values)
    return {"given": given, "wrong": wrong}


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"variables": variables}
