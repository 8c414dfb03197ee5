#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Returns the replicated items and their state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_replicated_item_info
short_description: Get the replicated items of Site Recovery vaults and their state
version_added: 1.0.0
description:
  - Returns the state of each machine, the operations that the vault allows, its health, and what it is currently waiting for.
  - Without a selection, all machines are returned.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  full:
    description:
      - Read each replicated item individually, which takes one request per machine. Lists omit disks and servers of machines that replicate
        to on-premises.
    type: bool
    default: true
  azure_machines:
    description: Get the power state of the Azure VMs, which takes one list request per subscription.
    type: bool
    default: true
  onprem_machines:
    description:
      - Look up the machines in vCenter by the IDs in the vault's data and return the addresses that VMware Tools report. Without
        O(hostname), nothing is looked up. A machine whose item does not contain its ID is read individually.
    type: bool
    default: false
  table:
    description: Print the position of each machine and its next step, one line per machine.
    type: bool
    default: false
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_job_info
  - module: homeward.asr.asr_fabric_info
"""

EXAMPLES = r"""
- name: Get the state of all machines
  homeward.asr.asr_replicated_item_info:
    full: false
  register: fleet

- name: Get the machines of one replication group in detail
  homeward.asr.asr_replicated_item_info:
    groups: [shop]
"""

RETURN = r"""
machines:
  description: The machines, sorted by name.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the machine in the vault.
      returned: always
      type: str
      sample: shop-db-01
    vault:
      description: Name of its Recovery Services vault.
      returned: always
      type: str
      sample: vault-classic-12
    item_id:
      description: Resource ID of the replicated item.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/...
    generation:
      description: V(classic), V(modernized) or V(unknown).
      returned: always
      type: str
      sample: classic
    position:
      description: State of the machine. V(home), V(out_uncommitted), V(out), V(syncing_home), V(ready),
        V(home_uncommitted), V(home_unprotected), V(syncing_out) or V(unknown).
      returned: always
      type: str
      sample: out
    position_text:
      description: Display text of the same.
      returned: always
      type: str
      sample: running in Azure, committed
    doing:
      description: The operation in progress; empty when the machine is idle.
      returned: always
      type: str
      sample: reprotecting to on-premises
    job:
      description: Name of the job in progress, V(null) when the machine is idle. The module M(homeward.asr.asr_job_info) shows it.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    group:
      description: Replication (consistency) group, V(null) if it has none.
      returned: always
      type: str
      sample: shop
    os_type:
      description: Operating system, V(null) if the vault does not report it.
      returned: always
      type: str
      sample: Linux
    provider:
      description: The state as the vault reports it.
      returned: always
      type: dict
      contains:
        instance_type:
          description: Provider of the replication.
          returned: always
          type: str
          sample: InMageAzureV2
        active_location:
          description: The active location, as the vault reports it.
          returned: always
          type: str
          sample: Recovery
        state:
          description: State of the protection.
          returned: always
          type: str
          sample: UnplannedFailoverCommitted
        state_text:
          description: Display text of the same.
          returned: always
          type: str
          sample: Failover committed
        allowed_operations:
          description: Operations that the vault allows now.
          returned: always
          type: list
          elements: str
          sample: [DisableProtection, SwitchProtection]
    health:
      description: Health of the replication.
      returned: always
      type: str
      sample: Normal
    health_errors:
      description: Health errors.
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
    agent_heartbeat:
      description: Last heartbeat of the Mobility agent, UTC; V(null) if the vault does not report it.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    last_failover:
      description: Last successful failover, UTC; V(null) if there was none.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    sync_percentage:
      description: Percentage synchronised of the disk that is furthest behind; V(null) if the vault does not report it.
      returned: always
      type: int
      sample: 62
    disks:
      description: Disks, if the vault reports them (O(full=true)).
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: ID of the disk.
          returned: always
          type: str
          sample: 6000C29a-0000-0000-0000-000000000001
        name:
          description: Name of the disk.
          returned: always
          type: str
          sample: /dev/sda
        size_bytes:
          description: Its size in bytes, V(null) if the vault does not report it.
          returned: always
          type: int
          sample: 42949672960
        resync_percentage:
          description: Percentage synchronised, V(null) if the vault does not report it.
          returned: always
          type: int
          sample: 62
    placement:
      description: The servers and storage that the machine replicates through.
      returned: always
      type: dict
      contains:
        master_target:
          description: Master target, V(null) if there is none.
          returned: always
          type: str
          sample: mt-linux-01
        process_server:
          description: Process server, V(null) if there is none.
          returned: always
          type: str
          sample: ps-azure-01
        datastores:
          description: Datastores.
          returned: always
          type: list
          elements: str
          sample: [datastore-01]
        policy:
          description: Replication policy.
          returned: always
          type: str
          sample: policy-01-failback
    azure_machine:
      description: The Azure VM, V(null) if the item has none or with O(azure_machines=false).
      returned: always
      type: dict
      contains:
        id:
          description: Its ID.
          returned: always
          type: str
          sample: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.Compute/virtualMachines/shop-db-01
        name:
          description: Its name.
          returned: always
          type: str
          sample: shop-db-01
        exists:
          description: Whether it exists.
          returned: always
          type: bool
          sample: true
        power_state:
          description: Its power state; empty if Azure does not report it.
          returned: always
          type: str
          sample: running
    onprem_machine:
      description: The machine in vCenter; V(null) without O(hostname), and if none or several VMs have its ID.
      returned: with O(onprem_machines)
      type: dict
      contains:
        vm:
          description: Name of the VM.
          returned: always
          type: str
          sample: shop-db-01
        address:
          description: The address that VMware Tools report; V(null) if they do not run, or if the host of the VM does not respond.
          returned: always
          type: str
          sample: 10.1.2.3
    can_migrate:
      description:
        - Whether a classic machine can move to the modernized generation now. The service moves only machines that are on-premises and
          replicate to Azure in good health. V(null) for machines that are not classic.
      returned: always
      type: bool
      sample: false
    why_not:
      description: Why it cannot move now; V(null) when it can.
      returned: always
      type: str
      sample: 'It is running in Azure, committed: only an on-premises machine that replicates to Azure can move.'
lines:
  description: The table as it was printed.
  returned: with O(table=true)
  type: list
  elements: str
  sample: ['machine  state now']
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
        specs.vcenter(),
        specs.vault(),
        specs.machines(),
        {
            "full": {"type": "bool", "default": True},
            "azure_machines": {"type": "bool", "default": True},
            "onprem_machines": {"type": "bool", "default": False},
            "table": {"type": "bool", "default": False},
        },
    )


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), infos.items)


if __name__ == "__main__":
    main()
