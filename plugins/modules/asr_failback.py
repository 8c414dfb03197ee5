#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failback from Azure to on-premises, from reprotect to reprotect."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_failback
short_description: Fail machines back from Azure to VMware with Azure Site Recovery
version_added: 1.0.0
description:
  - Runs a complete failback for any number of machines. Reprotect to on-premises, failover to on-premises, verify and commit, reprotect
    to Azure.
  - Each machine continues as soon as it is ready (O(advance=each)), so a machine that takes a day to synchronise does not delay the others.
  - Machines may be in any state of a failback; each continues from there. Machines that already run on-premises and are protected are
    not touched.
  - It never fails a machine over to Azure.
  - In check mode the whole failback is predicted, each step from the predicted result of the one before.
  - The task can be interrupted, killed and run again at any point. Operations in progress are joined, never sent twice and never
    cancelled.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  until:
    description: The last step to run.
    type: str
    choices: [reprotect_to_onprem, failover_to_onprem, commit_to_onprem, reprotect_to_azure]
    default: reprotect_to_azure
  advance:
    description:
      - With V(each), each machine starts its next step as soon as it is ready.
      - With V(together), a step starts when all machines have finished the previous one. Consistency groups always move together; see
        O(split_groups).
    type: str
    choices: [each, together]
    default: each
  commit_when:
    description:
      - When a machine is committed. Committing a failover to on-premises permanently deletes the Azure VM.
      - V(verified), for unattended runs, commits a machine once every check passes, and stops it otherwise. To on-premises, the failover
        must have succeeded, the on-premises VM be powered on in vCenter, and the Azure VM be stopped. To Azure, the failover must have
        succeeded, the Azure VM run, and the on-premises VM be powered off.
      - V(manual) does the same for the machines in O(approved), stops all other machines before their commit, and says what to verify.
    type: str
    choices: [verified, manual]
    default: manual
  process_server_onprem:
    description: Process server on-premises for the reprotect to Azure, by name, if it differs from O(process_server).
    type: str
  policy_to_azure:
    description: Replication policy for the reprotect to Azure, by name. Defaults to the only suitable one.
    type: str
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.groups
  - homeward.asr.failover
  - homeward.asr.placing
  - homeward.asr.reprotect
  - homeward.asr.accepting
  - homeward.asr.gates
  - homeward.asr.approval
  - homeward.asr.waiting
  - homeward.asr.places
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_reprotect
  - module: homeward.asr.asr_failover
  - module: homeward.asr.asr_commit
  - module: homeward.asr.asr_report
"""

EXAMPLES = r"""
- name: Preview the failback of every machine
  homeward.asr.asr_failback:
    machines: [all]
    commit_when: verified
    process_server: ps-azure-01
    process_server_onprem: CS-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
  check_mode: true

- name: Fail back every machine and commit each one once every check passes
  homeward.asr.asr_failback:
    machines: [all]
    commit_when: verified
    process_server: ps-azure-01
    process_server_onprem: CS-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
    allowed_failures: 10
  register: failback

- name: Synchronise the machines of a recovery plan to on-premises now, and fail over another day
  homeward.asr.asr_failback:
    recovery_plans: [shop]
    until: reprotect_to_onprem
    process_server: ps-azure-01
    run_as_account: vm-admin-linux
"""

RETURN = r"""
finished:
  description: Whether every machine arrived, was refused, is held or failed. V(false) only when O(wait_timeout) expired.
  returned: always
  type: bool
  sample: true
code:
  description:
    - Error code, stable across versions, for playbooks to branch on.
    - V(machines_failed) or V(machines_refused) when machines failed or were refused, V(still_running) when O(wait_timeout) expired,
      another code when the task could not start.
  returned: on failure, and when O(wait_timeout) expired
  type: str
  sample: still_running
remedy:
  description: What to do next.
  returned: when the task could not start
  type: str
  sample: Set secret (or AZURE_SECRET) to the new secret of the service principal.
details:
  description: Structured data about the error. Contains no secrets.
  returned: when the task could not start
  type: dict
  sample: {}
continue_command:
  description: The command that continues the run, as given in O(continue_command).
  returned: when O(wait_timeout) expired
  type: str
  sample: ansible-playbook homeward.asr.failback -e @vars.yml
findings:
  description:
    - What the rules of readiness found right before each step, and what the run's own gates found - blocks, warnings, what is not known,
      and what was accepted with its reason. Rules that passed are left out.
    - The elements are those of RV(homeward.asr.asr_preflight#module:findings).
  returned: when something did not pass
  type: list
  elements: dict
  sample: []
machines:
  description: All machines of the run, sorted by name.
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
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.RecoveryServices/vaults/vault-classic-12/...
    group:
      description: Replication (consistency) group of the machine, V(null) if it has none.
      returned: always
      type: str
      sample: shop
    approved:
      description: Whether the machine's commit was approved when the run started.
      returned: always
      type: bool
      sample: false
    before:
      description:
        - State of the machine when the run started.
        - One of V(home), V(failing over to Azure), V(out_uncommitted), V(out), V(syncing_home), V(ready), V(home_uncommitted),
          V(home_unprotected), V(syncing_out), V(unknown), or a phrase for an operation in progress.
      returned: always
      type: str
      sample: out
    after:
      description: State of the machine now (in check mode, the predicted state), with the values of RV(machines[].before).
      returned: always
      type: str
      sample: home
    done:
      description:
        - What the run did with the machine.
        - V(started) (an operation was sent), V(joined) (an operation already in progress was joined), V(unchanged) (nothing to do),
          V(refused) (this task must not act on it in its present state), V(awaiting_approval) (stopped before its commit),
          V(held) (stays behind with its consistency group), V(failed), V(waiting) (nothing was sent before O(wait_timeout) expired).
      returned: always
      type: str
      sample: started
    changed:
      description: Whether this run moved the machine.
      returned: always
      type: bool
      sample: true
    step:
      description: The step the machine is on or ended with.
      returned: always
      type: str
      sample: reprotect_to_azure
    job:
      description: Name of the last Site Recovery job, V(null) if there was none. The module M(homeward.asr.asr_job_info) shows it.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    recovery_point:
      description: The recovery point used, V(null) where none is chosen.
      returned: always
      type: str
      sample: latest
    accepted:
      description: Rules that were accepted, as given in O(accept).
      returned: always
      type: list
      elements: dict
      contains:
        gate:
          description: Name of the rule.
          returned: always
          type: str
          sample: replication_health
        reason:
          description: The reason given for accepting it.
          returned: always
          type: str
          sample: The file share is rebuilt from backup, says the service owner.
        text:
          description: The finding that was accepted, with the vault's own text.
          returned: always
          type: str
          sample: 'The vault reports the replication as Critical: 78144: No data was received from the source.'
    start:
      description: When work on the machine started, UTC.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    end:
      description: When work on the machine ended, UTC; V(null) while it continues.
      returned: always
      type: str
      sample: '2026-02-03T04:35:36Z'
    duration_seconds:
      description: Seconds between RV(machines[].start) and RV(machines[].end), by the service's clock.
      returned: always
      type: float
      sample: 1830.0
    warnings:
      description: Warnings of operations that succeeded, in the format of RV(machines[].errors).
      returned: always
      type: list
      elements: dict
      contains: &problem
        code:
          description: Error code of the service.
          returned: always
          type: str
          sample: '28175'
        message:
          description: Message of the service.
          returned: always
          type: str
          sample: The machine was renamed during failover because its name was already in use at the destination.
        possible_causes:
          description: Possible causes according to the service; may be empty.
          returned: always
          type: str
          sample: A machine with the same name exists at the destination.
        recommended_action:
          description: What the service recommends; may be empty.
          returned: always
          type: str
          sample: Rename the machine after the failover if its former name is needed.
        level:
          description: V(Error) or V(Warning).
          returned: always
          type: str
          sample: Warning
    errors:
      description: Errors, with code, causes and recommended action.
      returned: always
      type: list
      elements: dict
      contains: *problem
    code:
      description: Code of the reason why the machine was refused, held or failed; V(null) otherwise.
      returned: always
      type: str
      sample: synchronising_home
    unproven:
      description: Whether it was refused because a check before its commit did not pass; a later run checks again.
      returned: always
      type: bool
      sample: false
    reason:
      description: Why the machine was refused, held or failed, or what it is waiting for, as one sentence; V(null) otherwise.
      returned: always
      type: str
      sample: The machine is still synchronizing to on-premises.
    remedy:
      description: What to do about it; V(null) otherwise.
      returned: always
      type: str
      sample: 'Wait until it is synchronized, then rerun.'
    placement:
      description: The servers, storage and policy a reprotect uses; V(null) on other steps.
      returned: always
      type: dict
      contains:
        location:
          description: V(original) if a machine on its way to on-premises keeps its original location, V(alternate) if it is recreated;
            V(null) if unknown.
          returned: always
          type: str
          sample: original
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
          description: Storage account for the replication logs.
          returned: for machines of a modernized vault on reprotect to on-premises
          type: str
          sample: asrlogs01
    sync:
      description: Progress of the synchronisation; V(null) if none is in progress or the vault does not report it.
      returned: always
      type: dict
      contains:
        percentage:
          description: Percentage of the data transferred; V(null) if the vault does not report it.
          returned: always
          type: float
          sample: 42.5
        transferred_bytes:
          description: Bytes transferred so far; V(null) if the vault does not report it.
          returned: always
          type: int
          sample: 18253611008
        total_bytes:
          description: Size of the machine's disks in bytes; V(null) if the vault does not report it.
          returned: always
          type: int
          sample: 42949672960
        pending_bytes:
          description: Changes not yet transferred, in bytes; V(null) if the vault does not report it.
          returned: always
          type: int
          sample: 1191936
        eta_seconds:
          description: Estimated seconds until the synchronisation ends; V(null) if no estimate can be made.
          returned: always
          type: int
          sample: 840
    onprem:
      description: The VM that the proofs of a commit were read from; V(null) where no commit was looked at.
      returned: always
      type: dict
      contains:
        vm:
          description: Its name in vCenter; empty if it was not found.
          returned: always
          type: str
          sample: shop-db-01
        uuid:
          description: Its instance UUID.
          returned: always
          type: str
          sample: 503c1d2e-3f40-4a51-9b62-7c8d9e0f1a2b
        host:
          description: The ESXi host that it runs on.
          returned: always
          type: str
          sample: esx-01
        address:
          description: The guest's address as VMware Tools report it; empty if they do not.
          returned: always
          type: str
          sample: 10.20.1.31
        system:
          description: Operating system, as the vault reports it.
          returned: always
          type: str
          sample: Linux
        generation:
          description: V(classic) or V(modernized).
          returned: always
          type: str
          sample: classic
        failover_job:
          description: Name of the failover's job.
          returned: always
          type: str
          sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
        servers:
          description: The servers that a reprotect to Azure goes through, as far as the vault reports them, for checks made from inside
            the machine. Each has C(role) (configuration server, process server or appliance), C(name), C(address), C(port), and C(natural),
            which is true for the one that a reprotect takes where none is named.
          returned: with C(prove_only) of M(homeward.asr.asr_commit)
          type: list
          elements: dict
          sample:
            - {role: configuration server, name: CS-01, address: 10.10.0.10, port: 443, natural: true}
            - {role: process server, name: CS-01, address: 10.10.0.10, port: 9443, natural: true}
    proofs:
      description: The proofs of a commit to on-premises, as they were found when it was looked at. Empty on other steps.
      returned: always
      type: list
      elements: dict
      contains:
        proof:
          description: V(failover_job), V(onprem_vm), V(onprem_tools), V(onprem_disks), V(azure_vm), V(replication), V(recovery_point),
            V(checks) where the machine was to be checked, and V(guest) where it was asked from inside.
          returned: always
          type: str
          sample: azure_vm
        verdict:
          description: V(holds), V(missing), V(accepted) (by name and reason), V(approved) (by a person, where VMware Tools cannot show it), or
            V(unknown).
          returned: always
          type: str
          sample: holds
        value:
          description: What was found.
          returned: always
          type: str
          sample: shop-db-01 deallocated
        time:
          description: When it was found, UTC.
          returned: always
          type: str
          sample: '2026-02-01T12:00:00Z'
    steps:
      description: What the run did on each step.
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
          description: What the run did, with the values of RV(machines[].done).
          returned: always
          type: str
          sample: started
        job:
          description: Name of its job.
          returned: always
          type: str
          sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
        state:
          description: State of its job, as the service reports it.
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
        azure_vm:
          description: Resource id of the Azure VM that a commit home has ended; V(null) for other steps.
          returned: always
          type: str
          sample: null
counts:
  description: Number of machines by outcome.
  returned: always
  type: dict
  contains:
    moved:
      description: Machines whose state changed, or for which an operation succeeded. In check mode, machines that would move.
      returned: always
      type: int
      sample: 10
    failed:
      description: Machines that failed.
      returned: always
      type: int
      sample: 1
    refused:
      description: Machines that were refused.
      returned: always
      type: int
      sample: 0
    awaiting_approval:
      description: Machines that stopped before their commit and await approval.
      returned: always
      type: int
      sample: 1
    held:
      description: Machines that stay behind with their consistency group.
      returned: always
      type: int
      sample: 0
    waiting:
      description: Machines that had not finished when O(wait_timeout) expired.
      returned: always
      type: int
      sample: 0
failed_machines:
  description:
    - Names of the machines that failed.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the machines that were refused.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description:
    - Names of the machines that stopped before their commit and await approval.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description:
    - Names of the machines that stay behind with their consistency group.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
plan:
  description: The requests that would be sent, in order.
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
      description: Operation of the Site Recovery API.
      returned: always
      type: str
      sample: reProtect
    body:
      description: Request body, V(null) if the operation has none.
      returned: always
      type: dict
      sample: {properties: {failoverDirection: RecoveryToPrimary, providerSpecificDetails: {instanceType: InMage, datastoreName: datastore-01}}}
requests:
  description: Requests sent to Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: State-changing requests.
      returned: always
      type: int
      sample: 12
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 44
    floor:
      description: The least this run could have needed.
      returned: always
      type: dict
      contains:
        writes:
          description: One for each machine and operation, plus one for each failed attempt that was repeated.
          returned: always
          type: int
          sample: 12
        reads:
          description: Discovery, list pages, and one read for each finished operation.
          returned: always
          type: int
          sample: 40
progress:
  description: Progress at the end of the run.
  returned: always
  type: dict
  contains:
    total:
      description: Machines of the run.
      returned: always
      type: int
      sample: 12
    done:
      description: Machines that arrived, or stopped before their commit.
      returned: always
      type: int
      sample: 12
    running:
      description: Machines still in progress.
      returned: always
      type: int
      sample: 0
    failed:
      description: Machines that failed or were refused.
      returned: always
      type: int
      sample: 0
    at:
      description: Number of machines still under way on each step of the route.
      returned: always
      type: dict
      sample: {}
    waiting_for:
      description: What the machine in RV(progress.slowest) is doing; may be empty.
      returned: always
      type: str
      sample: synchronizing to on-premises
    slowest:
      description: The machine that is furthest behind; empty when none is in progress.
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
      description: What this means for the run.
      returned: always
      type: str
      sample: 'Classic replication is past its retirement; bring the machines home before migrating them.'
cursor:
  description: Internal. State passed to the next slice of the run.
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
        specs.accepting(),
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
    """One slice of a failback."""
    main_stage(argument_spec(), way_home)


if __name__ == "__main__":
    main()
