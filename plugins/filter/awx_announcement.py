# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an approval in an AWX workflow says about the machines that wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.awx.announcement import announcement
from ansible_collections.homeward.asr.plugins.plugin_utils.sources.inventory import untrusted

DOCUMENTATION = r"""
name: awx_announcement
short_description: Say in an approval which machines wait for their commit
version_added: 1.0.0
description:
  - Makes the text of an approval, and the value of C(asr_approved) for the job after it, from the C(asr_result) that a chain published.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  _input:
    description: The result that an earlier job of the workflow published.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the text
  ansible.builtin.debug:
    msg: "{{ (asr_result | homeward.asr.awx_announcement).text }}"
"""

RETURN = r"""
_value:
  description: C(waiting) (how many machines), C(text), and C(approved) (their names, or V(held) where they are more than the result names).
  type: dict
"""


def awx_announcement(result: Mapping[str, Any]) -> dict[str, Any]:
    """The filter."""
    # What another job of the workflow published by this name says nothing about our machines.
    made: dict[str, Any] = untrusted(announcement(result if isinstance(result, Mapping) else {}))
    return made


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"awx_announcement": awx_announcement}
