#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the servers of a vault."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_fabric_info
short_description: Get the servers, policies and accounts of Site Recovery vaults
version_added: 1.0.0
description:
  - Returns the fabrics (configuration servers) of the vaults with their process servers, master targets (retention volumes, datastores,
    free disk slots), run-as accounts and vCenter servers, and the replication policies.
  - In a modernized vault each replication appliance is listed both as a master target and as a process server;
    M(homeward.asr.asr_appliance_info) returns more about it.
author:
  - The homeward.asr contributors (!UNKNOWN)
options: {}
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_master_target
  - module: homeward.asr.asr_process_server
"""

EXAMPLES = r"""
- name: Get the servers, policies and accounts
  homeward.asr.asr_fabric_info:
  register: servers

- name: Show the master targets with a free disk slot
  ansible.builtin.debug:
    msg: "{{ servers.fabrics | map(attribute='master_targets') | flatten | selectattr('free_slots', 'gt', 0) | map(attribute='name') }}"
"""

RETURN = r"""
fabrics:
  description: The fabrics; for a classic vault its configuration servers.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      returned: always
      type: str
      sample: CS-01
    id:
      description: Its ID.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/...
    vault:
      description: Name of its Recovery Services vault.
      returned: always
      type: str
      sample: vault-classic-12
    instance_type:
      description: Its type, as the service names it.
      returned: always
      type: str
      sample: VMware
    generation:
      description: V(classic), V(modernized) or V(unknown).
      returned: always
      type: str
      sample: classic
    host_name:
      description: Name of the server.
      returned: always
      type: str
      sample: CS-01
    ip:
      description: Its address.
      returned: always
      type: str
      sample: 10.20.1.5
    version:
      description: Version of its software.
      returned: always
      type: str
      sample: 9.62.1.1
    health:
      description: Its health.
      returned: always
      type: str
      sample: Normal
    service_status:
      description: State of its service.
      returned: always
      type: str
      sample: Running
    heartbeat:
      description: Its last heartbeat, UTC; V(null) if there was none.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    heartbeat_stale:
      description: Whether that is more than 20 minutes ago. Up to 12 minutes are normal. V(null) if there was none.
      returned: always
      type: bool
      sample: false
    process_servers:
      description: Process servers registered on it.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          returned: always
          type: str
          sample: ps-azure-01
        id:
          description: Its ID.
          returned: always
          type: str
          sample: 30AE6187-5869-8E44-B8AF6AA66E3ECC8F
        ip:
          description: Its address.
          returned: always
          type: str
          sample: 10.50.0.4
        version:
          description: Version of its software.
          returned: always
          type: str
          sample: 9.62.1.1
        version_status:
          description: Whether the version is supported.
          returned: always
          type: str
          sample: Supported
        service_status:
          description: State of its service.
          returned: always
          type: str
          sample: Running
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
        heartbeat_stale:
          description: Whether that is more than 20 minutes ago. Up to 12 minutes are normal. V(null) if there was none.
          returned: always
          type: bool
          sample: false
        machine_count:
          description: Machines that replicate through it.
          returned: always
          type: int
          sample: 12
        cpu_status:
          description: Load of its processors.
          returned: always
          type: str
          sample: Healthy
        memory_status:
          description: Use of its memory.
          returned: always
          type: str
          sample: Healthy
        space_status:
          description: Use of its cache disk.
          returned: always
          type: str
          sample: Healthy
        problems:
          description: Health errors, as the service reports them.
          returned: always
          type: list
          elements: str
          sample: []
    master_targets:
      description: Master targets registered on it.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          returned: always
          type: str
          sample: mt-linux-01
        id:
          description: Its ID.
          returned: always
          type: str
          sample: 30AE6187-5869-8E44-B8AF6AA66E3ECC8F
        os_type:
          description: Operating system. A master target serves machines with the same one.
          returned: always
          type: str
          sample: Linux
        ip:
          description: Its address.
          returned: always
          type: str
          sample: 10.20.1.10
        version:
          description: Version of its software.
          returned: always
          type: str
          sample: 9.62.1.1
        version_status:
          description: Whether the version is supported.
          returned: always
          type: str
          sample: Supported
        heartbeat:
          description: Its last heartbeat, UTC; V(null) if there was none.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        heartbeat_stale:
          description: Whether that is more than 20 minutes ago. Up to 12 minutes are normal. V(null) if there was none.
          returned: always
          type: bool
          sample: false
        disk_count:
          description: Disks attached to it.
          returned: always
          type: int
          sample: 7
        free_slots:
          description: Number of disks that can still be attached, of 60.
          returned: always
          type: int
          sample: 53
        retention_volumes:
          description: Its retention volumes.
          returned: always
          type: list
          elements: dict
          contains:
            name:
              description: Name of the volume.
              returned: always
              type: str
              sample: /mnt/retention
            capacity_bytes:
              description: Its size in bytes.
              returned: always
              type: int
              sample: 1099511627776
            free_bytes:
              description: Its free space in bytes.
              returned: always
              type: int
              sample: 1099511627776
        datastores:
          description: Datastores its host offers.
          returned: always
          type: list
          elements: dict
          contains:
            name:
              description: Name of the datastore.
              returned: always
              type: str
              sample: datastore-01
            type:
              description: Its type.
              returned: always
              type: str
              sample: VMFS
            capacity_gb:
              description: Its size in GB.
              returned: always
              type: float
              sample: 439.5
            free_gb:
              description: Its free space in GB.
              returned: always
              type: float
              sample: 154.11
        problems:
          description: Health errors, as the service reports them.
          returned: always
          type: list
          elements: str
          sample: []
    run_as_accounts:
      description: Accounts stored on it.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the account.
          returned: always
          type: str
          sample: vm-admin-linux
        id:
          description: Its ID.
          returned: always
          type: str
          sample: '2'
    outward_servers:
      description: What on-premises machines must reach to be protected to Azure.
      returned: always
      type: list
      elements: dict
      contains:
        role:
          description: V(configuration server), V(process server) or V(appliance).
          returned: always
          type: str
          sample: configuration server
        name:
          description: Its name.
          returned: always
          type: str
          sample: CS-01
        address:
          description: Its address, empty where the vault does not report it.
          returned: always
          type: str
          sample: 10.20.1.5
        port:
          description: The TCP port.
          returned: always
          type: int
          sample: 443
        natural:
          description: Whether it is the one that a reprotect takes where none is named.
          returned: always
          type: bool
          sample: true
    vcenters:
      description: vCenters it discovers.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the vCenter.
          returned: always
          type: str
          sample: vcenter-01
        ip:
          description: Its address.
          returned: always
          type: str
          sample: 10.20.1.2
        port:
          description: Its port.
          returned: always
          type: str
          sample: '443'
        discovery_status:
          description: State of the discovery.
          returned: always
          type: str
          sample: Completed
        heartbeat:
          description: Its last heartbeat, UTC; V(null) if there was none.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        fabric:
          description: Name of the fabric it belongs to.
          returned: always
          type: str
          sample: fabric-01
policies:
  description: The replication policies.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the policy.
      returned: always
      type: str
      sample: policy-01-failback
    id:
      description: Its ID.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/...
    instance_type:
      description: Its type, as the service names it.
      returned: always
      type: str
      sample: InMage
    direction:
      description: V(to_azure) or V(to_onprem).
      returned: always
      type: str
      sample: to_onprem
    vault:
      description: Name of its Recovery Services vault.
      returned: always
      type: str
      sample: vault-classic-12
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
    return specs.merge(specs.azure(), specs.vault())


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), infos.fabrics)


if __name__ == "__main__":
    main()
