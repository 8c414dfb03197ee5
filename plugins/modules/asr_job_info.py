#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what jobs do and why they failed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_job_info
short_description: Tell what Site Recovery jobs do, and why they failed
version_added: 1.0.0
description:
  - Tells state, tasks, errors, possible causes and recommended actions of jobs.
  - Jobs are given by name, or the recent ones are looked for. Each is read by itself, because lists of jobs leave out tasks and errors.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  jobs:
    description: Jobs by name, as other modules return them. Left out, the recent jobs are looked for.
    type: list
    elements: str
    default: []
  machines:
    description:
      - Only recent jobs about these machines, by name, by the id of their replicated item, or by pattern.
      - A name that is neither a machine's nor that of a job's target is refused.
    type: list
    elements: str
    default: []
  states:
    description: Only recent jobs in one of these states, in the service's words (V(Failed), V(InProgress), V(Succeeded), V(CompletedWithInformation)).
    type: list
    elements: str
    default: []
  hours:
    description: How many hours back a job may have ended to be recent, at most 87600. Jobs that still run always are.
    type: float
    default: 24.0
  limit:
    description: How many recent jobs to tell at most, the youngest first. Each costs one request.
    type: int
    default: 50
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_replicated_item_info
"""

EXAMPLES = r"""
- name: What failed today?
  homeward.asr.asr_job_info:
    states: [Failed]
    hours: 12
  register: failures

- name: What did this machine go through?
  homeward.asr.asr_job_info:
    machines: [retries-01]
    limit: 5
"""

RETURN = r"""
jobs:
  description: The jobs; recent ones with the youngest first.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the job.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    vault:
      description: The vault it is in.
      returned: always
      type: str
      sample: vault-classic-12
    scenario:
      description: What it does, in the service's word.
      returned: always
      type: str
      sample: SwitchReplicationGroupProtection
    description:
      description: What it does, in words.
      returned: always
      type: str
      sample: Reprotect
    state:
      description: Its state, in the service's word.
      returned: always
      type: str
      sample: Failed
    alive:
      description: Whether it still runs.
      returned: always
      type: bool
      sample: false
    succeeded:
      description: Whether it ended well.
      returned: always
      type: bool
      sample: false
    machine:
      description: What it is about, mostly a machine.
      returned: always
      type: str
      sample: retries-01
    start:
      description: Its start, UTC.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    end:
      description: Its end, UTC; V(null) while it runs.
      returned: always
      type: str
      sample: '2026-02-03T04:17:59Z'
    duration_seconds:
      description: Its duration in seconds; V(null) while it runs.
      returned: always
      type: float
      sample: 773.0
    allowed_actions:
      description: What the service would let one do with it.
      returned: always
      type: list
      elements: str
      sample: [Restart]
    tasks:
      description: Its tasks, in order.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the task.
          returned: always
          type: str
          sample: ProtectReplicaTask
        description:
          description: The same in words.
          returned: always
          type: str
          sample: Protecting the machine
        state:
          description: Its state, in the service's word.
          returned: always
          type: str
          sample: Failed
        state_text:
          description: The same in words.
          returned: always
          type: str
          sample: Failed
        start:
          description: Its start, UTC; V(null) before it.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        end:
          description: Its end, UTC; V(null) before it.
          returned: always
          type: str
          sample: '2026-02-03T04:17:59Z'
    errors:
      description: Why it failed.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: The provider's own code.
          returned: always
          type: str
          sample: '95226'
        message:
          description: The provider's own words.
          returned: always
          type: str
          sample: The Azure virtual machine could not reach the on-premises configuration server.
        possible_causes:
          description: What the provider thinks is behind it; may be empty.
          returned: always
          type: str
          sample: The network to the configuration server is not ready.
        recommended_action:
          description: What the provider advises; may be empty.
          returned: always
          type: str
          sample: Check the VPN or ExpressRoute connection, then run the operation again.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Error
    warnings:
      description: What it says although it succeeded.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: The provider's own code.
          returned: always
          type: str
          sample: '95226'
        message:
          description: The provider's own words.
          returned: always
          type: str
          sample: The Azure virtual machine could not reach the on-premises configuration server.
        possible_causes:
          description: What the provider thinks is behind it; may be empty.
          returned: always
          type: str
          sample: The network to the configuration server is not ready.
        recommended_action:
          description: What the provider advises; may be empty.
          returned: always
          type: str
          sample: Check the VPN or ExpressRoute connection, then run the operation again.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Error
requests:
  description: Requests spent against Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: Always V(0).
      returned: always
      type: int
      sample: 0
    reads:
      description: Everything read.
      returned: always
      type: int
      sample: 5
code:
  description: A stable word for what went wrong, for playbooks to branch on.
  returned: on failure
  type: str
  sample: vault_not_found
remedy:
  description: What to do next.
  returned: on failure
  type: str
  sample: Check the names in vaults, or set ASR_VAULT and ASR_RESOURCE_GROUP.
details:
  description: Plain data on what went wrong. Never holds a secret.
  returned: on failure
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import infos, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(),
        specs.vault(),
        {
            "jobs": {"type": "list", "elements": "str", "default": []},
            "machines": {"type": "list", "elements": "str", "default": []},
            "states": {"type": "list", "elements": "str", "default": []},
            "hours": {"type": "float", "default": 24.0},
            "limit": {"type": "int", "default": 50},
        },
    )


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), infos.jobs)


if __name__ == "__main__":
    main()
