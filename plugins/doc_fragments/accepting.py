# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules a person overrides, and why."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.accepting()."""

    DOCUMENTATION = r"""
options:
  accept:
    description:
      - Rules to override, each with the reason why, such as C(mt_snapshot) with V(It is removed tonight, says the owner). A machine that a rule
        stops is refused before anything is sent for it, unless that rule is accepted here. What was accepted is kept in the result.
      - The guide R(Readiness, ansible_collections.homeward.asr.docsite.readiness) lists all rules, with what each reads and before which
        step it is asked.
      - V(azure_identity) and V(onprem_identity) are for machines whose VM cannot be identified by ID. Before a commit the reason must
        contain the resource ID of the Azure VM, or the UUID of the VM in vCenter. It applies to the machine with the name of that VM, or
        to the machine that the reason names; if several machines share the name, the reason must name the replicated item.
      - If Azure VMs with the machine's name still exist, the reason of V(azure_vm_missing) must contain their resource IDs.
      - V(onprem_tools) and V(onprem_disks) are about the machine on-premises before its commit, when VMware Tools do not show that its operating
        system runs, or disks are missing or still attached to a master target. V(azure_vm_unsettled) is for an Azure VM in the
        provisioning state C(Failed); that it is stopped is checked all the same.
      - Before a commit, contradicting IDs, a machine that is not running and a failover that did not succeed cannot be accepted.
    type: dict
    default: {}
"""
