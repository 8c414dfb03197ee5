#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Returns an estate as a fleet of the rehearsal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_estate_info
short_description: Get an estate as a fleet for the rehearsal
version_added: 1.0.0
description:
  - Reads vaults and vCenter and returns a fleet for the rehearsal - machines, their disks, groups and recovery plans,
    master targets or appliances, process servers, hosts, datastores and the datastore cluster. Nothing is changed.
  - The playbook C(homeward.asr.snapshot) writes it to a file, and C(make rehearse FLEET=FILE) rehearses it.
  - Machines start on-premises or in Azure. One that is being failed back starts in Azure, one that was just failed back starts on-premises.
  - What the rehearsal does not support - additional clusters, datastores other than VMFS and NFS - is mapped to what it has, with a warning.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  pseudonyms:
    description:
      - Replace names, addresses and subscription IDs, so that the fleet can be shared. Sizes and structure stay.
    type: bool
    default: false
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_fabric_info
  - module: homeward.asr.asr_replicated_item_info
"""

EXAMPLES = r"""
- name: The estate as a fleet, under other names
  homeward.asr.asr_estate_info:
    pseudonyms: true
  register: estate

- name: Keep it
  ansible.builtin.copy:
    content: "{{ estate.fleet | to_nice_yaml(sort_keys=false) }}"
    dest: mine.yml
    mode: '0600'
"""

RETURN = r"""
fleet:
  description: The fleet, as a fleet file holds it. Without its O(pseudonyms) it names machines, addresses and subscriptions.
  returned: always
  type: dict
  contains:
    name:
      description: Name of the fleet.
      returned: always
      type: str
      sample: estate
    description:
      description: What it is.
      returned: always
      type: str
      sample: 12 machines of 1 vaults, as they were read
    vaults:
      description: The vaults with their servers, accounts, policies and recovery plans.
      returned: always
      type: list
      elements: dict
      sample: [{"name": "vault-01", "generation": "classic"}]
    machines:
      description: The machines.
      returned: always
      type: list
      elements: dict
      sample: [{"name": "machine-01", "vault": "vault-01", "os": "Linux", "disks_gb": [40]}]
    site:
      description: Hosts, datastores and the datastore cluster.
      returned: always
      type: dict
      sample: {"hosts": ["host-01"], "datastores": [{"name": "datastore-01"}]}
    ambiguous_names:
      description: Machines of different vaults share a name.
      returned: when they do
      type: bool
      sample: true
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
      sample: 18
code:
  description: Error code, stable across versions, for playbooks to branch on.
  returned: on failure
  type: str
  sample: vcenter_missing
remedy:
  description: What to do next.
  returned: on failure
  type: str
  sample: Set hostname, username and password (or VMWARE_HOST, VMWARE_USER and VMWARE_PASSWORD).
details:
  description: Structured data about the error. Contains no secrets.
  returned: on failure
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import snapshot, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(), specs.vcenter(), specs.vault(), {"pseudonyms": {"type": "bool", "default": False}}
    )


def main() -> None:
    """Read once and report."""
    run_module(argument_spec(), snapshot.estate)


if __name__ == "__main__":
    main()
