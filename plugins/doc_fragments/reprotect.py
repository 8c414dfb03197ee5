# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a reprotect is done."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.reprotect()."""

    DOCUMENTATION = r"""
options:
  master_targets:
    description:
      - Master targets that may be used on the way home, by name. Machines are spread over those that fit their operating system,
        with consistency groups kept whole and no more than 60 disks attached to one master target.
      - In a modernized vault these are appliances, by name; a machine's consistency group and the 60 disks hold for them as well.
      - Left out, every master target of the configuration server, or every appliance of the vault, is a candidate.
      - A name that exists in only one of O(vaults) says nothing of the others.
    type: list
    elements: str
    default: []
  process_server:
    description:
      - Process server by name. On the way home it stands in Azure, or on-premises where ExpressRoute connects both.
      - In a modernized vault it is an appliance by name. The appliance that brought a machine home protects it again unless another
        is named.
      - Left out, it is chosen when only one fits; when more do, the task is refused with the list.
    type: str
  datastore:
    description:
      - Datastore for machines that must be made anew on-premises (alternate location). Machines that still exist there keep their own
        (original location), whatever is named here. Where vCenter is given in O(hostname), it tells which ones those are.
      - In a modernized vault it also takes machines whose own datastore no appliance reaches.
      - Left out, it is chosen when only one fits; when more do, the task is refused with the list.
      - Either one text for all machines, or a mapping from machines to texts. A key is a machine's name, the name or id of its
        replicated item, a pattern of names, C(windows), C(linux), or C(default). The machine's own name goes first, then a pattern,
        then its operating system, then C(default). Machines that no key fits are treated as if the option were left out.
      - A key that fits no machine of O(vaults) is refused. A blank value means that the key is left out.
    type: raw
  retention_volume:
    description:
      - Retention volume of the master target, as the vault names it (V(R) or V(/mnt/retention)). Appliances have none.
      - Left out, it is chosen when there is only one.
      - Either one text for all machines, or a mapping from machines to texts, as in O(datastore).
    type: raw
  policy:
    description:
      - Replication policy by name. Left out, the policy that fits the direction is chosen when there is only one.
      - On the way home from a modernized vault the service takes its failback policy by itself when none is named.
    type: str
  run_as_account:
    description:
      - Run-as account by name, as it stands on the configuration server. Left out, it is chosen when only one fits.
      - An appliance lists no accounts. There the one that protected the machine before is used; another is given by its full id.
    type: str
  run_as_account_windows:
    description: Run-as account for Windows machines, where it differs from O(run_as_account).
    type: str
  run_as_account_linux:
    description: Run-as account for Linux machines, where it differs from O(run_as_account).
    type: str
  log_storage_account:
    description:
      - Storage account that takes a machine's changes on the way home from a modernized vault, by its full id, or by name where a
        machine of the vault uses it already.
      - Left out, it is the one the machine used on the way out; where the vault does not tell it, the machine is refused.
    type: str
  exclude_temporary_disk:
    description: Leave the temporary disk of the Azure machine out of the way home.
    type: bool
    default: true
  wait_for:
    description:
      - V(synchronised) waits until the machine's data has arrived and it is ready for the next step.
      - V(job) waits for the end of the reprotect job only; the synchronisation goes on by itself.
    type: str
    choices: [synchronised, job]
    default: synchronised
  agent_timeout:
    description:
      - Seconds, by the service's clock, that a machine's agent may take to register after a failover. The reprotect waits for it. A
        machine whose agent has not registered by then is refused with the code V(agent_not_registered), and nothing is sent for it.
      - The service says up to 15 minutes. The time counts from the failover, or, where the vault does not tell when that was, from the
        task's first look at the machine.
      - At most 604800. With V(0) the reprotect is sent without looking at the agent.
    type: float
    default: 1200.0
"""
