#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancels planned failovers to on-premises before their commit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_cancel_failback
short_description: Cancel a planned failover to on-premises before its commit
version_added: 1.0.0
description:
  - Cancels the planned failover to on-premises of machines in a modernized vault. The machines must be named one by one. The service
    starts the Azure VM again, restores the on-premises disks to their state before the failover, and resumes replication to on-premises.
  - All data that a machine has written on-premises since its failover is lost. The playbook C(homeward.asr.cancel_failback) runs this
    module; no other playbook or role does.
  - Only a failover that has finished and is not committed can be cancelled. A failover in progress is never cancelled, and classic vaults
    do not support cancelling; such machines are refused.
  - Machines that are ready to fail over to on-premises, as they are after a cancellation, are not touched.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  confirm_cancel:
    description:
      - Confirms the cancellation. Nothing is sent without it.
    type: bool
    default: false
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.groups
  - homeward.asr.waiting
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_failover
  - module: homeward.asr.asr_commit
"""

EXAMPLES = r"""
- name: Preview the cancellation
  homeward.asr.asr_cancel_failback:
    machines: [shop-db-01]
    confirm_cancel: true
  check_mode: true

- name: Cancel the failback of a machine that does not work on-premises
  homeward.asr.asr_cancel_failback:
    machines: [shop-db-01]
    confirm_cancel: true
"""

RETURN = r"""
finished:
  description: Whether every machine is ready to fail over to on-premises again, was refused or failed. V(false) only when O(wait_timeout) expired.
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
  sample: ansible-playbook cancel.yml
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
      sample: vault-modernized-12
    item_id:
      description: Resource ID of the replicated item.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.RecoveryServices/vaults/vault-modernized-12/...
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
      sample: home_uncommitted
    after:
      description: State of the machine now (in check mode, the predicted state), with the values of RV(machines[].before).
      returned: always
      type: str
      sample: ready
    done:
      description:
        - What the run did with the machine.
        - V(started) (the cancellation was sent), V(joined) (a cancellation already in progress was joined), V(unchanged) (nothing to do),
          V(refused) (its failover cannot be cancelled), V(failed), V(waiting) (nothing was sent before O(wait_timeout) expired).
      returned: always
      type: str
      sample: started
    changed:
      description: Whether this run cancelled the machine's failover.
      returned: always
      type: bool
      sample: true
    step:
      description: The step the machine is on or ended with.
      returned: always
      type: str
      sample: cancel_failover_to_onprem
    job:
      description: Name of the last Site Recovery job, V(null) if there was none. The module M(homeward.asr.asr_job_info) shows it.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    recovery_point:
      description: Always V(null) for this module.
      returned: always
      type: str
      sample: null
    accepted:
      description: Rules that were accepted. Always empty for this module.
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
          sample: '500'
        message:
          description: Message of the service.
          returned: always
          type: str
          sample: The snapshot of a disk could not be removed.
        possible_causes:
          description: Possible causes according to the service; may be empty.
          returned: always
          type: str
          sample: The datastore is busy.
        recommended_action:
          description: What the service recommends; may be empty.
          returned: always
          type: str
          sample: Remove the snapshot by hand.
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
      description: Code of the reason why the machine was refused or failed; V(null) otherwise.
      returned: always
      type: str
      sample: nothing_to_cancel
    unproven:
      description: Always V(false) for this module.
      returned: always
      type: bool
      sample: false
    reason:
      description: Why the machine was refused or failed, or what it is waiting for, as one sentence; V(null) otherwise.
      returned: always
      type: str
      sample: There is no failover to on-premises that waits for its commit.
    remedy:
      description: What to do about it; V(null) otherwise.
      returned: always
      type: str
      sample: 'Leave the machine out. Only a planned failover that is not committed yet can be cancelled.'
    placement:
      description: Always V(null) for this module.
      returned: always
      type: dict
      sample: null
    sync:
      description: Always V(null) for this module.
      returned: always
      type: dict
      sample: null
    onprem:
      description: Always V(null) for this module.
      returned: always
      type: dict
      sample: null
    proofs:
      description: Always empty for this module.
      returned: always
      type: list
      elements: dict
      sample: []
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
          sample: cancel_failover_to_onprem
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
          description: Always V(null) for this module.
          returned: always
          type: str
          sample: null
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
      description: Machines whose failover was cancelled. In check mode, machines whose failover would be cancelled.
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
      description: Always 0 for this module.
      returned: always
      type: int
      sample: 0
    held:
      description: Always 0 for this module.
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
    - Names of the machines that were refused because their failover cannot be cancelled.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description: Always empty for this module.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description: Always empty for this module.
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
      sample: vault-modernized-12
    step:
      description: The step.
      returned: always
      type: str
      sample: cancel_failover_to_onprem
    operation:
      description: Operation of the Site Recovery API.
      returned: always
      type: str
      sample: cancelFailover
    body:
      description: Request body, V(null) if the operation has none.
      returned: always
      type: dict
      sample: null
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
      description: Machines that are ready to fail over again.
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
      sample: cancelling the failover to on-premises
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
      sample: vault-modernized-12
    generation:
      description: V(classic) (configuration server) or V(modernized) (replication appliance).
      returned: always
      type: str
      sample: modernized
    note:
      description: What this means for the run.
      returned: always
      type: str
      sample: 'Modernized replication: machines are failed back through an appliance of the vault.'
cursor:
  description: Internal. State passed to the next slice of the run.
  returned: while the run has not finished
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import CANCEL_FAILOVER_TO_ONPREM
from ansible_collections.homeward.asr.plugins.module_utils.shell import specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.stages import main_stage, stage_spec


def argument_spec() -> specs.Spec:
    """The module's options."""
    return stage_spec({"confirm_cancel": {"type": "bool", "default": False}})


def main() -> None:
    """One slice of the cancellation."""
    main_stage(argument_spec(), lambda _params: (CANCEL_FAILOVER_TO_ONPREM,))


if __name__ == "__main__":
    main()
