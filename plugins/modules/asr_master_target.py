#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares master targets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_master_target
short_description: Prepare master targets for the way home, in the vault and in vCenter
version_added: 1.0.0
description:
  - Finds master targets in the vaults and their virtual machines in vCenter, and waits until they can be used. A master target is ready when
    it sends heartbeats, its version is supported, it offers a retention volume and datastores, has disk slots left, and its virtual machine
    has no snapshot, LSI Logic controllers only, C(disk.EnableUUID) set and VMware Tools running.
  - Sets C(disk.EnableUUID) to V(TRUE) on master targets and on the on-premises machines that shall come home, so that Site Recovery finds the
    right disks. That takes effect only on a machine that is off; a running one is touched only with O(power_off=true).
  - Excludes master targets from vMotion and Storage vMotion by DRS while they hold disks of other machines, and restores what was there
    before. The former values are kept on the virtual machine itself, so any later run can restore them.
  - In a modernized vault it chooses and verifies appliances instead, under the same options and with the same result. An appliance is ready
    when all its components send heartbeats and are healthy, it reaches datastores and has disk slots left; it needs no retention
    volume, and C(disk.EnableUUID) is set on the machines alone.
  - It can be interrupted, killed and run again at any point. A machine that was powered off by this module is powered on by the next run;
    a machine that was off is never powered on.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  names:
    description:
      - Master targets by name (the domain may be left out), address or id. Left out, all that are registered with the vaults.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(ready) waits until every one of them can be used.
      - V(registered) only finds them, for instance to restore their vMotion afterwards; what speaks against using them becomes a warning.
    type: str
    choices: [ready, registered]
    default: ready
  retention_volume:
    description:
      - Name of the retention volume that must be there. Needed where a master target offers several.
    type: str
  datastores:
    description:
      - Names of datastores that must be there.
    type: list
    elements: str
    default: []
  enable_uuid:
    description:
      - Set C(disk.EnableUUID) to V(TRUE) on the master targets and on the machines chosen with O(machines), O(groups) and
        O(recovery_plans) that run in Azure now. Machines that are home or on their way are left alone. Needs vCenter.
    type: bool
    default: true
  power_off:
    description:
      - Whether a running virtual machine may be shut down for O(enable_uuid). Its guest is asked first; after
        O(guest_shutdown_timeout) it is powered off. It is powered on again afterwards.
      - A master target is never powered off while machines of its configuration server are on their way home.
    type: bool
    default: false
  guest_shutdown_timeout:
    description:
      - Seconds a guest gets to shut down before its power is cut; from 0 to 86400.
    type: int
    default: 300
  vmotion_exclusion:
    description:
      - V(excluded) excludes the master targets from DRS (vMotion) and, where their datastores belong to a datastore cluster, from Storage DRS
        (Storage vMotion). What was written is read back.
      - The place of each is noted on its virtual machine as well, and every later run tells what moved it since, who did it and when. A
        storage move while it holds disks of other machines is refused with the remedy; a move to another host becomes a warning.
      - V(watched) changes nothing. It looks whether the exclusions still stand and the place is the same, and refuses where they are not.
      - V(restored) puts back what was there before.
      - V(unchanged) leaves that alone.
      - Where nothing moves machines by itself (a host without a cluster, DRS switched off) there is nothing to do, and the result says so.
    type: str
    choices: [unchanged, excluded, watched, restored]
    default: unchanged
  pin_to_host:
    description:
      - With O(vmotion_exclusion=excluded), also bind each master target to its host by a VM-host rule, so that nobody moves it by hand either. Its host
        cannot be put into maintenance mode then without powering the master target off.
      - O(vmotion_exclusion=restored) removes the rule in any case.
    type: bool
    default: false
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
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.waiting
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_process_server
  - module: homeward.asr.asr_reprotect
  - module: homeward.asr.asr_fabric_info
"""

EXAMPLES = r"""
- name: Check all master targets and wait until they can be used
  homeward.asr.asr_master_target:

- name: Prepare the way home for everything that runs in Azure
  homeward.asr.asr_master_target:
    names: [mt-linux-01, mt-windows-01]
    machines: [all]
    enable_uuid: true
    vmotion_exclusion: excluded

- name: Look at one master target without vCenter
  homeward.asr.asr_master_target:
    names: [mt-linux-01]
    hostname: ''
    enable_uuid: false
    retention_volume: /mnt/retention
    datastores: [datastore-1]

- name: Let DRS move the master targets again when everything is home
  homeward.asr.asr_master_target:
    state: registered
    enable_uuid: false
    vmotion_exclusion: restored
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
  sample: "2 servers: 1 changed, 1 as wanted."
code:
  description:
    - A stable word for what went wrong, for playbooks to branch on.
    - V(machines_failed) and V(machines_refused) when servers or machines went wrong, V(still_running) when O(wait_timeout) has expired, another word
      when the task could not begin at all.
  returned: when something went wrong
  type: str
  sample: master_target_not_found
remedy:
  description: What to do next.
  returned: when the task could not begin
  type: str
  sample: "Registered: mt-linux-01, mt-windows-01. Choose one of them, or let a new one register first."
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
  description: Every master target, then every chosen machine, with what was done.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the server or machine.
      returned: always
      type: str
      sample: mt-linux-01
    role:
      description: V(master_target), or V(machine) for a machine that shall come home.
      returned: always
      type: str
      sample: master_target
    vault:
      description: The vault it is in; empty for a server that has not registered yet.
      returned: always
      type: str
      sample: vault-classic-12
    before:
      description: How it stood when the run began. Holds only what was looked at.
      returned: always
      type: dict
      contains: &standing
        readiness:
          description: V(ready), or V(not ready) with the codes of the reasons. Master targets only.
          returned: for master targets
          type: str
          sample: ready
        disk_uuid:
          description: C(disk.EnableUUID) of the virtual machine, V(TRUE) or V(not TRUE).
          returned: when there is a virtual machine
          type: str
          sample: 'TRUE'
        vmotion:
          description: V(free), V(excluded), V(partly), or V(immovable) where nothing moves it by itself.
          returned: when O(vmotion_exclusion) asks for it
          type: str
          sample: free
        vm_host_rule:
          description: V(free), V(pinned), or V(no cluster).
          returned: with O(pin_to_host), and when a rule is removed
          type: str
          sample: pinned
    after:
      description: How it stands now (in check mode, how it would stand).
      returned: always
      type: dict
      contains: *standing
    done:
      description:
        - V(started) (something was changed), V(unchanged) (all was as wanted), V(waiting) (O(wait_timeout) has expired, or O(wait=false)), V(refused)
          (it cannot be used or must not be touched), V(failed) (vCenter did not do what was asked).
      returned: always
      type: str
      sample: started
    changed:
      description: Whether this run changed its virtual machine.
      returned: always
      type: bool
      sample: true
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
          sample: "The version 9.60.0.0 of the master target mt-linux-01 is UpdateRequired - update it."
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
      sample: has_snapshot
    reason:
      description: The same as one sentence, or why nothing was done; may be empty.
      returned: always
      type: str
      sample: The virtual machine mt-linux-01 has a snapshot, which a master target must not have.
    remedy:
      description: What to do about it; may be empty.
      returned: always
      type: str
      sample: Delete all its snapshots.
master_targets:
  description: Everything known of each master target.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name in the vault.
      returned: always
      type: str
      sample: mt-linux-01
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
          sample: "The master target mt-linux-01 does not report - its last heartbeat is 42 minutes old."
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
      sample: 0B2F3C52-8C1E-5B7A-9D44-7A1F5C2B9E10
    ip:
      description: Its address.
      returned: always
      type: str
      sample: 10.20.1.10
    os_type:
      description: Its operating system, V(Windows) or V(Linux). It serves machines of the same kind.
      returned: always
      type: str
      sample: Linux
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
    retention_volumes:
      description: Its retention volumes.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the volume.
          returned: always
          type: str
          sample: /mnt/retention
        capacity_bytes:
          description: Its size.
          returned: always
          type: int
          sample: 1099511627776
        free_bytes:
          description: What is free of it.
          returned: always
          type: int
          sample: 1088774209536
    datastores:
      description: Datastores its host sees, as the vault knows them.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the datastore.
          returned: always
          type: str
          sample: datastore-1
        type:
          description: Its kind.
          returned: always
          type: str
          sample: VMFS
        capacity_gb:
          description: Its size in GB.
          returned: always
          type: float
          sample: 4096.0
        free_gb:
          description: What is free of it in GB.
          returned: always
          type: float
          sample: 2048.0
    disk_slots_free:
      description: Disks that can still be attached to it; it takes 60, its own included. V(null) while it has not registered.
      returned: always
      type: int
      sample: 58
    vm:
      description: Its virtual machine in vCenter; V(null) when vCenter was not asked or does not tell which one it is.
      returned: always
      type: dict
      contains:
        name:
          description: Name of the virtual machine.
          returned: always
          type: str
          sample: mt-linux-01
        moid:
          description: Its managed object id.
          returned: always
          type: str
          sample: vm-46
        uuid:
          description: Its instance UUID.
          returned: always
          type: str
          sample: 730e9e90-2660-541c-a7f4-73175d9f5632
        host:
          description: The host it runs on.
          returned: always
          type: str
          sample: esx-01
        datastores:
          description: Datastores it has files on.
          returned: always
          type: list
          elements: str
          sample: [datastore-1]
        powered_on:
          description: Whether it is on.
          returned: always
          type: bool
          sample: true
        tools_running:
          description: Whether VMware Tools run.
          returned: always
          type: bool
          sample: true
        uuid_enabled:
          description: Whether C(disk.EnableUUID) is V(TRUE).
          returned: always
          type: bool
          sample: true
        has_snapshot:
          description: Whether it has a snapshot.
          returned: always
          type: bool
          sample: false
        controllers:
          description: Kinds of its SCSI and NVMe controllers.
          returned: always
          type: list
          elements: str
          sample: [lsilogic]
        disks:
          description: Disks attached to it.
          returned: always
          type: int
          sample: 2
    vmotion_exclusion:
      description: What keeps it where it is; V(null) when O(vmotion_exclusion=unchanged).
      returned: always
      type: dict
      contains:
        state:
          description: V(excluded), V(free), V(partly), V(immovable), or V(unknown) where vCenter does not tell.
          returned: always
          type: str
          sample: excluded
        drs:
          description:
            - V(excluded), V(free), V(off) (DRS is off in the cluster), V(no cluster), or V(unknown) where vCenter does not tell.
            - V(ignores overrides) where individual automation levels are switched off in the cluster, so that DRS moves it all the same;
              V(advises) where DRS then only recommends moves.
          returned: always
          type: str
          sample: excluded
        cluster:
          description: Its cluster; V(null) on a host without one.
          returned: always
          type: str
          sample: cluster-1
        storage_drs:
          description: The datastore clusters that hold its files; empty when there are none.
          returned: always
          type: list
          elements: dict
          contains:
            datastore_cluster:
              description: Name of the datastore cluster.
              returned: always
              type: str
              sample: pod-1
            state:
              description: V(excluded), V(free) or V(off) (Storage DRS is off).
              returned: always
              type: str
              sample: excluded
        noted:
          description: Whether the values of before are kept on the virtual machine, to be put back with O(vmotion_exclusion=restored).
          returned: always
          type: bool
          sample: true
    place:
      description: Where its virtual machine stood when it was excluded, and what moved it since; V(null) when O(vmotion_exclusion=unchanged).
      returned: always
      type: dict
      contains:
        host:
          description: The host it was on when that was noted.
          returned: always
          type: str
          sample: esx-01
        datastores:
          description: The datastores it was on when that was noted.
          returned: always
          type: list
          elements: str
          sample: [datastore-1]
        since:
          description: When that was noted, UTC; V(null) when it was not.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        moved_host:
          description: Whether it is on another host now.
          returned: always
          type: bool
          sample: false
        moved_storage:
          description: Whether it left one of those datastores.
          returned: always
          type: bool
          sample: false
        foreign_disks:
          description: Disks it holds now and did not hold then, those of other machines.
          returned: always
          type: int
          sample: 0
        moves:
          description: Every finished move since then, from vCenter's events.
          returned: always
          type: list
          elements: dict
          contains:
            when:
              description: When, UTC.
              returned: always
              type: str
              sample: '2026-02-03T04:05:06Z'
            who:
              description: The account that asked for it, or vCenter itself.
              returned: always
              type: str
              sample: VSPHERE.LOCAL\operator
            from_host:
              description: The host it left; may be empty.
              returned: always
              type: str
              sample: esx-01
            to_host:
              description: The host it came to; may be empty.
              returned: always
              type: str
              sample: esx-02
            from_datastore:
              description: The datastore it left; may be empty.
              returned: always
              type: str
              sample: datastore-1
            to_datastore:
              description: The datastore it came to; may be empty.
              returned: always
              type: str
              sample: datastore-1
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
lost_places:
  description:
    - With O(vmotion_exclusion=watched), the master targets that did not prove to stand where they were excluded, for the option C(lost_places) of
      M(homeward.asr.asr_failover), M(homeward.asr.asr_commit) and M(homeward.asr.asr_failback). Empty otherwise.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its id in the vault.
      returned: always
      type: str
      sample: 0B2F3C52-8C1E-5B7A-9D44-7A1F5C2B9E10
    name:
      description: Its name in the vault.
      returned: always
      type: str
      sample: mt-linux-01
    code:
      description: A stable word for what became of its place.
      returned: always
      type: str
      sample: master_target_moved
    reason:
      description: The same as one sentence.
      returned: always
      type: str
      sample: mt-linux-01 left the datastores it was on since 2026-02-03T04:05:06Z (datastore-1; now datastore-2).
    remedy:
      description: What to do about it.
      returned: always
      type: str
      sample: Restore its vMotion and exclude it again once no machine's disks are on it.
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
          description: The refreshes asked for with O(refresh).
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

from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.master_target import ensure_master_target
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.targets import MasterTargetOrder
from ansible_collections.homeward.asr.plugins.module_utils.shell import preparation, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call, run_module


def argument_spec() -> specs.Spec:
    """The module's options."""
    return specs.merge(
        specs.azure(),
        specs.vcenter(),
        specs.vault(),
        specs.machines(),
        specs.waiting(),
        {
            "names": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["ready", "registered"], "default": "ready"},
            "retention_volume": {"type": "str"},
            "datastores": {"type": "list", "elements": "str", "default": []},
            "enable_uuid": {"type": "bool", "default": True},
            "power_off": {"type": "bool", "default": False},
            "guest_shutdown_timeout": {"type": "int", "default": 300},
            "vmotion_exclusion": {
                "type": "str",
                "choices": ["unchanged", "excluded", "watched", "restored"],
                "default": "unchanged",
            },
            "pin_to_host": {"type": "bool", "default": False},
            "refresh": {"type": "bool", "default": False},
            "await_registration": {"type": "bool", "default": False},
            "ready_timeout": {"type": "int", "default": 1200},
        },
    )


def work(call: Call) -> dict[str, Any]:
    """One slice."""
    order = preparation.order_of(MasterTargetOrder, call)
    # Logged in to before the vault is asked, so that a wrong option ends the run before anything is written.
    site = call.open_site() if call.params.get("hostname") else None
    return preparation.run(call, lambda vaults, cursor: ensure_master_target(order, vaults, site, call.clock, cursor))


def main() -> None:
    """One slice of the preparation."""
    run_module(argument_spec(), work)


if __name__ == "__main__":
    main()
