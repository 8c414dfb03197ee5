#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares master targets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_master_target
short_description: Prepare master targets for failback, in the vault and in vCenter
version_added: 1.0.0
description:
  - Finds master targets in the vaults and their virtual machines in vCenter, and waits until they are ready. A master target is ready if it
    sends heartbeats, its version is supported, it has a retention volume, datastores and free disk slots, and its virtual machine has no
    snapshot, only LSI Logic controllers, C(disk.EnableUUID) set and VMware Tools running.
  - Sets C(disk.EnableUUID) to V(TRUE) on master targets and on the on-premises machines to be failed back, so that Site Recovery identifies
    their disks. The setting requires a machine to be powered off; a running one is changed only with O(power_off=true).
  - Excludes master targets from vMotion and Storage vMotion by DRS while disks of other machines are attached to them, and restores the
    former settings later. The former values are kept on the virtual machine itself, so any later run can restore them.
  - In a modernized vault it checks replication appliances instead, with the same options and result. An appliance is ready if all its
    components send heartbeats and are healthy, and it can reach datastores and has free disk slots. It needs no retention volume, and
    C(disk.EnableUUID) is set only on the machines.
  - The task can be interrupted, killed and run again at any point. A machine that this module powered off is powered on by the next run;
    a machine that was already off is never powered on.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  names:
    description:
      - Master targets by name (with or without domain), IP address or ID. Defaults to all that are registered with the vaults.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(ready) waits until all of them are ready.
      - V(registered) only finds them, for instance to restore their vMotion settings; reasons why they are not ready become warnings.
    type: str
    choices: [ready, registered]
    default: ready
  retention_volume:
    description:
      - Name of the retention volume that must exist. Required if a master target has several.
    type: str
  datastores:
    description:
      - Names of datastores that must be available.
    type: list
    elements: str
    default: []
  enable_uuid:
    description:
      - Set C(disk.EnableUUID) to V(TRUE) on the master targets, and on the on-premises VMs of the machines in O(machines), O(groups) and
        O(recovery_plans) that currently run in Azure. Other machines are not touched. Requires vCenter.
    type: bool
    default: true
  power_off:
    description:
      - Allow a running virtual machine to be shut down for O(enable_uuid). The guest is shut down first; after O(guest_shutdown_timeout)
        the VM is powered off. It is powered on again afterwards.
      - A master target is never powered off while machines of its configuration server are being failed back.
    type: bool
    default: false
  guest_shutdown_timeout:
    description:
      - Seconds to wait for a guest to shut down before its VM is powered off; from 0 to 86400.
    type: int
    default: 300
  vmotion_exclusion:
    description:
      - V(excluded) excludes the master targets from DRS (vMotion) and, where their datastores belong to a datastore cluster, from Storage DRS
        (Storage vMotion). The settings are verified after writing.
      - The location of each master target is noted on its virtual machine, and later runs report whether it was moved, by which user and when. A
        master target whose storage moved while disks of other machines were attached is refused; a move to another host is a warning.
      - V(watched) changes nothing. It verifies that the exclusions are still in place and that no master target has moved.
      - V(restored) restores the former settings.
      - V(unchanged) does nothing.
      - If nothing moves machines automatically (a host without cluster, DRS disabled), there is nothing to do, and the result says so.
    type: str
    choices: [unchanged, excluded, watched, restored]
    default: unchanged
  pin_to_host:
    description:
      - With O(vmotion_exclusion=excluded), also pin each master target to its host with a VM-host rule, which prevents manual moves. The
        host then cannot enter maintenance mode unless the master target is powered off.
      - O(vmotion_exclusion=restored) always removes the rule.
    type: bool
    default: false
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
- name: Check all master targets and wait until they are ready
  homeward.asr.asr_master_target:

- name: Prepare the failback of every machine that runs in Azure
  homeward.asr.asr_master_target:
    names: [mt-linux-01, mt-windows-01]
    machines: [all]
    enable_uuid: true
    vmotion_exclusion: excluded

- name: Check one master target without vCenter
  homeward.asr.asr_master_target:
    names: [mt-linux-01]
    hostname: ''
    enable_uuid: false
    retention_volume: /mnt/retention
    datastores: [datastore-1]

- name: Restore the vMotion settings of the master targets after failback
  homeward.asr.asr_master_target:
    state: registered
    enable_uuid: false
    vmotion_exclusion: restored
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
  sample: "2 servers: 1 changed, 1 as wanted."
code:
  description:
    - Error code, stable across versions, for playbooks to branch on.
    - V(machines_failed) or V(machines_refused) when servers or machines failed or were refused, V(still_running) when O(wait_timeout)
      expired, another code when the task could not start.
  returned: on failure, and when O(wait_timeout) expired
  type: str
  sample: master_target_not_found
remedy:
  description: What to do next.
  returned: when the task could not start
  type: str
  sample: "Registered: mt-linux-01, mt-windows-01. Choose one of them, or let a new one register first."
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
  description: Every master target, then every selected machine, with what was done.
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
      description: V(master_target), or V(machine) for a machine that is to be failed back.
      returned: always
      type: str
      sample: master_target
    vault:
      description: The vault it is in; empty for a server that has not registered yet.
      returned: always
      type: str
      sample: vault-classic-12
    before:
      description: State when the run started. Contains only what was checked.
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
          description: V(free), V(excluded), V(partly), or V(immovable) if neither DRS nor Storage DRS can move it.
          returned: when O(vmotion_exclusion) asks for it
          type: str
          sample: free
        vm_host_rule:
          description: V(free), V(pinned), or V(no cluster).
          returned: with O(pin_to_host), and when a rule is removed
          type: str
          sample: pinned
    after:
      description: State now (in check mode, the predicted state).
      returned: always
      type: dict
      contains: *standing
    done:
      description:
        - V(started) (something was changed), V(unchanged) (all was as wanted), V(waiting) (O(wait_timeout) expired, or O(wait=false)), V(refused)
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
          sample: "The version 9.60.0.0 of the master target mt-linux-01 is UpdateRequired. Update it."
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
      sample: has_snapshot
    reason:
      description: The reason as one sentence, or why nothing was done; may be empty.
      returned: always
      type: str
      sample: The virtual machine mt-linux-01 has a snapshot, which a master target must not have.
    remedy:
      description: What to do about it; may be empty.
      returned: always
      type: str
      sample: Delete all its snapshots.
master_targets:
  description: Details of each master target.
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
          sample: "The master target mt-linux-01 does not report - its last heartbeat is 42 minutes old."
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
      description: Support status of that version.
      returned: always
      type: str
      sample: Supported
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
          description: Free space.
          returned: always
          type: int
          sample: 1088774209536
    datastores:
      description: Datastores that its host reaches, as listed in the vault.
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
          description: Free space in GB.
          returned: always
          type: float
          sample: 2048.0
    disk_slots_free:
      description: Disks that can still be attached to it; it takes 60, its own included. V(null) while it has not registered.
      returned: always
      type: int
      sample: 58
    vm:
      description: Its virtual machine in vCenter; V(null) if vCenter was not asked or the VM cannot be identified.
      returned: always
      type: dict
      contains:
        name:
          description: Name of the virtual machine.
          returned: always
          type: str
          sample: mt-linux-01
        moid:
          description: Its managed object ID.
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
          description: Whether it is powered on.
          returned: always
          type: bool
          sample: true
        tools_running:
          description: Whether VMware Tools is running.
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
      description: Its vMotion exclusions; V(null) when O(vmotion_exclusion=unchanged).
      returned: always
      type: dict
      contains:
        state:
          description: V(excluded), V(free), V(partly), V(immovable), or V(unknown) if vCenter does not report it.
          returned: always
          type: str
          sample: excluded
        drs:
          description:
            - V(excluded), V(free), V(off) (DRS is off in the cluster), V(no cluster), or V(unknown) if vCenter does not report it.
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
          description: Whether the former values are kept on the virtual machine, to be restored with O(vmotion_exclusion=restored).
          returned: always
          type: bool
          sample: true
    place:
      description: Location of its virtual machine when it was excluded, and moves since then; V(null) when O(vmotion_exclusion=unchanged).
      returned: always
      type: dict
      contains:
        host:
          description: The host it was on at that time.
          returned: always
          type: str
          sample: esx-01
        datastores:
          description: The datastores it was on at that time.
          returned: always
          type: list
          elements: str
          sample: [datastore-1]
        since:
          description: When the exclusion was noted, UTC; V(null) if it was not.
          returned: always
          type: str
          sample: '2026-02-03T04:05:06Z'
        moved_host:
          description: Whether it is on another host now.
          returned: always
          type: bool
          sample: false
        moved_storage:
          description: Whether it has left one of those datastores.
          returned: always
          type: bool
          sample: false
        foreign_disks:
          description: Disks of other machines attached to it since then.
          returned: always
          type: int
          sample: 0
        moves:
          description: Every completed move since then, from the events of vCenter.
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
              description: The account that started it, or vCenter itself.
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
lost_places:
  description:
    - Internal. With O(vmotion_exclusion=watched), the master targets that have moved since they were excluded, for the option C(lost_places) of
      M(homeward.asr.asr_failover), M(homeward.asr.asr_commit) and M(homeward.asr.asr_failback). Empty otherwise.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its ID in the vault.
      returned: always
      type: str
      sample: 0B2F3C52-8C1E-5B7A-9D44-7A1F5C2B9E10
    name:
      description: Its name in the vault.
      returned: always
      type: str
      sample: mt-linux-01
    code:
      description: Code of the reason.
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
          description: The refreshes asked for with O(refresh).
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

from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.master_target import ensure_master_target
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.targets import MasterTargetOrder
from ansible_collections.homeward.asr.plugins.module_utils.shell import servers, specs
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
    order = servers.server_order_of(MasterTargetOrder, call)
    # Logged in to before the vault is asked, so that a wrong option ends the run before anything is written.
    site = call.open_site() if call.params.get("hostname") else None
    return servers.run(call, lambda vaults, cursor: ensure_master_target(order, vaults, site, call.clock, cursor))


def main() -> None:
    """One slice of the preparation."""
    run_module(argument_spec(), work)


if __name__ == "__main__":
    main()
