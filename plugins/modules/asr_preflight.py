#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether machines can be failed over or back, before anything is sent."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_preflight
short_description: Check whether machines can be failed over or back, before anything is sent
version_added: 1.0.0
description:
  - Reads the vaults, Azure and vCenter once, evaluates the rules of readiness, and prints what blocks, what warns and what could not be
    determined. It changes nothing.
  - Each rule has a stable name, under which it can be accepted with a reason in O(accept). The readiness guide lists the rules with
    what they read, the remedy and the source.
  - A rule that blocks a server or a consistency group blocks each machine that depends on it.
  - For each machine whose next step is not allowed, the result gives the reason.
  - Sends one list request of each kind per vault or subscription and one request per selected machine, and reads vCenter in a constant
    number of calls.
  - Without O(hostname), rules that need vCenter are reported as not known.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  moments:
    description:
      - Steps to check the machines and servers for. Defaults to each machine's next step, and for machines that run in Azure also the
        servers of their failback.
      - V(master_target) and V(process_server) check the servers alone, for example after they were built.
    type: list
    elements: str
    choices:
      - failover_to_azure
      - commit_to_azure
      - reprotect_to_onprem
      - failover_to_onprem
      - commit_to_onprem
      - reprotect_to_azure
      - master_target
      - process_server
    default: []
  commit_when:
    description:
      - When a run would commit a machine to on-premises. With V(manual) the rule C(commit_approved) blocks each machine that awaits its
        commit and is not in O(approved).
      - V(verified) leaves that to the proofs, as O(homeward.asr.asr_failback#module:commit_when=verified) does.
    type: str
    choices: [verified, manual]
    default: manual
  process_server_onprem:
    description: Process server on-premises for the reprotect to Azure, by name, if it differs from O(process_server).
    type: str
  policy_to_azure:
    description: Replication policy for the reprotect to Azure, by name. Defaults to the only suitable one.
    type: str
  agent_timeout:
    description: Seconds, by the service's clock, that a machine's Mobility agent may take to register after a failover. At most 604800.
    type: float
    default: 1200.0
  probe:
    description:
      - Try the TCP ports of classic servers from the machine that runs the module - 443 of configuration servers, 9443 of process servers
        and master targets. Nothing is sent over the connections. What does not answer is a warning.
      - Without it the rules C(cs_port), C(ps_port) and C(mt_port) are not known.
    type: bool
    default: false
  probe_azure:
    description:
      - Run a script inside the Azure VMs of classic machines that are to be failed back, and of their process servers, by Azure's Run
        Command. It changes nothing. It tries TCP 443 of the configuration server and 9443 of the process servers, and looks at the
        agent's service and the free space of the system drive. What it finds wrong is a warning.
      - It needs the right C(Microsoft.Compute/virtualMachines/runCommand/action), takes about half a minute for each VM, eight at a time,
        and appears in the activity log.
      - Without it, and in check mode, nothing is run, and the rules C(azure_ports), C(azure_agent), C(agent_room) and C(ps_to_cs) are not
        known.
    type: bool
    default: false
  guests:
    description:
      - What on-premises machines were asked from inside, as the playbook C(preflight) hands it in with C(asr_probe_guests). Each entry has
        C(item_id), C(ports) (each with C(role), C(name), C(address), C(port) and C(state), which is open, closed or untried), C(free_mb),
        C(room_mb) (how much is needed), and C(why) where it could not be asked.
      - Without it the rules C(guest_ports) and C(guest_room) are not known.
    type: list
    elements: dict
    default: []
  configuration_server_backups:
    description: For each configuration server, by name, the date of its last backup as C(YYYY-MM-DD). It cannot be read from the vault.
    type: dict
    default: {}
  on_block:
    description: Whether the task fails when something blocks (V(fail)), or only reports it (V(report)).
    type: str
    choices: [fail, report]
    default: fail
  report_file:
    description:
      - File on the controller for the report. A name that ends in C(.html) gets a page, and its data as JSON beside it under the same
        name with the ending C(.json); one that ends in C(.json) gets the data alone. A relative name is one where C(ansible-playbook) was
        started.
      - Replaces what is there. A file that cannot be written is refused before anything is read.
      - A new file gets mode 0644, an existing one keeps its own. In check mode no file is written. A file never makes the task changed.
    type: str
    default: ''
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.vault
  - homeward.asr.machines
  - homeward.asr.groups
  - homeward.asr.placing
  - homeward.asr.accepting
  - homeward.asr.gates
  - homeward.asr.approval
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_failback
  - module: homeward.asr.asr_master_target
"""

EXAMPLES = r"""
- name: Check the next step of each machine
  homeward.asr.asr_preflight:
    machines: [all]
    process_server: ps-azure-01
    datastore: datastore-1

- name: The same for the failover home, with one rule accepted
  homeward.asr.asr_preflight:
    machines: [files-01]
    moments: [failover_to_onprem]
    accept:
      host_memory: The cluster will make room, says the platform team.
    report_file: preflight.html
"""

RETURN = r"""
report_files:
  description: Files that were written, on the controller.
  returned: with O(report_file)
  type: list
  elements: str
  sample: [/srv/reports/preflight.html, /srv/reports/preflight.json]
ready:
  description: Whether nothing blocks.
  returned: when the checks ran
  type: bool
  sample: false
findings:
  description: Rules that did not pass, first those that block, then warnings, then those whose result is unknown.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    rule:
      description: Name of the rule.
      returned: always
      type: str
      sample: mt_snapshot
    title:
      description: What the rule requires.
      returned: always
      type: str
      sample: Master target has no snapshot
    about:
      description: Kind of the object that was checked.
      returned: always
      type: str
      sample: master target or appliance
    name:
      description: Name of the machine, group or server.
      returned: always
      type: str
      sample: mt-linux-01
    item_id:
      description: Resource ID of the machine's replicated item in lower case; empty for groups and servers.
      returned: always
      type: str
      sample: ''
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    generation:
      description: V(classic) or V(modernized).
      returned: always
      type: str
      sample: classic
    moments:
      description: The steps that the rule was checked for.
      returned: always
      type: list
      elements: str
      sample: [reprotect_to_onprem]
    severity:
      description: What a failure of the rule means, V(block) or V(warn).
      returned: always
      type: str
      sample: block
    verdict:
      description: V(block), V(warn) or V(unknown).
      returned: always
      type: str
      sample: block
    blocks:
      description: Whether it stops the machines. V(false) for findings that were accepted.
      returned: always
      type: bool
      sample: true
    text:
      description: What was found.
      returned: always
      type: str
      sample: The virtual machine mt-linux-01 has a snapshot, which a master target must not have.
    remedy:
      description: What to do about it.
      returned: always
      type: str
      sample: Delete all its snapshots.
    read:
      description: What the rule was checked against.
      returned: always
      type: str
      sample: 'its VM in vCenter: snapshot'
    source:
      description: Source of the rule in this collection's fact sheets (docs/facts).
      returned: always
      type: str
      sample: preflight check 26
    machines:
      description: Names of the affected machines.
      returned: always
      type: list
      elements: str
      sample: [shop-db-01]
    accepted:
      description: Reason for which it was accepted; empty if it was not.
      returned: always
      type: str
      sample: ''
machines:
  description: The selected machines, each with the names of the rules that did not pass.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    name:
      description: Name of the machine.
      returned: always
      type: str
      sample: shop-db-01
    item_id:
      description: Resource ID of its replicated item.
      returned: always
      type: str
      sample: /Subscriptions/00000000-0000-0000-0000-000000000001/...
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    generation:
      description: V(classic) or V(modernized).
      returned: always
      type: str
      sample: classic
    position:
      description: State of the machine, with the values of RV(homeward.asr.asr_failback#module:machines[].before).
      returned: always
      type: str
      sample: out
    moments:
      description: The steps that it was checked for.
      returned: always
      type: list
      elements: str
      sample: [reprotect_to_onprem]
    verdict:
      description: V(pass), V(warn), V(block) or V(unknown); the most severe of all its rules.
      returned: always
      type: str
      sample: block
    blocked_by:
      description: Names of the rules that stop it.
      returned: always
      type: list
      elements: str
      sample: [mt_snapshot]
    warned_by:
      description: Names of the rules that ended in a warning or were accepted.
      returned: always
      type: list
      elements: str
      sample: []
    unknown:
      description: Names of the rules whose result is unknown.
      returned: always
      type: list
      elements: str
      sample: [cs_backup]
servers:
  description: The servers and replication groups that were checked.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    name:
      description: Name of the server or group.
      returned: always
      type: str
      sample: mt-linux-01
    about:
      description: Kind of the server or group.
      returned: always
      type: str
      sample: master target or appliance
    vault:
      description: Its vault.
      returned: always
      type: str
      sample: vault-classic-12
    generation:
      description: V(classic) or V(modernized).
      returned: always
      type: str
      sample: classic
    machines:
      description: Names of the selected machines that depend on it.
      returned: always
      type: list
      elements: str
      sample: [shop-db-01]
    verdict:
      description: V(block), V(warn), V(unknown) or V(pass).
      returned: always
      type: str
      sample: block
    blocked_by:
      description: Names of the rules that block it.
      returned: always
      type: list
      elements: str
      sample: [mt_snapshot]
    warned_by:
      description: Names of the rules that ended in a warning or were accepted.
      returned: always
      type: list
      elements: str
      sample: [mt_excluded]
    unknown:
      description: Names of the rules whose result is unknown.
      returned: always
      type: list
      elements: str
      sample: []
blocked_machines:
  description: Names of the machines that at least one rule stops.
  returned: when the checks ran
  type: list
  elements: str
  sample: [shop-db-01]
passed:
  description: For each rule that passed anywhere, the number of machines, servers and groups that it passed for.
  returned: when the checks ran
  type: dict
  sample: {mt_snapshot: 2, rpo: 14}
scripts_run:
  description: Number of Azure VMs in which a script was run (O(probe_azure)).
  returned: when the checks ran
  type: int
  sample: 0
counts:
  description: Number of rule results by verdict.
  returned: when the checks ran
  type: dict
  contains:
    block:
      description: Rules that stop machines.
      returned: always
      type: int
      sample: 1
    warn:
      description: Warnings.
      returned: always
      type: int
      sample: 2
    unknown:
      description: Results that are unknown.
      returned: always
      type: int
      sample: 1
    accepted:
      description: Findings that were accepted.
      returned: always
      type: int
      sample: 0
    pass:
      description: Rules that passed.
      returned: always
      type: int
      sample: 240
accepted:
  description: Findings that were accepted, with the reasons.
  returned: when the checks ran
  type: list
  elements: dict
  contains:
    rule:
      description: Name of the rule.
      returned: always
      type: str
      sample: host_memory
    name:
      description: Name of the machine, group or server.
      returned: always
      type: str
      sample: files-01
    reason:
      description: Reason that was given.
      returned: always
      type: str
      sample: The cluster will make room, says the platform team.
    text:
      description: What was found.
      returned: always
      type: str
      sample: esx-01 has 512 MB of memory free, and the machine needs 4096 MB.
time:
  description: When the checks ran, by the service's clock, UTC.
  returned: when the checks ran
  type: str
  sample: '2026-02-03T04:05:06Z'
shortened:
  description: In the role C(homeward.asr.preflight), V(true) where entries of the lists were left out to keep the result under 100 kB; O(report_file)
    has all of them.
  returned: when entries were left out
  type: bool
  sample: true
lines:
  description: The table, as printed.
  returned: when the checks ran
  type: list
  elements: str
  sample: ['BLOCKS']
requests:
  description: Requests sent to Azure Resource Manager.
  returned: when the checks ran
  type: dict
  contains:
    writes:
      description: Always V(0).
      returned: always
      type: int
      sample: 0
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 21
code:
  description: V(blocked) when something blocks, another stable code if the checks could not run.
  returned: when something blocks, and on failure
  type: str
  sample: blocked
remedy:
  description: What to do next.
  returned: when something blocks, and on failure
  type: str
  sample: Check the names in vaults, or set ASR_VAULT and ASR_RESOURCE_GROUP.
details:
  description: Structured data about the error. Contains no secrets.
  returned: on failure
  type: dict
  sample: {}
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import preflight
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module
from ansible_collections.homeward.asr.plugins.module_utils.shell.specs import Spec


def argument_spec() -> Spec:
    """The module's options."""
    return preflight.argument_spec()


def main() -> None:
    """Read once and check."""
    run_module(argument_spec(), preflight.work)


if __name__ == "__main__":
    main()
