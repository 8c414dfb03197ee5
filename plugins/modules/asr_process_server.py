#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys process servers, finds them, waits for them, moves machines between them, and takes them away again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_process_server
short_description: Deploy process servers in Azure, wait until they are healthy, move machines between them, remove them
version_added: 1.0.0
description:
  - Finds process servers in the vaults and waits until they are registered, send heartbeats and are healthy.
  - Moves machines from one process server to another on the same configuration server. Machines that are on the new one already are not
    moved again, and a move under way is joined.
  - Deploys a process server in Azure (O(state=present)) with one deployment of Resource Manager, waits until the vault lists it, and
    removes exactly that again (O(state=absent)). What stands as wanted is left alone, and a deployment under way is joined.
  - In a modernized vault it chooses and verifies appliances instead, under the same options and with the same result. Machines at home move
    from one appliance to another, each by a request of its own; nothing is deployed or removed there.
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
      - V(present) deploys it as O(deploy) says where it does not stand, and then does what V(ready) does. A server of that name that is
        registered and was set up by other means is used as it is. Where it stands otherwise than asked for, the task is refused with the
        differences; only its security rules are mended. Check mode lets the service validate the deployment and say what it would change.
      - V(absent) removes a server that V(present) deployed. It is refused while a machine goes through the server, unless
        O(move_machines_to) says where they go. Its software is removed first, so that the vault forgets it; then what the deployment made
        and what bears its tag C(homeward-asr-process-server), and nothing else.
    type: str
    choices: [ready, registered, present, absent]
    default: ready
  deploy:
    description:
      - Where and how the process server stands in Azure. Needed with O(state=present); with O(state=absent) only O(deploy.resource_group).
      - Made are a network security group, a network interface with a static address, a disk for the cache sized by the documented table,
        a Windows machine, and a run command on it that sets the software up. A public address is made only on request.
    type: dict
    suboptions:
      resource_group:
        description:
          - Resource group of the new machine; it must be there.
        type: str
      subscription_id:
        description:
          - Its subscription. Left out, that of the first vault.
        type: str
      virtual_network:
        description:
          - Name or id of the virtual network that the failed-over machines are in. One process server is enough for a network, so a
            network that has one is refused.
        type: str
      virtual_network_resource_group:
        description:
          - Resource group of O(deploy.virtual_network), where it is another.
        type: str
      subnet:
        description:
          - Name of the subnet.
        type: str
      address:
        description:
          - A free address of the subnet. It must reach the configuration server and the master targets over VPN or ExpressRoute private
            peering.
        type: str
      configuration_server:
        description:
          - The configuration server it registers with, by name, where the vaults have several.
        type: str
      configuration_server_address:
        description:
          - Address of the configuration server as the new machine reaches it. Left out, the one the vault tells.
        type: str
      source:
        description:
          - V(gallery) is the gallery's own image, which is registered by hand (the task waits for that). V(windows) is a Windows Server on
            which the software is set up unattended. V(auto) takes the gallery image where the subscription is still offered it.
        type: str
        choices: [auto, gallery, windows]
        default: auto
      image:
        description:
          - Another Windows image. Windows Server 2016 with English settings is the newest that the software takes.
        type: dict
        suboptions:
          publisher:
            description: Publisher.
            type: str
          offer:
            description: Offer.
            type: str
          sku:
            description: Plan.
            type: str
          version:
            description: Version; left out, the latest.
            type: str
      size:
        description:
          - Size of the machine. Left out, the first that is large enough for O(deploy.daily_change_gb) and O(deploy.machine_count), is
            offered to the subscription and is within its quota.
        type: str
      daily_change_gb:
        description:
          - Data that all machines together change in a day, in GB. More than 2048 are refused.
        type: int
        default: 250
      machine_count:
        description:
          - Machines that will go through it. More than 225 are refused.
        type: int
        default: 0
      zone:
        description:
          - Availability zone; left out, none.
        type: str
      disk_type:
        description:
          - Storage type of its disks.
        type: str
        default: Premium_LRS
      admin_username:
        description:
          - Name of its administrator.
        type: str
        default: asradmin
      data_port:
        description:
          - Port that replication data comes in at.
        type: int
        default: 9443
      data_sources:
        description:
          - Who may reach that port, as address ranges or service tags. C(VirtualNetwork) holds the peered networks and those behind VPN
            and ExpressRoute, too.
        type: list
        elements: str
        default: [VirtualNetwork]
      rdp_sources:
        description:
          - Who may reach it by remote desktop; nobody unless said.
        type: list
        elements: str
        default: []
      public_address:
        description:
          - Whether it gets a public address.
        type: bool
        default: false
      installer_url:
        description:
          - Where the machine gets the Unified Setup from; best a copy of the version that the configuration server has.
        type: str
        default: https://aka.ms/unifiedinstaller
      installer_checksum:
        description:
          - SHA-256 of that file; left out, it is not checked.
        type: str
      tags:
        description:
          - Further tags for everything that is made.
        type: dict
        default: {}
  admin_password:
    description:
      - Password of the new machine's administrator, needed when it has to be deployed. It leaves only as a secure parameter.
      - If not set, the value of the E(ASR_ADMIN_PASSWORD) environment variable is used.
    type: str
  passphrase:
    description:
      - Passphrase of the configuration server, needed when the software has to be set up. It leaves only as a secure parameter and a
        protected parameter of the run command.
      - If not set, the value of the E(ASR_PASSPHRASE) environment variable is used.
    type: str
  move_machines_to:
    description:
      - With O(state=absent), the process server that takes over the machines that still go through the one removed.
    type: str
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
        datastores) before the server is refused; at most 604800. V(0) looks once.
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

- name: Take it away when everybody is home
  homeward.asr.asr_process_server:
    name: ps-azure-02
    state: absent
    deploy:
      resource_group: rg-homeward-dr
    move_machines_to: CS-01
"""

RETURN = r"""
finished:
  description: Whether everything was as wanted, refused or failed. V(false) only when O(wait_timeout) has expired.
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
    - V(machines_failed) and V(machines_refused) when servers or machines went wrong, V(still_running) when O(wait_timeout) has expired, another word
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
  returned: when O(wait_timeout) has expired
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
        - V(started) (moved), V(unchanged) (all was as wanted), V(waiting) (O(wait_timeout) has expired, or O(wait=false)), V(refused) (it cannot be used
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
      description: Its id.
      returned: always
      type: str
      sample: /subscriptions/0000/resourceGroups/rg-homeward-dr/providers/Microsoft.Resources/deployments/homeward-asr-ps-azure-02
    state:
      description: Where it stands, in a word or two.
      returned: always
      type: str
      sample: deployed
    address:
      description: The server's address.
      returned: always
      type: str
      sample: 10.60.0.10
    size:
      description: The size that was chosen; empty where nothing had to be chosen.
      returned: always
      type: str
      sample: Standard_D4s_v3
    source:
      description: V(windows) or V(gallery); empty where nothing had to be chosen.
      returned: always
      type: str
      sample: windows
    resources:
      description: Ids of what is made; empty where nothing had to be made.
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
      description: The request's body, without the values of secrets; for what is deleted its id.
      returned: always
      type: dict
      sample: {properties: {containerName: cloud_1f3c15af-2256-4568-9e06-e1ef4f728f75, updateType: SystemLevel}}
    changes:
      description: What the service says the deployment would change.
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
          description: The service's word for it.
          returned: always
          type: str
          sample: Create
counts:
  description: How many servers and machines there are of each kind.
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
      description: Always 0 here; the stages use it.
      returned: always
      type: int
      sample: 0
    held:
      description: Always 0 here; the stages use it.
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
    - Names of the servers and machines that failed.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the servers and machines that were refused.
    - Holds at most 50 where the task failed; RV(counts) tells how many there are and RV(machines) holds all of them.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description: Always empty here; the stages use it.
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
    order = preparation.order_of(ProcessServerOrder, call)
    if order.state in ("present", "absent"):
        wish = Wish.parse(order.name, call.params["deploy"], order.vaults)
        secrets = Secrets(call.params["admin_password"] or "", call.params["passphrase"] or "")
        goal = call.params["move_machines_to"]
        if order.state == "absent":
            return preparation.run(call, lambda v, cursor: ensure_absent(order, wish, goal, v, call.clock, cursor))
        return preparation.run(call, lambda v, cursor: ensure_present(order, wish, secrets, v, call.clock, cursor))
    return preparation.run(call, lambda vaults, cursor: ensure_process_server(order, vaults, call.clock, cursor))


def main() -> None:
    """One slice of the preparation."""
    run_module(argument_spec(), work)


if __name__ == "__main__":
    main()
