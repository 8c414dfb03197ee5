#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys process servers, finds them, waits for them, moves machines between them, and takes them away again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_process_server
short_description: Deploy process servers in Azure, check them, move machines between them, remove them
version_added: 1.0.0
description:
  - Finds process servers in the vaults and waits until they are registered, send heartbeats and are healthy.
  - Moves machines from one process server to another on the same configuration server. Machines that already use the new one are not
    moved again, and a move in progress is joined.
  - Deploys a process server in Azure (O(state=present)) with one Resource Manager deployment, waits until the vault lists it, and
    removes the deployed resources again (O(state=absent)). A deployment in progress is joined.
  - In a modernized vault it checks replication appliances instead, with the same options and result. Machines that run on-premises are
    moved from one appliance to another with one request each; nothing is deployed or removed.
  - The task can be interrupted, killed and run again at any point.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  name:
    description:
      - The process server by name (with or without domain), IP address or ID. Defaults to all that are registered with the vaults.
      - Required with O(move_machines_from), as the process server that the machines are moved to.
    type: str
  state:
    description:
      - V(ready) waits until it is ready.
      - V(registered) only finds it; reasons why it is not ready become warnings.
      - V(present) deploys it as described in O(deploy) if it does not exist, then does the same as V(ready). A registered server of that
        name that was set up by other means is used as it is. If the deployed server differs from O(deploy), the task is refused and lists
        the differences; only its security rules are corrected. In check mode the service validates the deployment and predicts its changes.
      - V(absent) removes a server that V(present) deployed. It is refused while machines use the server, unless O(move_machines_to) is
        given. First the software is uninstalled, so that the server is removed from the vault; then the resources of the deployment and
        those with the tag C(homeward-asr-process-server) are deleted, and nothing else.
    type: str
    choices: [ready, registered, present, absent]
    default: ready
  deploy:
    description:
      - The deployment of the process server in Azure. Required with O(state=present); O(state=absent) needs only O(deploy.resource_group).
      - It consists of a network security group, a network interface with a static IP address, a cache disk sized as Microsoft documents,
        a Windows VM, and a run command that installs the software. A public IP address is created only on request.
    type: dict
    suboptions:
      resource_group:
        description:
          - Resource group of the new VM. It must exist.
        type: str
      subscription_id:
        description:
          - Its subscription ID. Defaults to that of the first vault.
        type: str
      virtual_network:
        description:
          - Name or ID of the virtual network that the failed-over machines are in. A network needs only one process server, so a network
            that already has one is refused.
        type: str
      virtual_network_resource_group:
        description:
          - Resource group of O(deploy.virtual_network), if it differs from O(deploy.resource_group).
        type: str
      subnet:
        description:
          - Name of the subnet.
        type: str
      address:
        description:
          - A free IP address of the subnet, with a connection to the configuration server and the master targets over VPN or ExpressRoute
            private peering.
        type: str
      configuration_server:
        description:
          - The configuration server to register with, by name. Required if the vaults have several.
        type: str
      configuration_server_address:
        description:
          - IP address of the configuration server as seen from the new VM. Defaults to the one that the vault reports.
        type: str
      source:
        description:
          - V(gallery) uses the process server image of the Azure gallery, which must be registered manually (the task waits for it). V(windows)
            uses a Windows Server image and installs the software unattended. V(auto) uses the gallery image if it is still offered to the
            subscription.
        type: str
        choices: [auto, gallery, windows]
        default: auto
      image:
        description:
          - Another Windows image. The newest version that the software supports is Windows Server 2016 in English.
        type: dict
        suboptions:
          publisher:
            description: Publisher.
            type: str
          offer:
            description: Offer.
            type: str
          sku:
            description: SKU.
            type: str
          version:
            description: Version. Defaults to the latest.
            type: str
      size:
        description:
          - VM size. Defaults to the first one that is large enough for O(deploy.daily_change_gb) and O(deploy.machine_count), is available
            to the subscription, and is within its quota.
        type: str
      daily_change_gb:
        description:
          - Daily change rate of all machines together, in GB, at most 2048.
        type: int
        default: 250
      machine_count:
        description:
          - Number of machines that will use it, at most 225.
        type: int
        default: 0
      zone:
        description:
          - Availability zone. Defaults to none.
        type: str
      disk_type:
        description:
          - Storage type of its disks.
        type: str
        default: Premium_LRS
      admin_username:
        description:
          - User name of its administrator.
        type: str
        default: asradmin
      data_port:
        description:
          - Port for replication data.
        type: int
        default: 9443
      data_sources:
        description:
          - Allowed sources for that port, as address ranges or service tags. C(VirtualNetwork) includes peered networks and those connected
            by VPN or ExpressRoute.
        type: list
        elements: str
        default: [VirtualNetwork]
      rdp_sources:
        description:
          - Allowed sources for Remote Desktop. Defaults to none.
        type: list
        elements: str
        default: []
      public_address:
        description:
          - Whether to create a public IP address.
        type: bool
        default: false
      installer_url:
        description:
          - URL of the Unified Setup installer. Preferably a copy of the version that the configuration server runs.
        type: str
        default: https://aka.ms/unifiedinstaller
      installer_checksum:
        description:
          - SHA-256 checksum of the installer. Not verified if not set.
        type: str
      tags:
        description:
          - Additional tags for all created resources.
        type: dict
        default: {}
  admin_password:
    description:
      - Password of the administrator of the new VM. Required to deploy it. It is sent only as a secure parameter.
      - If not set, the value of the E(ASR_ADMIN_PASSWORD) environment variable is used.
    type: str
  passphrase:
    description:
      - Passphrase of the configuration server. Required to install the software. It is sent only as a secure parameter and as a protected
        parameter of the run command.
      - If not set, the value of the E(ASR_PASSPHRASE) environment variable is used.
    type: str
  move_machines_to:
    description:
      - With O(state=absent), the process server that takes over the machines that still use the one to remove.
    type: str
  move_machines_from:
    description:
      - The process server to move machines away from, by name, IP address or ID.
      - All its machines are moved, or those selected with O(machines), O(groups) and O(recovery_plans), except those in O(exclude).
    type: str
  refresh:
    description:
      - Refresh the configuration servers once. A new server, a new retention volume or a moved VM then appears in the vault sooner than
        after the usual 15 minutes.
    type: bool
    default: false
  await_registration:
    description:
      - Wait up to O(ready_timeout) for a server that has not registered yet. Otherwise an unknown name is refused at once with the list of
        registered servers.
    type: bool
    default: false
  ready_timeout:
    description:
      - Seconds, by the service's clock, to wait for conditions that can resolve themselves (registration, heartbeat, a new retention
        volume, discovered datastores) before the server is refused; at most 604800. V(0) checks once.
    type: int
    default: 1200
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.waiting
  - homeward.asr.accepting
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

- name: Wait for a new process server in Azure
  homeward.asr.asr_process_server:
    name: ps-azure-01
    await_registration: true
    refresh: true

- name: Move two machines to it
  homeward.asr.asr_process_server:
    name: ps-azure-01
    move_machines_from: CS-01
    machines: [dc-01, files-01]

- name: Move all machines away before the process server in Azure is deleted
  homeward.asr.asr_process_server:
    name: CS-01
    move_machines_from: ps-azure-01

- name: Deploy a process server into the network of the failed-over machines
  homeward.asr.asr_process_server:
    name: ps-azure-02
    state: present
    deploy:
      resource_group: rg-homeward-dr
      virtual_network: vnet-dr-2
      subnet: servers
      address: 10.60.0.10
    admin_password: "{{ vaulted_password | default('An-Example-2-Replace') }}"
    passphrase: "{{ vaulted_passphrase | default('AnExampleToReplace') }}"
    refresh: true

- name: Remove it after failback
  homeward.asr.asr_process_server:
    name: ps-azure-02
    state: absent
    deploy:
      resource_group: rg-homeward-dr
    move_machines_to: CS-01
"""

RETURN = r"""
finished:
  description: Whether the run has finished for every server and machine. V(false) only when O(wait_timeout) expired.
  returned: always
  type: bool
  sample: true
msg:
  description: The outcome in one sentence, or every server and machine that failed or was refused, with reason and remedy.
  returned: always
  type: str
  sample: "3 servers and machines: 2 changed, 1 as wanted."
code:
  description:
    - Error code, stable across versions, for playbooks to branch on.
    - V(machines_failed) or V(machines_refused) when servers or machines failed or were refused, V(still_running) when O(wait_timeout)
      expired, another code when the task could not start.
  returned: on failure, and when O(wait_timeout) expired
  type: str
  sample: process_server_not_found
remedy:
  description: What to do next.
  returned: when the task could not start
  type: str
  sample: "Registered: CS-01, ps-azure-01. Choose one of them, or let a new one register first."
details:
  description: Structured data about the error. Contains no secrets.
  returned: when the task could not start
  type: dict
  sample: {}
continue_command:
  description: The command that continues the run, as given in O(continue_command).
  returned: when O(wait_timeout) expired
  type: str
  sample: ansible-playbook homeward.asr.prepare -e @vars.yml
machines:
  description: Every process server, then every machine to move, with what was done.
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
      description: V(process_server), or V(machine) for a machine to move.
      returned: always
      type: str
      sample: machine
    vault:
      description: The vault it is in; empty for a server that has not registered yet.
      returned: always
      type: str
      sample: vault-classic-12
    before:
      description: For a machine its process server when the run started, for a process server V(ready) or V(not ready) with the reasons' codes.
      returned: always
      type: str
      sample: CS-01
    after:
      description: The same now (in check mode, as predicted).
      returned: always
      type: str
      sample: ps-azure-01
    done:
      description:
        - V(started) (moved), V(unchanged) (all was as wanted), V(waiting) (O(wait_timeout) expired, or O(wait=false)), V(refused) (it cannot be used
          or moved).
      returned: always
      type: str
      sample: started
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
      description: Warnings.
      returned: always
      type: list
      elements: dict
      contains: &problem
        code:
          description: Error code of the service; may be empty.
          returned: always
          type: str
          sample: ''
        message:
          description: The warning as a sentence.
          returned: always
          type: str
          sample: "The memory of the process server ps-azure-01 is Yellow."
        possible_causes:
          description: Possible causes; may be empty.
          returned: always
          type: str
          sample: ''
        recommended_action:
          description: Recommended action; may be empty.
          returned: always
          type: str
          sample: ''
        level:
          description: V(Warning).
          returned: always
          type: str
          sample: Warning
    errors:
      description: Errors, in the same format. RV(machines[].reason) has the reason why a server cannot be used.
      returned: always
      type: list
      elements: dict
      contains: *problem
    code:
      description: Code of the reason why it was refused, failed or is not ready yet; empty otherwise.
      returned: always
      type: str
      sample: moving
    reason:
      description: The reason as one sentence, or why nothing was done; may be empty.
      returned: always
      type: str
      sample: Moving from CS-01 to ps-azure-01.
    remedy:
      description: What to do about it; may be empty.
      returned: always
      type: str
      sample: Wait for it.
process_servers:
  description: Details of each process server.
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
      description: Whether it is registered with the vault.
      returned: always
      type: bool
      sample: true
    ready:
      description: Whether it can be used now.
      returned: always
      type: bool
      sample: true
    reasons:
      description: Reasons why it is not ready; empty when it is.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: Code.
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
          description: Whether it can resolve itself, so that the task waits for it.
          returned: always
          type: bool
          sample: true
    warnings:
      description: Warnings.
      returned: always
      type: list
      elements: str
      sample: []
    id:
      description: Its ID in the vault.
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
      description: Support status of that version.
      returned: always
      type: str
      sample: Supported
    service_status:
      description: State of its service, as the vault reports it.
      returned: always
      type: str
      sample: Running
    health:
      description: Its health, as the vault reports it.
      returned: always
      type: str
      sample: Normal
    heartbeat:
      description: Its last heartbeat, UTC; V(null) if there was none. In a healthy vault it is up to 12 minutes old.
      returned: always
      type: str
      sample: '2026-02-03T04:05:06Z'
    heartbeat_age_seconds:
      description: Age of that heartbeat in seconds, by the service's clock; V(null) if there was none.
      returned: always
      type: int
      sample: 420
    machine_count:
      description: Machines that use it.
      returned: always
      type: int
      sample: 12
findings:
  description:
    - What the rules of readiness found against the deployment - what blocks, what is not known, and what was accepted with its reason.
      Rules that passed are left out. What blocks before the deployment was sent ends the task with an error that names all of it.
    - The elements are those of RV(homeward.asr.asr_preflight#module:findings).
  returned: with O(state=present), when something did not pass
  type: list
  elements: dict
  sample: []
deployment:
  description: The deployment of the process server.
  returned: with O(state=present)
  type: dict
  contains:
    name:
      description: Its name in the resource group.
      returned: always
      type: str
      sample: homeward-asr-ps-azure-02
    id:
      description: Its ID.
      returned: always
      type: str
      sample: /subscriptions/0000/resourceGroups/rg-homeward-dr/providers/Microsoft.Resources/deployments/homeward-asr-ps-azure-02
    state:
      description: Its progress.
      returned: always
      type: str
      sample: deployed
    address:
      description: The server's address.
      returned: always
      type: str
      sample: 10.60.0.10
    size:
      description: The selected VM size; empty if nothing was selected.
      returned: always
      type: str
      sample: Standard_D4s_v3
    source:
      description: V(windows) or V(gallery); empty if nothing was selected.
      returned: always
      type: str
      sample: windows
    resources:
      description: IDs of the created resources; empty if nothing was created.
      returned: always
      type: list
      elements: str
      sample: []
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
      description: Its Recovery Services vault.
      returned: always
      type: str
      sample: vault-classic-12
    operation:
      description: Operation of the Site Recovery API. Machines of one container share a request.
      returned: always
      type: str
      sample: reassociateGateway
    body:
      description: Request body without secrets; for deletions the ID of the resource.
      returned: always
      type: dict
      sample: {properties: {containerName: cloud_1f3c15af-2256-4568-9e06-e1ef4f728f75, updateType: SystemLevel}}
    changes:
      description: What the deployment would change, according to the service.
      returned: for a deployment
      type: list
      elements: dict
      contains:
        id:
          description: The resource.
          returned: always
          type: str
          sample: /subscriptions/0000/resourceGroups/rg-homeward-dr/providers/Microsoft.Network/networkInterfaces/ps-azure-02-nic
        change:
          description: Its state, as the service reports it.
          returned: always
          type: str
          sample: Create
counts:
  description: Number of servers and machines by outcome.
  returned: always
  type: dict
  contains:
    moved:
      description: Those that were changed. In check mode, those that would be.
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
      description: Those that had not finished when O(wait_timeout) expired.
      returned: always
      type: int
      sample: 0
failed_machines:
  description:
    - Names of the servers and machines that failed.
    - At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the servers and machines that were refused.
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
lines:
  description: What was found and changed, as it was printed.
  returned: when the task has finished and does not fail
  type: list
  elements: str
  sample: ['name  what  result']
requests:
  description: Requests sent to Azure Resource Manager.
  returned: always
  type: dict
  contains:
    writes:
      description: State-changing requests.
      returned: always
      type: int
      sample: 0
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 2
    floor:
      description: The least this run could have needed.
      returned: always
      type: dict
      contains:
        writes:
          description: One for each container that machines are moved in, and the refreshes asked for with O(refresh).
          returned: always
          type: int
          sample: 0
        reads:
          description: One list for each vault, and the replicated items if needed.
          returned: always
          type: int
          sample: 2
progress:
  description: Progress at the end of the run.
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
      description: Those that have not finished.
      returned: always
      type: int
      sample: 0
    failed:
      description: Those that failed or were refused.
      returned: always
      type: int
      sample: 0
    waiting_for:
      description: Code of what the run is waiting for; may be empty.
      returned: always
      type: str
      sample: ''
    slowest:
      description: The first one that the run is waiting for, and why; may be empty.
      returned: always
      type: str
      sample: ''
cursor:
  description: Internal. State passed to the next slice of the run.
  returned: while the run has not finished
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.absent import ensure_absent
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.present import Secrets, ensure_present
from ansible_collections.homeward.asr.plugins.module_utils.failback.deploy.spec import Wish
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.process_server import (
    ProcessServerOrder,
    ensure_process_server,
)
from ansible_collections.homeward.asr.plugins.module_utils.shell import servers, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call, run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(),
        specs.vault(),
        specs.machines(),
        specs.waiting(),
        specs.accepting(),
        {
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["ready", "registered", "present", "absent"], "default": "ready"},
            "deploy": {"type": "dict", "options": specs.deployment()},
            "admin_password": specs.secret("admin_password"),
            "passphrase": specs.secret("passphrase"),
            "move_machines_to": {"type": "str"},
            "move_machines_from": {"type": "str"},
            "refresh": {"type": "bool", "default": False},
            "await_registration": {"type": "bool", "default": False},
            "ready_timeout": {"type": "int", "default": 1200},
        },
    )


def work(call: Call) -> dict[str, Any]:
    """One slice."""
    order = servers.server_order_of(ProcessServerOrder, call)
    if order.state in ("present", "absent"):
        wish = Wish.parse(order.name, call.params["deploy"], order.vaults)
        secrets = Secrets(call.params["admin_password"] or "", call.params["passphrase"] or "")
        goal = call.params["move_machines_to"]
        if order.state == "absent":
            return servers.run(call, lambda v, cursor: ensure_absent(order, wish, goal, v, call.clock, cursor))
        return servers.run(call, lambda v, cursor: ensure_present(order, wish, secrets, v, call.clock, cursor))
    return servers.run(call, lambda vaults, cursor: ensure_process_server(order, vaults, call.clock, cursor))


def main() -> None:
    """One slice of the preparation."""
    run_module(argument_spec(), work)


if __name__ == "__main__":
    main()
