# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be passed on a person's word before a failover home and its commit."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.gates()."""

    DOCUMENTATION = r"""
options:
  accept:
    description:
      - Gates to pass all the same, each with the reason. A machine whose copy in the vault is not whole, not fresh or not healthy is
        neither failed over to on-premises nor committed there, unless its gate is named here. What was passed is kept in the result.
      - Reports of the vault are V(replication_health), V(failover_health), V(rpo), V(resync_required), V(resync_in_progress),
        V(disk_resized), V(disk_state), V(agent_silent) and V(failed_failover) (the last one in both directions).
      - V(disk_unprotected) are disks of the Azure VM that are not replicated, and go with it at the commit.
      - V(azure_vm_missing) is an Azure VM that does not exist any more. V(azure_identity) and V(onprem_identity) are for machines
        whose ids do not tell which VM is theirs; the reason must name the Azure VM's resource id, or the UUID of the VM in vCenter.
        It counts for the machine of that VM's name, or the one that the reason names; of several machines of one name it must name the
        replicated item. Where Azure VMs of the machine's name are left, the reason of V(azure_vm_missing) names their resource ids.
      - Ids that contradict each other, a machine that does not run and a failover that did not succeed cannot be accepted.
    type: dict
    default: {}
  rpo_limit:
    description:
      - Greatest age in seconds of a recovery point to fail over to, at most 31536000. Left out, the failback policy's threshold, else 900.
      - It is asked again before the commit, of the point that the failover used. A point that was chosen by its name may be of any age,
        and the newest application-consistent one an hour older, as they are made hourly.
    type: float
"""
