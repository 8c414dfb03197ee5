#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way home."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_failback
short_description: Bring machines home from Azure with Azure Site Recovery, the whole way
version_added: 1.0.0
description:
  - Walks the whole way home with any number of machines. Reprotect to on-premises, failover to on-premises, proof and commit, protect
    to Azure again.
  - Each machine goes on as soon as it can (O(advance=each)), so that one that synchronises for a day never holds the rest.
  - Wherever a machine stands on the way home, the run takes it from there; machines that are home and protected are left alone.
  - It never fails a machine over to Azure.
  - In check mode the whole way is projected, each step from the result of the one before.
  - It can be interrupted, killed and run again at any point; operations under way are joined, never sent twice and never cancelled.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  until:
    description: The last step of the way to walk.
    type: str
    choices: [reprotect_to_onprem, failover_to_onprem, commit_to_onprem, reprotect_to_azure]
    default: reprotect_to_azure
  advance:
    description:
      - V(each) lets each machine take its next step as soon as it can.
      - V(together) takes a step only when all machines have finished the one before. Consistency groups go together in either case; see O(split_groups).
    type: str
    choices: [each, together]
    default: each
  commit_when:
    description:
      - When a machine may be committed. A commit on the way home deletes its Azure machine for good.
      - V(verified), for runs that nobody watches, commits once every proof is there, and stops a machine for which one is missing. Home
        means the failover succeeded, the on-premises machine is powered on in vCenter, and the Azure machine is stopped. In Azure it
        means the failover succeeded, the Azure machine runs, and the on-premises machine is off.
      - V(manual) does so for the machines named in O(approved), holds every other one before its commit, and says what to look at.
    type: str
    choices: [verified, manual]
    default: manual
  process_server_onprem:
    description: Process server for protecting to Azure again, by name, where it differs from O(process_server). It stands on-premises.
    type: str
  policy_to_azure:
    description: Replication policy for protecting to Azure again, by name. Left out, it is chosen when only one fits.
    type: str
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.groups
  - homeward.asr.places
  - homeward.asr.failover
  - homeward.asr.reprotect
  - homeward.asr.gates
  - homeward.asr.approval
  - homeward.asr.waiting
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_reprotect
  - module: homeward.asr.asr_failover
  - module: homeward.asr.asr_commit
  - module: homeward.asr.asr_report
"""

EXAMPLES = r"""
- name: See the whole way home before walking it
  homeward.asr.asr_failback:
    machines: [all]
    commit_when: verified
    process_server: ps-azure-01
    process_server_onprem: CS-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
  check_mode: true

- name: Bring everything home, proving each machine before its commit
  homeward.asr.asr_failback:
    machines: [all]
    commit_when: verified
    process_server: ps-azure-01
    process_server_onprem: CS-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
    allowed_failures: 10
  register: homecoming

- name: Synchronise the shop home now, and fail it over another day
  homeward.asr.asr_failback:
    recovery_plans: [shop]
    until: reprotect_to_onprem
    process_server: ps-azure-01
    run_as_account: vm-admin-linux
"""

RETURN = r"""
finished:
  description: Whether every machine has arrived, was refused, held or failed. V(false) only when O(wait_timeout) has expired.
  returned: always
  type: bool
  sample: true
code:
  description:
    - A stable word for what went wrong, for playbooks to branch on.
    - V(machines_failed) and V(machines_refused) when machines went wrong, V(still_running) when O(wait_timeout) has expired, another word when the
      task could not begin at all.
  returned: when something went wrong
  type: str
  sample: still_running
remedy:
  description: What to do next.
  returned: when the task could not begin
  type: str
  sample: Set secret (or AZURE_SECRET) to the new secret of the service principal.
details:
  description: Plain data on what went wrong. Never holds a secret.
  returned: when the task could not begin
  type: dict
  sample: {}
continue_command:
  description: The command that goes on, as given in O(continue_command).
  returned: when O(wait_timeout) has expired
  type: str
  sample: ansible-playbook homeward.asr.failback -e @vars.yml
machines:
  description: Every machine of the run, in the order of their names.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The machine's name in the vault.
      returned: always
      type: str
      sample: shop-db-01
    vault:
      description: The vault it is in.
      returned: always
      type: str
      sample: vault-classic-12
    item_id:
      description: Id of the replicated item.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.RecoveryServices/vaults/vault-classic-12/...
    group:
      description: Replication (consistency) group of the machine, V(null) when it has none.
      returned: always
      type: str
      sample: shop
    approved:
      description: Whether the machine's commit was approved when the run began.
      returned: always
      type: bool
      sample: false
    before:
      description:
        - Where the machine stood when the run began.
        - One of V(home), V(failing over to Azure), V(out_uncommitted), V(out), V(syncing_home), V(ready), V(home_uncommitted),
          V(home_unprotected), V(syncing_out), V(unknown), or words for a step under way.
      returned: always
      type: str
      sample: out
    after:
      description: Where it stands now (in check mode, where it would stand), in the same words as RV(machines[].before).
      returned: always
      type: str
      sample: home
    done:
      description:
        - What was done with it.
        - V(started) (an operation was sent), V(joined) (an operation that already ran was joined), V(unchanged) (it was already there),
          V(refused) (it stands where this task must not act), V(awaiting_approval) (stopped before its commit), V(held) (stays behind with its consistency group), V(failed),
          V(waiting) (nothing was sent for it before O(wait_timeout) expired).
      returned: always
      type: str
      sample: started
    changed:
      description: Whether this run moved the machine.
      returned: always
      type: bool
      sample: true
    step:
      description: The step it is on or ended with.
      returned: always
      type: str
      sample: reprotect_to_azure
    job:
      description: Name of the last Site Recovery job, V(null) when there was none. The module M(homeward.asr.asr_job_info) shows it.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    recovery_point:
      description: The recovery point used, V(null) where none is chosen.
      returned: always
      type: str
      sample: latest
    accepted:
      description: Gates that were passed on a person's word, as given in O(accept).
      returned: always
      type: list
      elements: dict
      contains:
        gate:
          description: The gate's word.
          returned: always
          type: str
          sample: replication_health
        reason:
          description: The reason given.
          returned: always
          type: str
          sample: The file share is rebuilt from backup, says the service owner.
        text:
          description: What speaks against it, with the vault's own text.
          returned: always
          type: str
          sample: 'The vault reports the replication as Critical: 78144: No data was received from the source.'
    start:
      description: Start of the work on the machine, UTC.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    end:
      description: End of the work on the machine, UTC; V(null) while it goes on.
      returned: always
      type: str
      sample: '2026-02-03T04:35:36Z'
    duration_seconds:
      description: Seconds between RV(machines[].start) and RV(machines[].end), by the service's clock.
      returned: always
      type: float
      sample: 1830.0
    warnings:
      description: Warnings of operations that succeeded, in the shape of RV(machines[].errors).
      returned: always
      type: list
      elements: dict
      contains: &problem
        code:
          description: The provider's own code.
          returned: always
          type: str
          sample: '28175'
        message:
          description: The provider's own words.
          returned: always
          type: str
          sample: The machine was renamed during failover because its name was already in use at the destination.
        possible_causes:
          description: What the provider thinks is behind it; may be empty.
          returned: always
          type: str
          sample: A machine with the same name exists at the destination.
        recommended_action:
          description: What the provider advises; may be empty.
          returned: always
          type: str
          sample: Rename the machine after the failover if its former name is needed.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Warning
    errors:
      description: Errors with the provider's code, causes and advice.
      returned: always
      type: list
      elements: dict
      contains: *problem
    code:
      description: A stable word for why the machine was refused, held or failed; V(null) otherwise.
      returned: always
      type: str
      sample: synchronising_home
    unproven:
      description: Whether it was refused because a proof of its commit does not hold, which time or a remedy may mend.
      returned: always
      type: bool
      sample: false
    reason:
      description: Why the machine was refused, held or failed, or what it waits for, as one sentence; V(null) otherwise.
      returned: always
      type: str
      sample: The machine is still synchronising to on-premises.
    remedy:
      description: What to do about it; V(null) otherwise.
      returned: always
      type: str
      sample: Wait until it is synchronised, then run this again.
    placement:
      description: Through which servers and onto what the machine is reprotected; V(null) on other steps.
      returned: always
      type: dict
      contains:
        master_target:
          description: Master target, or the appliance of a modernized vault.
          returned: always
          type: str
          sample: mt-linux-01
        process_server:
          description: Process server, or the appliance of a modernized vault.
          returned: always
          type: str
          sample: ps-azure-01
        datastore:
          description: Datastore.
          returned: always
          type: str
          sample: datastore-01
        retention_volume:
          description: Retention volume of the master target.
          returned: always
          type: str
          sample: /mnt/retention
        policy:
          description: Replication policy.
          returned: always
          type: str
          sample: policy-01-failback
        run_as_account:
          description: Run-as account.
          returned: always
          type: str
          sample: vm-admin-linux
        log_storage_account:
          description: Storage account that takes the changes on the way home.
          returned: for machines of a modernized vault on their way home
          type: str
          sample: asrlogs01
    sync:
      description: How far the machine's synchronisation is; V(null) where none is under way or the vault does not tell.
      returned: always
      type: dict
      contains:
        percentage:
          description: Share of the data that has arrived; V(null) where the vault does not tell.
          returned: always
          type: float
          sample: 42.5
        transferred_bytes:
          description: Bytes sent so far; V(null) where the vault does not tell.
          returned: always
          type: int
          sample: 18253611008
        total_bytes:
          description: Size of the machine's disks in bytes; V(null) where the vault does not tell.
          returned: always
          type: int
          sample: 42949672960
        pending_bytes:
          description: Changes that wait to be sent, in bytes; V(null) where the vault does not tell.
          returned: always
          type: int
          sample: 1191936
        eta_seconds:
          description: Estimated seconds until everything has arrived; V(null) where no estimate can be made.
          returned: always
          type: int
          sample: 840
    steps:
      description: What was done on each step of the route.
      returned: always
      type: list
      elements: dict
      contains:
        step:
          description: Name of the step.
          returned: always
          type: str
          sample: reprotect_to_azure
        done:
          description: What was done, in the words of RV(machines[].done).
          returned: always
          type: str
          sample: started
        job:
          description: Name of its job.
          returned: always
          type: str
          sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
        state:
          description: State of its job, in the service's word.
          returned: always
          type: str
          sample: Succeeded
        start:
          description: Its start, UTC.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        end:
          description: Its end, UTC.
          returned: always
          type: str
          sample: '2026-02-03T04:35:36Z'
        duration_seconds:
          description: Its duration in seconds.
          returned: always
          type: float
          sample: 1830.0
        recovery_point:
          description: The recovery point it used.
          returned: always
          type: str
          sample: latest
counts:
  description: How many machines there are of each kind.
  returned: always
  type: dict
  contains:
    moved:
      description: Those that stand elsewhere than before, or of which an operation succeeded. In check mode, those that would move.
      returned: always
      type: int
      sample: 10
    failed:
      description: Those that failed.
      returned: always
      type: int
      sample: 1
    refused:
      description: Those that were refused.
      returned: always
      type: int
      sample: 0
    awaiting_approval:
      description: Those that stopped before their commit to wait for approval.
      returned: always
      type: int
      sample: 1
    held:
      description: Those that stay behind with their consistency group.
      returned: always
      type: int
      sample: 0
    waiting:
      description: Those that were still waited for.
      returned: always
      type: int
      sample: 0
failed_machines:
  description:
    - Names of the machines that failed.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the machines that were refused because they stand where this task must not act.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description:
    - Names of the machines that stopped before their commit to wait for approval.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description:
    - Names of the machines that stay behind with their consistency group.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
plan:
  description: What was sent, or in check mode would be sent, in order.
  returned: in check mode
  type: list
  elements: dict
  contains:
    machine:
      description: The machine.
      returned: always
      type: str
      sample: shop-db-01
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    step:
      description: The step.
      returned: always
      type: str
      sample: reprotect_to_azure
    operation:
      description: The operation of the service's API.
      returned: always
      type: str
      sample: reProtect
    body:
      description: The request's body, V(null) where the operation has none.
      returned: always
      type: dict
      sample: {properties: {failoverDirection: RecoveryToPrimary, providerSpecificDetails: {instanceType: InMage, datastoreName: datastore-01}}}
requests:
  description: Requests spent against Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: Operations sent.
      returned: always
      type: int
      sample: 12
    reads:
      description: Everything read.
      returned: always
      type: int
      sample: 44
    floor:
      description: What this run could not have done without.
      returned: always
      type: dict
      contains:
        writes:
          description: One for each machine and operation, and one for each proven failed attempt.
          returned: always
          type: int
          sample: 12
        reads:
          description: Finding the machines, the lists, and one look at each finished operation.
          returned: always
          type: int
          sample: 40
progress:
  description: Counts at the end of the run.
  returned: always
  type: dict
  contains:
    total:
      description: Machines of the run.
      returned: always
      type: int
      sample: 12
    done:
      description: Machines that have arrived, or were stopped before their commit.
      returned: always
      type: int
      sample: 12
    running:
      description: Machines still under way.
      returned: always
      type: int
      sample: 0
    failed:
      description: Machines that failed or were refused.
      returned: always
      type: int
      sample: 0
    waiting_for:
      description: What the machine in RV(progress.slowest) does; may be empty.
      returned: always
      type: str
      sample: synchronising to on-premises
    slowest:
      description: The machine that is furthest behind; empty when none is under way.
      returned: always
      type: str
      sample: files-01
vaults:
  description: The vaults of the run.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the vault.
      returned: always
      type: str
      sample: vault-classic-12
    generation:
      description: V(classic) (configuration server) or V(modernized) (replication appliance).
      returned: always
      type: str
      sample: classic
    note:
      description: What follows from it.
      returned: always
      type: str
      sample: Classic replication is past its retirement; bring the machines home before migrating them.
cursor:
  description: Where the run stood; only for the next slice.
  returned: while the run has not finished
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.stages import (
    WAY_HOME,
    main_stage,
    stage_spec,
    way_home,
)


def argument_spec() -> specs.Spec:
    """The module's options."""
    return stage_spec(
        specs.places(),
        specs.failover(),
        specs.gates(),
        specs.reprotect(),
        specs.approval(),
        {
            "until": {"type": "str", "choices": list(WAY_HOME), "default": WAY_HOME[-1]},
            "advance": {"type": "str", "choices": ["each", "together"], "default": "each"},
            "commit_when": {"type": "str", "choices": ["verified", "manual"], "default": "manual"},
            "process_server_onprem": {"type": "str"},
            "policy_to_azure": {"type": "str"},
        },
    )


def main() -> None:
    """One slice of the way home."""
    main_stage(argument_spec(), way_home)


if __name__ == "__main__":
    main()
