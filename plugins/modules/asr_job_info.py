#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Returns jobs and why they failed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_job_info
short_description: Get Site Recovery jobs, their tasks and errors
version_added: 1.0.0
description:
  - Returns the state, tasks, errors, possible causes and recommended actions of jobs.
  - Finds jobs by name, or recent jobs by filter. Each job is read individually, because job lists omit tasks and errors.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  jobs:
    description: Jobs by name, as returned by other modules. Defaults to the recent jobs that match the other options.
    type: list
    elements: str
    default: []
  machines:
    description:
      - Only recent jobs of these machines, by name, by ID of the replicated item, or by pattern.
      - A name that is neither that of a machine nor that of a job's target is refused.
    type: list
    elements: str
    default: []
  states:
    description: Only recent jobs in one of these states, as the service names them (V(Failed), V(InProgress), V(Succeeded), V(CompletedWithInformation)).
    type: list
    elements: str
    default: []
  hours:
    description: Jobs that ended within this number of hours are recent, at most 87600. Jobs in progress always are.
    type: float
    default: 24.0
  limit:
    description: Maximum number of recent jobs, newest first. Each takes one request.
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
- name: Get the jobs that failed in the last 12 hours
  homeward.asr.asr_job_info:
    states: [Failed]
    hours: 12
  register: failures

- name: Get the last five jobs of one machine
  homeward.asr.asr_job_info:
    machines: [retries-01]
    limit: 5
"""

RETURN = r"""
jobs:
  description: The jobs, newest first.
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
      description: Name of its Recovery Services vault.
      returned: always
      type: str
      sample: vault-classic-12
    scenario:
      description: Type of the job, as the service names it.
      returned: always
      type: str
      sample: SwitchReplicationGroupProtection
    description:
      description: Display name of the job.
      returned: always
      type: str
      sample: Reprotect
    state:
      description: Its state, as the service names it.
      returned: always
      type: str
      sample: Failed
    alive:
      description: Whether it is in progress.
      returned: always
      type: bool
      sample: false
    succeeded:
      description: Whether it succeeded.
      returned: always
      type: bool
      sample: false
    machine:
      description: Object of the job, usually a machine.
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
      description: Actions that the service allows for the job.
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
          description: Display text of the same.
          returned: always
          type: str
          sample: Protecting the machine
        state:
          description: Its state, as the service names it.
          returned: always
          type: str
          sample: Failed
        state_text:
          description: Display text of the same.
          returned: always
          type: str
          sample: Failed
        start:
          description: Its start, UTC; V(null) until then.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        end:
          description: Its end, UTC; V(null) until then.
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
          description: Error code of the service.
          returned: always
          type: str
          sample: '95226'
        message:
          description: Message of the service.
          returned: always
          type: str
          sample: The Azure virtual machine could not reach the on-premises configuration server.
        possible_causes:
          description: Possible causes according to the service; may be empty.
          returned: always
          type: str
          sample: The network to the configuration server is not ready.
        recommended_action:
          description: What the service recommends; may be empty.
          returned: always
          type: str
          sample: Check the VPN or ExpressRoute connection, then run the operation again.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Error
    warnings:
      description: Warnings of a job that succeeded.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: Error code of the service.
          returned: always
          type: str
          sample: '95226'
        message:
          description: Message of the service.
          returned: always
          type: str
          sample: The Azure virtual machine could not reach the on-premises configuration server.
        possible_causes:
          description: Possible causes according to the service; may be empty.
          returned: always
          type: str
          sample: The network to the configuration server is not ready.
        recommended_action:
          description: What the service recommends; may be empty.
          returned: always
          type: str
          sample: Check the VPN or ExpressRoute connection, then run the operation again.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Error
requests:
  description: Requests sent to Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: Always V(0).
      returned: always
      type: int
      sample: 0
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 5
code:
  description: Error code, stable across versions, for playbooks to branch on.
  returned: on failure
  type: str
  sample: vault_not_found
remedy:
  description: What to do next.
  returned: on failure
  type: str
  sample: Check the names in vaults, or set ASR_VAULT and ASR_RESOURCE_GROUP.
details:
  description: Structured data about the error. Contains no secrets.
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
