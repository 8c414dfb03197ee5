# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and storage to use."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.placing()."""

    DOCUMENTATION = r"""
options:
  master_targets:
    description:
      - Master targets to use for the reprotect to on-premises, by name. Machines are spread over the master targets that match their
        operating system. A consistency group is never spread, and no master target gets more than 60 disks.
      - In a modernized vault these are replication appliances; the same rules apply.
      - Defaults to all master targets of the configuration server, or all appliances of the vault.
      - A name that exists in only one of O(vaults) does not restrict the others.
    type: list
    elements: str
    default: []
  process_server:
    description:
      - Process server by name. For a reprotect to on-premises it runs in Azure, or on-premises if the sites are connected by ExpressRoute.
      - In a modernized vault this is a replication appliance. To protect a machine again after its failback, the appliance that it
        failed back through is used unless another is given.
      - Defaults to the only suitable one. If there are several, the task is refused and lists them.
    type: str
  datastore:
    description:
      - Datastore for machines that are recreated on-premises (alternate location). Machines that still exist in vCenter keep their own
        datastore (original location), whatever is set here. With O(hostname), vCenter is asked which machines exist.
      - In a modernized vault it is also used for machines whose own datastore no appliance can reach.
      - Defaults to the only suitable one. If there are several, the task is refused and lists them.
      - Either one value for all machines, or a dictionary of values by machine. A key is a machine name, the name or ID of a
        replicated item, a name pattern, C(windows), C(linux) or C(default). The machine's own name takes precedence, then a pattern,
        then its operating system, then C(default). Machines that no key matches use the default of this option.
      - A key that matches no machine of O(vaults) is refused. A key with an empty value is ignored.
    type: raw
  retention_volume:
    description:
      - Retention volume of the master target, as the vault names it (V(R) or V(/mnt/retention)). Appliances have none.
      - Defaults to the only one.
      - Either one value for all machines, or a dictionary of values by machine, as in O(datastore).
    type: raw
  policy:
    description:
      - Replication policy by name. Defaults to the only policy for the direction.
      - For a reprotect to on-premises in a modernized vault, the service uses its own failback policy if none is given.
    type: str
  run_as_account:
    description:
      - Run-as account by name, as listed on the configuration server. Defaults to the only suitable one.
      - Appliances list no accounts. There, the account that protected the machine before is used; set another by its full ID.
    type: str
  run_as_account_windows:
    description: Run-as account for Windows machines, where it differs from O(run_as_account).
    type: str
  run_as_account_linux:
    description: Run-as account for Linux machines, where it differs from O(run_as_account).
    type: str
  log_storage_account:
    description:
      - Storage account for the replication logs of a reprotect to on-premises in a modernized vault, by its full ID, or by name if a
        machine of the vault already uses it.
      - Defaults to the account used while the machine replicated to Azure. If the vault does not report it, the machine is refused.
    type: str
"""
