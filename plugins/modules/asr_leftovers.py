#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what is left in Azure after a failback, by the ids that are given back to it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_leftovers
short_description: Remove what is left in Azure of machines that failed back
version_added: 1.0.0
description:
  - Removes resources that M(homeward.asr.asr_leftovers_info) found, by the IDs in O(remove). Nothing else is removed,
    and what is removed is gone for good.
  - Each resource is looked up again right before its removal. One that is attached to something, locked (also through its resource group or
    subscription), written to by a replication, or a virtual machine that is not stopped, stays. So does one that cannot be checked, one
    that is not among the leftovers of the vaults, and a process server that a vault still lists. The others are removed.
  - The order is virtual machines, network interfaces, public addresses, network security groups, disks, snapshots. What was deployed with a
    process server goes last, the record of its deployment at the very end.
  - A resource that is gone already is V(unchanged). The task fails if any resource was not removed, and names each with its reason.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  remove:
    description: IDs of the resources to remove, as RV(homeward.asr.asr_leftovers_info#module:leftovers[].id) has them.
    type: list
    elements: str
    required: true
  remove_unknown:
    description:
      - Whether resources may be removed that neither the vault's data nor a tag assigns to a machine or process server. Check first what
        each of them belongs to.
    type: bool
    default: false
  resource_groups:
    description:
      - Additional resource groups to search, in the subscriptions of the vaults. Required if no machine is left in a vault.
    type: list
    elements: str
    default: []
  wait_timeout:
    description: Seconds to wait until the resources of one kind are gone, before the next kind.
    type: int
    default: 900
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.attributes.oneshot
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_leftovers_info
  - module: homeward.asr.asr_process_server
"""

EXAMPLES = r"""
- name: Get what is left in Azure
  homeward.asr.asr_leftovers_info:
  register: found

- name: Remove the disks of one machine that is home
  homeward.asr.asr_leftovers:
    remove: "{{ found.leftovers | selectattr('kind', 'eq', 'disk') | selectattr('machine', 'eq', 'web-01') | map(attribute='id') }}"
"""

RETURN = r"""
resources:
  description: What became of each resource, in the order of the removals.
  returned: when the vaults could be read
  type: list
  elements: dict
  contains:
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
    kind:
      description: As in RV(homeward.asr.asr_leftovers_info#module:leftovers[].kind); V(null) for what is not among the leftovers.
      returned: always
      type: str
      sample: disk
    machine:
      description: The machine it belongs to; V(null) if that is not known.
      returned: always
      type: str
      sample: web-01
    process_server:
      description: The process server that was deployed with it; V(null) if none was.
      returned: always
      type: str
      sample: null
    size_gb:
      description: Size in GB of a disk or snapshot; V(null) for other kinds.
      returned: always
      type: int
      sample: 127
    done:
      description: V(removed) (in check mode, would be removed), V(unchanged) (it was gone already), V(refused) (it stays) or V(failed).
      returned: always
      type: str
      sample: removed
    code:
      description: Code of the reason why it was not removed; V(null) otherwise.
      returned: always
      type: str
      sample: null
    reason:
      description: The reason; V(null) otherwise.
      returned: always
      type: str
      sample: null
    remedy:
      description: What to do about it; V(null) otherwise.
      returned: always
      type: str
      sample: null
lines:
  description: The same as lines to print.
  returned: when the vaults could be read
  type: list
  elements: str
  sample: ['1 of 1 removed, 127 GB of disks and snapshots.']
requests:
  description: Requests sent to Azure Resource Manager.
  returned: when the vaults could be read
  type: dict
  contains:
    writes:
      description: Removals that were sent.
      returned: always
      type: int
      sample: 1
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 12
code:
  description: Error code, stable across versions, for playbooks to branch on.
  returned: on failure
  type: str
  sample: leftovers_kept
remedy:
  description: What to do next.
  returned: on failure
  type: str
  sample: Follow the reasons, or leave these resources out.
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
    return leftovers.removal_spec()


def main() -> None:
    """Check each again, remove, report."""
    run_module(argument_spec(), leftovers.remove)


if __name__ == "__main__":
    main()
