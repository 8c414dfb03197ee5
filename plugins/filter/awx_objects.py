# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of AWX that the role awx_setup makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.awx.objects import objects
from ansible_collections.homeward.asr.plugins.plugin_utils.sources.inventory import untrusted
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import read

DOCUMENTATION = r"""
name: awx_objects
short_description: List what AWX needs to run the playbooks
version_added: 1.0.0
description:
  - Makes plain data for AWX or Automation Platform from the variables of the role P(homeward.asr.awx_setup#role). There are lists of
    credential types, execution environments, notifications, projects, inventories, hosts, job templates with surveys, workflows and schedules.
  - The keys of each object are options of the module that makes it.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  _input:
    description: The variables of the role, by name without C(awx_setup_).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the job templates
  ansible.builtin.debug:
    msg: "{{ (settings | homeward.asr.awx_objects).controller_templates }}"
"""

RETURN = r"""
_value:
  description: Lists of objects by kind, such as C(controller_templates) and C(controller_workflows).
  type: dict
"""


def awx_objects(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The filter. Values for jobs that the playbooks would refuse are refused here."""
    wrong = read(settings["variables"])[1]
    wrong += [
        f"{name} is not one of the playbooks' variables."
        for name in settings["variables"]
        if not str(name).startswith("asr_")
    ]
    if wrong:
        raise ValueError(f"awx_setup_variables: {' '.join(wrong)}")
    made: dict[str, Any] = untrusted(objects(settings))
    return made


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"awx_objects": awx_objects}
