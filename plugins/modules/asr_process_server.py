#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds process servers, waits for them, and moves machines between them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_process_server
short_description: Find process servers, wait until they are healthy, and move machines from one to another
version_added: 1.0.0
description:
  - Finds process servers in the vaults and waits until they are registered, send heartbeats and are healthy.
  - Moves machines from one process server to another on the same configuration server. Machines that are on the new one already are not
    moved again, and a move under way is joined.
  - It can be interrupted, killed and run again at any point.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  name:
    description:
      - The process server by name (the domain may be left out), address or id. Left out, all that are registered with the vaults.
      - With O(move_machines_from) it is the one the machines go to, and must be given.
    type: str
  state:
    description:
      - V(ready) waits until it can be used.
      - V(registered) only finds it; what speaks against using it becomes a warning.
    type: str
    choices: [ready, registered]
    default: ready
  move_machines_from:
    description:
      - The process server that machines are moved away from, by name, address or id.
      - All its machines are moved, or those chosen with O(machines), O(groups) and O(recovery_plans), without those in O(exclude).
    type: str
  refresh:
    description:
      - Ask the configuration servers concerned, once, to tell the vault anew what they see. A new server, a new retention drive or a move
        then shows sooner than after the usual 15 minutes.
    type: bool
    default: false
  await_registration:
    description:
      - Wait for a server that the vault does not know yet, up to O(ready_timeout). Otherwise an unknown name is refused at once with the
        list of those that are registered.
    type: bool
    default: false
  ready_timeout:
    description:
      - Seconds, by the service's clock, to wait for what time can heal (registration, a heartbeat, a new retention volume, discovered
        datastores) before the server is refused. V(0) looks once.
    type: int
    default: 1200
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.waiting
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_master_target
  - module: homeward.asr.asr_reprotect
  - module: homeward.asr.asr_fabric_info
"""

EXAMPLES = r"""
- name: Check all process servers
  homeward.asr.asr_process_server:

- name: Wait for a process server that was just set up in Azure
  homeward.asr.asr_process_server:
    name: ps-azure-01
    await_registration: true
    refresh: true

- name: Move two machines to it
  homeward.asr.asr_process_server:
    name: ps-azure-01
    move_machines_from: CS-01
    machines: [dc-01, files-01]

- name: Move everything back before the process server in Azure is deleted
  homeward.asr.asr_process_server:
    name: CS-01
    move_machines_from: ps-azure-01
"""

RETURN = r"""
finished:
  description: Whether everything was as wanted, refused or failed. V(false) only when the time in O(wait_timeout) is over.
  returned: always
  type: bool
  sample: true
msg:
  description: The outcome in one sentence, or every server and machine that went wrong with reason and remedy.
  returned: always
  type: str
  sample: "3 servers and machines: 2 changed, 1 as wanted."
code:
  description:
    - A stable word for what went wrong, for playbooks to branch on.
    - V(machines_failed) and V(machines_refused) when servers or machines went wrong, V(still_running) when time is over, another word
      when the task could not begin at all.
  returned: when something went wrong
  type: str
  sample: process_server_not_found
remedy:
  description: What to do next.
  returned: when the task could not begin
  type: str
  sample: "Registered: CS-01, ps-azure-01. Choose one of them, or let a new one register first."
details:
  description: Plain data on what went wrong. Never holds a secret.
  returned: when the task could not begin
  type: dict
  sample: {}
continue_command:
  description: The command that goes on, as given in O(continue_command).
  returned: when the time in O(wait_timeout) is over
  type: str
  sample: ansible-playbook homeward.asr.prepare -e @vars.yml
machines:
  description: Every process server, then every machine to be moved, with what was done.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the server or machine.
      returned: always
      type: str
      sample: files-01
    role:
      description: V(process_server), or V(machine) for a machine to be moved.
      returned: always
      type: str
      sample: machine
    vault:
      description: The vault it is in; empty for a server that has not registered yet.
      returned: always
      type: str
      sample: vault-classic-12
    before:
      description: For a machine its process server when the run began, for a process server V(ready) or V(not ready) with the reasons' codes.
      returned: always
      type: str
      sample: CS-01
    after:
      description: The same now (in check mode, as it would be).
      returned: always
      type: str
      sample: ps-azure-01
    done:
      description:
        - V(fired) (moved), V(nothing) (all was as wanted), V(waiting) (time is over, or O(wait=false)), V(refused) (it cannot be used
          or moved).
      returned: always
      type: str
      sample: fired
    changed:
      description: Whether this run moved it.
      returned: always
      type: bool
      sample: true
    job:
      description: Name of the Site Recovery job that moves it. The module M(homeward.asr.asr_job_info) shows it.
      returned: when it is being moved
      type: str
      sample: 5d9b1f5f-3f5e-4b39-9a4c-2f3f6a1f8c11
    warnings:
      description: What should be known of it although it stops nothing.
      returned: always
      type: list
      elements: dict
      contains: &problem
        code:
          description: The service's own code; may be empty.
          returned: always
          type: str
          sample: ''
        message:
          description: The warning as a sentence.
          returned: always
          type: str
          sample: "The memory of the process server ps-azure-01 is Yellow."
        possible_causes:
          description: What is behind it; may be empty.
          returned: always
          type: str
          sample: ''
        recommended_action:
          description: What is advised; may be empty.
          returned: always
          type: str
          sample: ''
        level:
          description: V(Warning).
          returned: always
          type: str
          sample: Warning
    errors:
      description: Errors in the same shape; what stopped a server stands in RV(machines[].reason).
      returned: always
      type: list
      elements: dict
      contains: *problem
    code:
      description: A stable word for why it was refused, failed or is waited for; empty otherwise.
      returned: always
      type: str
      sample: moving
    reason:
      description: The same as one sentence, or why nothing was done; may be empty.
      returned: always
      type: str
      sample: Moving from CS-01 to ps-azure-01.
    remedy:
      description: What to do about it; may be empty.
      returned: always
      type: str
      sample: Wait for it.
process_servers:
  description: Everything known of each process server.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name in the vault.
      returned: always
      type: str
      sample: ps-azure-01
    vault:
      description: The vault it is registered with.
      returned: always
      type: str
      sample: vault-classic-12
    configuration_server:
      description: The configuration server it is registered on.
      returned: always
      type: str
      sample: CS-01
    registered:
      description: Whether the vault knows it.
      returned: always
      type: bool
      sample: true
    ready:
      description: Whether it can be used now.
      returned: always
      type: bool
      sample: true
    reasons:
      description: Everything that speaks against using it now; empty when it is ready.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: A stable word.
          returned: always
          type: str
          sample: no_heartbeat
        reason:
          description: The reason as one sentence.
          returned: always
          type: str
          sample: "The process server ps-azure-01 does not report - its last heartbeat is 42 minutes old."
        remedy:
          description: What to do about it.
          returned: always
          type: str
          sample: Check that it is powered on, its services run and it reaches the configuration server on TCP 443.
        waits:
          description: Whether time can heal it, so that it is waited for.
          returned: always
          type: bool
          sample: true
    warnings:
      description: What should be known of it although it stops nothing.
      returned: always
      type: list
      elements: str
      sample: []
    id:
      description: Its id in the vault.
      returned: always
      type: str
      sample: 30AE6187-5869-8E44-B8AF6AA66E3ECC8F
    ip:
      description: Its address.
      returned: always
      type: str
      sample: 10.50.0.4
    version:
      description: Version of its software.
      returned: always
      type: str
      sample: 9.62.1.1
    version_status:
      description: What the service says of that version.
      returned: always
      type: str
      sample: Supported
    service_status:
      description: State of its service, in the vault's word.
      returned: always
      type: str
      sample: Running
    health:
      description: Its health, in the vault's word.
      returned: always
      type: str
      sample: Normal
    heartbeat:
      description: Its last sign of life, UTC; V(null) when there was none. In a healthy vault it is up to 12 minutes old.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    heartbeat_age_seconds:
      description: Age of that sign by the service's clock; V(null) when there was none.
      returned: always
      type: int
      sample: 420
    machine_count:
      description: Machines that go through it.
      returned: always
      type: int
      sample: 12
plan:
  description: What would be sent, in order.
  returned: in check mode
  type: list
  elements: dict
  contains:
    machine:
      description: The machine.
      returned: always
      type: str
      sample: files-01
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    operation:
      description: The operation of the service's API. Machines of one container go in one request.
      returned: always
      type: str
      sample: reassociateGateway
    body:
      description: The request's body.
      returned: always
      type: dict
      sample: {properties: {containerName: cloud_1f3c15af-2256-4568-9e06-e1ef4f728f75, updateType: SystemLevel}}
failed_machines:
  description: Names of the servers and machines that failed.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description: Names of the servers and machines that were refused.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description: Always empty here; the stages use it.
  returned: always
  type: list
  elements: str
  sample: []
requests:
  description: Requests spent against Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: Operations sent.
      returned: always
      type: int
      sample: 0
    reads:
      description: Everything read.
      returned: always
      type: int
      sample: 2
    floor:
      description: What this run could not have done without.
      returned: always
      type: dict
      contains:
        writes:
          description: One for each container that machines are moved in, and the refreshes asked for with O(refresh).
          returned: always
          type: int
          sample: 0
        reads:
          description: One list for each vault, and the machines where they are needed.
          returned: always
          type: int
          sample: 2
progress:
  description: Counts at the end of the run.
  returned: always
  type: dict
  contains:
    total:
      description: Servers and machines of the run.
      returned: always
      type: int
      sample: 2
    done:
      description: Those that are as wanted.
      returned: always
      type: int
      sample: 2
    running:
      description: Those still waited for.
      returned: always
      type: int
      sample: 0
    failed:
      description: Those that failed or were refused.
      returned: always
      type: int
      sample: 0
    waiting_for:
      description: The code of what is waited for; may be empty.
      returned: always
      type: str
      sample: ''
    slowest:
      description: The first one waited for and why; may be empty.
      returned: always
      type: str
      sample: ''
cursor:
  description: Where the run stood; only for the next slice.
  returned: while the run has not finished
  type: dict
  sample: {}
"""

from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.process_server import (
    ProcessServerOrder,
    ensure_process_server,
)
from ansible_collections.homeward.asr.plugins.module_utils.shell import preparation, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call, run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(),
        specs.vault(),
        specs.machines(),
        specs.waiting(),
        {
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["ready", "registered"], "default": "ready"},
            "move_machines_from": {"type": "str"},
            "refresh": {"type": "bool", "default": False},
            "await_registration": {"type": "bool", "default": False},
            "ready_timeout": {"type": "int", "default": 1200},
        },
    )


def work(call: Call) -> dict[str, Any]:
    """One slice."""
    order = preparation.order_of(ProcessServerOrder, call)
    return preparation.run(call, lambda vaults, cursor: ensure_process_server(order, vaults, call.clock, cursor))


def main() -> None:
    """One slice of the preparation."""
    run_module(argument_spec(), work)


if __name__ == "__main__":
    main()
