#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the appliances of a vault."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_appliance_info
short_description: Get information about the replication appliances of modernized Site Recovery vaults
version_added: 1.0.0
description:
  - Returns the replication appliances of modernized vaults with their components, the datastores they can reach, the disks attached to
    them for reprotected machines, and whether they are ready for use.
  - Classic vaults have no appliances; use M(homeward.asr.asr_fabric_info) for their servers.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  names:
    description:
      - Appliances by name. Defaults to every appliance of the vaults.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_fabric_info
  - module: homeward.asr.asr_master_target
  - module: homeward.asr.asr_process_server
"""

EXAMPLES = r"""
- name: Get all appliances
  homeward.asr.asr_appliance_info:
  register: found

- name: Show the appliances that are ready and can take twenty more disks
  ansible.builtin.debug:
    msg: "{{ found.appliances | selectattr('ready') | selectattr('free_slots', 'ge', 20) | map(attribute='name') }}"
"""

RETURN = r"""
appliances:
  description: The appliances.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      returned: always
      type: str
      sample: appliance-01
    id:
      description: Its ID; all its components share it.
      returned: always
      type: str
      sample: 83629832-8201-4d31-b9cd-a644185d035a
    vault:
      description: Name of its Recovery Services vault.
      returned: always
      type: str
      sample: vault-modernized-12
    fabric:
      description: The fabric it belongs to.
      returned: always
      type: str
      sample: vault-modernized-12-vmwarefabric
    fqdn:
      description: Name of its host.
      returned: always
      type: str
      sample: appliance-01.home.example
    ip:
      description: Its address.
      returned: always
      type: str
      sample: 10.20.3.10
    vcenter_id:
      description: ID of its vCenter server.
      returned: always
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000001/...
    ready:
      description: Whether machines can be failed back through it now.
      returned: always
      type: bool
      sample: true
    reasons:
      description: Reasons why it is not ready.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: Code.
          returned: always
          type: str
          sample: no_heartbeat
        reason:
          description: The problem.
          returned: always
          type: str
          sample: The reprotect agent of the appliance appliance-01 sent its last heartbeat 40 minutes ago.
        remedy:
          description: What to do.
          returned: always
          type: str
          sample: Check that the appliance is powered on, its services run and it reaches Azure on TCP 443.
        waits:
          description: Whether it can resolve itself.
          returned: always
          type: bool
          sample: true
    warnings:
      description: Warnings.
      returned: always
      type: list
      elements: str
      sample: []
    health:
      description: Health of its reprotect agent.
      returned: always
      type: str
      sample: Normal
    heartbeat:
      description: Last heartbeat of its reprotect agent, UTC; V(null) if there was none.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    heartbeat_stale:
      description: Whether that is more than 20 minutes ago. V(null) if there was none.
      returned: always
      type: bool
      sample: false
    datastores:
      description: Datastores it can reach.
      returned: always
      type: list
      elements: str
      sample: [datastore-1, datastore-2]
    disk_count:
      description: Disks attached to it for reprotected machines.
      returned: always
      type: int
      sample: 7
    free_slots:
      description: Number of disks that can still be attached, of 60.
      returned: always
      type: int
      sample: 53
    components:
      description: Its components.
      returned: always
      type: list
      elements: dict
      contains:
        kind:
          description: V(process server), V(proxy), V(push installer), V(replication agent), V(reprotect agent), V(recovery services agent)
            or V(provider).
          returned: always
          type: str
          sample: reprotect agent
        version:
          description: Its version.
          returned: always
          type: str
          sample: 1.40.8771.15612
        health:
          description: Its health.
          returned: always
          type: str
          sample: Normal
        heartbeat:
          description: Its last heartbeat, UTC; V(null) if there was none.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        problems:
          description: Health errors, as the service reports them.
          returned: always
          type: list
          elements: str
          sample: []
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
        {"names": {"type": "list", "elements": "str", "default": []}},
    )


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), infos.appliances)


if __name__ == "__main__":
    main()
