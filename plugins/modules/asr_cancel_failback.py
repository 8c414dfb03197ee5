#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes planned failovers back before their commit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_cancel_failback
short_description: Take a planned failover to on-premises back before its commit
version_added: 1.0.0
description:
  - Takes the planned failover of machines of a modernized vault back, each named one by one. The service starts the Azure machine again,
    puts the on-premises disks back to where they were before the failover, and goes on replicating home.
  - Everything the machine has written on-premises since its failover is lost. No playbook, role or other module of this collection ever
    does this.
  - Only a failover that has ended and is not committed can be taken back. One that is still in progress is never cancelled, and classic
    vaults cannot take a failover back; such machines are refused.
  - Machines that are ready to fail over home, as they are after a cancellation, are left alone.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  confirm_cancel:
    description:
      - Says that the cancellation is meant. Nothing is sent without it.
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
- name: See what taking the failover back would send
  homeward.asr.asr_cancel_failback:
    machines: [shop-db-01]
    confirm_cancel: true
  check_mode: true

- name: The machine does not work on-premises, so it goes on in Azure
  homeward.asr.asr_cancel_failback:
    machines: [shop-db-01]
    confirm_cancel: true
"""

RETURN = r"""
finished:
  description: Whether every machine is ready to fail over home again, was refused or failed. V(false) only when O(wait_timeout) has expired.
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
  sample: ansible-playbook take-back.yml
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
      sample: vault-modernized-12
    item_id:
      description: Id of the replicated item.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dr/providers/Microsoft.RecoveryServices/vaults/vault-modernized-12/...
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
      sample: home_uncommitted
    after:
      description: Where it stands now (in check mode, where it would stand), in the same words as RV(machines[].before).
      returned: always
      type: str
      sample: ready
    done:
      description:
        - What was done with it.
        - V(started) (an operation was sent), V(joined) (an operation that already ran was joined), V(unchanged) (it was already there),
          V(refused) (its failover cannot be taken back), V(failed), V(waiting) (nothing was sent for it before O(wait_timeout) expired).
      returned: always
      type: str
      sample: started
    changed:
      description: Whether this run took the machine's failover back.
      returned: always
      type: bool
      sample: true
    step:
      description: The step it is on or ended with.
      returned: always
      type: str
      sample: cancel_failover_to_onprem
    job:
      description: Name of the last Site Recovery job, V(null) when there was none. The module M(homeward.asr.asr_job_info) shows it.
      returned: always
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    recovery_point:
      description: Always V(null) here; failovers use it.
      returned: always
      type: str
      sample: null
    accepted:
      description: Gates that were passed on a person's word; always empty here.
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
          sample: '500'
        message:
          description: The provider's own words.
          returned: always
          type: str
          sample: The snapshot of a disk could not be removed.
        possible_causes:
          description: What the provider thinks is behind it; may be empty.
          returned: always
          type: str
          sample: The datastore is busy.
        recommended_action:
          description: What the provider advises; may be empty.
          returned: always
          type: str
          sample: Remove the snapshot by hand.
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
      description: A stable word for why the machine was refused or failed; V(null) otherwise.
      returned: always
      type: str
      sample: nothing_to_cancel
    unproven:
      description: Whether it was refused because a proof of a commit does not hold; never so here.
      returned: always
      type: bool
      sample: false
    reason:
      description: Why the machine was refused or failed, or what it waits for, as one sentence; V(null) otherwise.
      returned: always
      type: str
      sample: There is no failover to on-premises that waits for its commit.
    remedy:
      description: What to do about it; V(null) otherwise.
      returned: always
      type: str
      sample: "Leave the machine out: only a planned failover that is not committed yet can be taken back."
    placement:
      description: Always V(null) here; reprotects use it.
      returned: always
      type: dict
      sample: null
    sync:
      description: Always V(null) here; reprotects use it.
      returned: always
      type: dict
      sample: null
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
          sample: cancel_failover_to_onprem
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
          description: Always V(null) here; failovers use it.
          returned: always
          type: str
          sample: null
counts:
  description: How many machines there are of each kind.
  returned: always
  type: dict
  contains:
    moved:
      description: Those whose failover was taken back. In check mode, those whose failover would be.
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
      description: Always 0 here; tasks that commit use it.
      returned: always
      type: int
      sample: 0
    held:
      description: Always 0 here; tasks that commit use it.
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
    - Names of the machines whose failover cannot be taken back.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description: Always empty here; tasks that commit use it.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description: Always empty here; tasks that commit use it.
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
      sample: vault-modernized-12
    step:
      description: The step.
      returned: always
      type: str
      sample: cancel_failover_to_onprem
    operation:
      description: The operation of the service's API.
      returned: always
      type: str
      sample: cancelFailover
    body:
      description: The request's body, V(null) where the operation has none.
      returned: always
      type: dict
      sample: null
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
      description: Machines that are ready to fail over home again.
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
      sample: taking the failover to on-premises back
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
      sample: vault-modernized-12
    generation:
      description: V(classic) (configuration server) or V(modernized) (replication appliance).
      returned: always
      type: str
      sample: modernized
    note:
      description: What follows from it.
      returned: always
      type: str
      sample: "Modernized replication: machines come home through an appliance of the vault."
cursor:
  description: Where the run stood; only for the next slice.
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
