#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_stages
short_description: Run several stages of a failback as one task, with the plan and the report
version_added: 1.0.0
description:
  - Internal module of the role P(homeward.asr.stage#role). Use the role, or the playbooks.
  - Plans the whole route in check mode first, shows the plan, runs each stage for the machines that can go, and prints the report.
    A machine that stops in one stage is left out of the next; no machine stops the others.
  - Never fails because of a machine or a stage. RV(failing) reports that the chain has failed; the role's last task fails then, after
    the result for workflows is published.
  - Publishes RV(asr_result) as C(set_stats) does, for the other jobs of a workflow.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  part:
    description:
      - Part of the chain to run. V(chain) is all of it. With hooks it stops before the first stage; then V(stage) runs one stage,
        V(report) prints the table and V(verdict) fails. V(begin) returns what a single stage consists of.
      - With O(pause), V(pause) says, between stages with hooks, which machines await the commit home, and V(resume) continues after the
        play on those machines.
      - V(hook_failed) records that a task between the stages failed, so that the report and RV(asr_result) say so.
      - V(total) adds up the results of all hosts, where several vaults are hosts of the run.
      - V(variables) stops where variables of the playbooks are unknown or wrong, or cannot be read.
      - V(process_servers) deploys, checks or removes the process servers of O(settings), each with options of
        M(homeward.asr.asr_process_server), and fails where that module does.
      - V(report_file) only stops where the file of O(settings) for the report, or for a snapshot, could not be written.
    type: str
    choices: [chain, begin, stage, pause, resume, hook_failed, process_servers, report, report_file, total, variables, verdict]
    default: chain
  pause:
    description:
      - Stop before the commit home where machines await it, so that a play can check them (RV(failed_over_group)).
    type: bool
    default: false
  route:
    description: Stages in order.
    type: list
    elements: str
  stage:
    description: The stage to run, with O(part=stage).
    type: str
  task:
    description: The name and the action of the task that failed, with O(part=hook_failed).
    type: dict
    default: {}
  hooks:
    description: Task files by stage, each with C(before) and C(after). Within the role, its variable C(stage_hooks) by default.
    type: dict
    default: {}
  settings:
    description: The role's variables, without their prefix. Within the role they are known without it.
    type: dict
    default: {}
extends_documentation_fragment:
  - homeward.asr.attributes
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_failback
  - module: homeward.asr.asr_report
"""

EXAMPLES = r"""
- name: Reprotect and fail over, as the role does it
  homeward.asr.asr_stages:
    route: [reprotect_to_onprem, failover_to_onprem]
    settings:
      machines: [shop-db-01]
      process_server: ps-azure-01
  register: ran
"""

RETURN = r"""
servers:
  description: What M(homeward.asr.asr_process_server) returned for each process server.
  returned: with O(part=process_servers)
  type: list
  elements: dict
  sample: []
failing:
  description: Whether the chain has failed. The role's last task fails then.
  returned: with the report
  type: bool
  sample: false
hooked:
  description: Whether there are hooks, so that the stages are still to be run.
  returned: with O(part=chain)
  type: bool
  sample: false
steps:
  description: Stages and hooks in order.
  returned: with O(part=chain) and O(part=begin)
  type: list
  elements: dict
  sample: []
going:
  description: Stages that there are machines for now; their hooks run.
  returned: with O(part=chain), O(part=begin) and O(part=stage)
  type: list
  elements: str
  sample: []
hook_files:
  description: By stage in RV(going), the file with its machines as JSON, in Ansible's own temporary directory.
  returned: with RV(going)
  type: dict
  sample: {}
stages:
  description:
    - The plan (C(stage=look)) and each stage's result, with C(module) and C(stage).
    - The rows of C(machines) are shortened, and with very many machines only those that need a look are kept, so that the result stays
      under 90 kB. C(counts) always covers all machines.
  returned: always
  type: list
  elements: dict
  sample: []
failed_over_group:
  description:
    - With O(pause), the group for the machines that await their commit home, empty if none do. The role adds them with
      M(ansible.builtin.add_host).
  returned: with O(part=chain) and O(part=pause), where the run stops before the commit home
  type: str
  sample: asr_failed_over
failed_over_file:
  description: File with these machines as JSON, in Ansible's own temporary directory.
  returned: with RV(failed_over_group)
  type: str
  sample: ~/.ansible/tmp/ansible-local-1/homeward-asr-stages-1.failed-over.json
asr_result:
  description: Published for workflows.
  returned: with the report, as a statistic of the run
  type: dict
  contains:
    code:
      description:
        - V(machines_failed), V(stage_failed), V(still_running), or empty. With several hosts V(vaults_stopped) where one of them ended
          before its report.
      returned: always
      type: str
      sample: machines_failed
    counts:
      description: How many machines moved, failed, were refused, are awaiting approval, held or waiting.
      returned: always
      type: dict
      sample: {moved: 11, failed: 1, refused: 0, awaiting_approval: 0, held: 0, waiting: 0}
    failed:
      description: Names of at most 20 machines that failed.
      returned: always
      type: list
      elements: str
      sample: [files-01]
    refused:
      description: Names of at most 20 machines that were refused.
      returned: always
      type: list
      elements: str
      sample: []
    awaiting_approval:
      description: Names of at most 20 machines that wait for approval.
      returned: always
      type: list
      elements: str
      sample: []
    vaults:
      description: With several hosts, C(code) and C(counts) of each; the other values are those of all hosts.
      returned: with several hosts
      type: dict
      sample: {vault-a: {code: "", counts: {moved: 3}}}
    stopped:
      description: Hosts that ended before their report.
      returned: with several hosts
      type: list
      elements: str
      sample: []
report_files:
  description: Files that were written, on the controller.
  returned: with the report, when a file is named
  type: list
  elements: str
  sample: [/srv/reports/failback.html, /srv/reports/failback.json]
lines:
  description: The report as it was printed.
  returned: with the report
  type: list
  elements: str
  sample: ['machine  stage  result  duration']
onward:
  description: How the run continues, as M(homeward.asr.asr_report) returns it.
  returned: with the report
  type: list
  elements: dict
  sample: []
counts:
  description: How many machines there are of each kind, as M(homeward.asr.asr_report) returns it.
  returned: with the report
  type: dict
  sample: {moved: 12, failed: 0, refused: 0, awaiting_approval: 0, held: 0, waiting: 0}
code:
  description: V(machines_failed), V(stage_failed), or V(still_running), which with C(on_timeout=ok) is no failure.
  returned: when something went wrong or a stage's wait_timeout expired
  type: str
  sample: machines_failed
"""
