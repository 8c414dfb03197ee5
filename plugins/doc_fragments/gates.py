# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates that may be overridden with a reason before a failover home and its commit."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.gates()."""

    DOCUMENTATION = r"""
options:
  accept:
    description:
      - Gates to override, each with the reason why. A machine whose replica is incomplete, outdated or unhealthy is neither failed over to
        on-premises nor committed there unless the gate that stops it is accepted here. What was accepted is kept in the result.
      - Findings of the vault are V(replication_health), V(failover_health), V(rpo), V(resync_required), V(resync_in_progress),
        V(disk_resized), V(disk_state), V(agent_silent) and V(failed_failover) (the last one in both directions).
      - V(disk_unprotected) covers disks of the Azure VM that are not replicated and are deleted with it at the commit.
      - V(azure_vm_missing) is for an Azure VM that no longer exists. V(azure_identity) and V(onprem_identity) are for machines
        whose VM cannot be identified by ID; the reason must contain the resource ID of the Azure VM, or the UUID of the VM in vCenter.
        It applies to the machine with the name of that VM, or to the machine that the reason names; if several machines share the name,
        the reason must name the replicated item. If Azure VMs with the machine's name still exist, the reason of
        V(azure_vm_missing) must contain their resource IDs.
      - V(onprem_tools) and V(onprem_disks) are about the machine on-premises before its commit, when VMware Tools do not show that its operating
        system runs, or disks are missing or still attached to a master target. V(azure_vm_unsettled) is for an Azure VM in the
        provisioning state C(Failed); that it is stopped is checked all the same.
      - Contradicting IDs, a machine that is not running and a failover that did not succeed cannot be accepted.
    type: dict
    default: {}
  rpo_limit:
    description:
      - Maximum age in seconds of a recovery point to fail over to, at most 31536000. Defaults to the RPO threshold of the failback policy,
        or 900.
      - Checked again before the commit, for the point that the failover used. A point chosen by name may be of any age, and the newest
        application-consistent point may be an hour older because these are created hourly.
    type: float
"""
