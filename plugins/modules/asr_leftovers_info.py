#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists what is left in Azure after a failback."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_leftovers_info
short_description: Get information about what is left in Azure of machines that failed back
version_added: 1.0.0
description:
  - Returns virtual machines, network interfaces, public addresses, disks and snapshots that are still in Azure after the failback was
    committed or the protection was stopped, with size, SKU and what makes them cost money. Also returns what was deployed with a process
    server - by its tag - and the record of that deployment.
  - Searches the resource groups that the machines of the vaults fail over to. Resources are matched to machines by the resource IDs in
    the vault's data and by tags, never by name. A resource that matches no machine is returned with RV(leftovers[].machine) V(null);
    check by hand what it belongs to.
  - Removes nothing. M(homeward.asr.asr_leftovers) removes those that are named.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  resource_groups:
    description:
      - Additional resource groups to search, in the subscriptions of the vaults. Required if no machine is left in a vault.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_leftovers
  - module: homeward.asr.asr_replicated_item_info
  - module: homeward.asr.asr_process_server
"""

EXAMPLES = r"""
- name: Get what is left in Azure
  homeward.asr.asr_leftovers_info:
  register: found

- name: Show the disks that are left over, the largest first
  ansible.builtin.debug:
    msg: "{{ found.leftovers | selectattr('kind', 'eq', 'disk') | sort(attribute='size_gb', reverse=true) | map(attribute='id') }}"
"""

RETURN = r"""
leftovers:
  description: What is left over.
  returned: always
  type: list
  elements: dict
  contains: &resource
    kind:
      description: V(virtual_machine), V(network_interface), V(public_address), V(disk), V(snapshot), V(network_security_group) or
        V(deployment).
      returned: always
      type: str
      sample: disk
    id:
      description: Its resource ID.
      returned: always
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.Compute/disks/web-01-0
    name:
      description: Its name.
      returned: always
      type: str
      sample: web-01-0
    resource_group:
      description: Its resource group.
      returned: always
      type: str
      sample: rg-dr
    machine:
      description: The machine it belongs to; V(null) if neither IDs nor tags name one. Names are never used.
      returned: always
      type: str
      sample: web-01
    process_server:
      description: The process server that was deployed with it; V(null) if none was.
      returned: always
      type: str
      sample: ps-azure-02
    evidence:
      description: How it is known whose it is.
      returned: always
      type: str
      sample: its id is in the vault's data
    in_use:
      description: What needs it; V(null) if it is left over.
      returned: always
      type: str
      sample: attached to web-01
    sku:
      description: Its SKU, or the size of a virtual machine; V(null) if Azure does not report it.
      returned: always
      type: str
      sample: Premium_LRS
    size_gb:
      description: Size in GB of a disk or snapshot; V(null) for other kinds.
      returned: always
      type: int
      sample: 127
    role:
      description: What the vault's data calls a disk - V(seed) (replication writes to it), V(replica) or V(failover) (a failover made it);
        V(null) where it does not.
      returned: always
      type: str
      sample: seed
    state:
      description: State of a disk, or the provisioning state; V(null) if Azure does not report it.
      returned: always
      type: str
      sample: Unattached
    cost:
      description: What makes it cost money.
      returned: always
      type: str
      sample: by size and SKU while it exists, attached or not
in_use:
  description: What is attached to something, what replication writes to, and virtual machines that machines run in.
  returned: always
  type: list
  elements: dict
  contains: *resource
machines:
  description: The machines of the vaults, and whether their Azure VMs are still there.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the machine.
      returned: always
      type: str
      sample: web-01
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    azure_vm:
      description: Resource ID of its Azure VM in lower case; V(null) if the vault's data names none.
      returned: always
      type: str
      sample: null
    exists:
      description: Whether that VM is still there; V(null) if the vault's data names none.
      returned: always
      type: bool
      sample: null
size_gb:
  description: Size in GB of all disks and snapshots that are left over.
  returned: always
  type: int
  sample: 254
lines:
  description: The table as lines to print.
  returned: always
  type: list
  elements: str
  sample: ['Nothing is left over in Azure.']
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

from ansible_collections.homeward.asr.plugins.module_utils.shell import leftovers, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return leftovers.info_spec()


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), leftovers.leftovers)


if __name__ == "__main__":
    main()
