#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_guest
short_description: Find the on-premises machines that a play is for, and report what it found
version_added: 1.0.0
description:
  - Internal module of the playbooks C(prepare), C(stage_1_failover_to_azure) and C(preflight). Use the role
    P(homeward.asr.guest_network#role), or P(homeward.asr.verify#role), for machines of your own choice.
  - A machine that is not on-premises, cannot be reached or was refused is named in the result and never makes the task fail.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  part:
    description:
      - V(find) returns the machines whose networks are recorded, V(tell) what has become of them after the play.
      - V(aim) returns the machines that are asked from inside what they reach, V(answers) what they have found.
    type: str
    choices: [find, tell, aim, answers]
    required: true
  settings:
    description: The variables of the role P(homeward.asr.stage#role), without their prefix.
    type: dict
    default: {}
extends_documentation_fragment:
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_stages
"""

EXAMPLES = r"""
- name: Find the machines whose networks are recorded
  homeward.asr.asr_guest:
    part: find
    settings: {guest: record, machines: [shop-db-01]}
  register: found
"""

RETURN = r"""
group:
  description: Group for the machines, empty where there are none.
  returned: with O(part=find) and O(part=aim)
  type: str
  sample: guests_to_record
home:
  description: Whether any of them is on-premises, so that it can be recorded.
  returned: with O(part=find)
  type: bool
  sample: true
file:
  description: File with the machines, or their answers, as JSON, in Ansible's own temporary directory. Empty where nobody is asked.
  returned: with O(part=find), O(part=aim) and O(part=answers)
  type: str
  sample: ~/.ansible/tmp/ansible-local-1/homeward-asr-guests.json
recorded:
  description: The machines (C(guests), each with C(machine), C(outcome), C(reason), C(file), C(addresses)) and C(notes), as they were printed.
  returned: with O(part=tell)
  type: dict
  sample: {notes: ['Networks of guests recorded: 1 of 1 in asr-records.']}
"""
