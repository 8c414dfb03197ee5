#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the closing table of a chain of stages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_report
short_description: Print a failback report for every machine, and fail if too many failed
version_added: 1.0.0
description:
  - Takes the results of the stages in the order they ran. Prints a table of the machines (stage, result, duration, recovery point, state,
    warnings), the details of every machine that did not finish, and a line of totals with the number of requests.
  - Use it as the last task after stages with C(on_failure=report). It is the only task that fails, and names each machine with reason and remedy.
  - Prints how to continue. Machines awaiting approval get one command that repeats what was typed and approves these machines by name;
    machines in progress or failed get the command that repeats the run. Each command is on its own line, ready to copy.
  - Failures come first, then refused, held and unfinished machines, then the rest. With more than 60 machines the table shows only those
    that need attention, at most 200. What applies to several machines is printed once.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  results:
    description: Registered results of M(homeward.asr.asr_failover), M(homeward.asr.asr_commit), M(homeward.asr.asr_reprotect) or M(homeward.asr.asr_failback).
    type: list
    elements: dict
    required: true
  fail:
    description:
      - Fail if a stage could not start, if more than O(allowed_failures) percent of the machines failed or were refused, or if the
        wait_timeout of a stage expired.
    type: bool
    default: true
  allowed_failures:
    description: Percentage of machines, from 0 to 100, that may fail or be refused.
    type: float
    default: 0.0
  on_timeout:
    description: Whether an expired wait_timeout of a stage is a failure (V(fail)) or not (V(ok)).
    type: str
    choices: [fail, ok]
    default: fail
  approve_with:
    description:
      - Name of the variable that the play reads approvals from, such as C(asr_approved); printed commands set it. If empty, the report says
        what to write into the option C(approved) of the tasks.
    type: str
    default: ''
  report_file:
    description:
      - File on the controller for the report. A name that ends in C(.html) gets a page, and its data as JSON beside it under the same
        name with the ending C(.json); one that ends in C(.json) gets the data alone. A relative name is one where C(ansible-playbook) was
        started.
      - The page shows the steps on a time axis, downtime, recovery points, what was committed and deleted, approvals and
        proofs. The report of an earlier run that has the name is kept under the time it was made, and anything else is replaced.
      - A file that cannot be written is a warning. The role P(homeward.asr.stage#role) refuses it before anything is sent.
      - A new file gets mode 0644, an existing one keeps its own. In check mode no file is written. A file never makes the task changed.
    type: str
    default: ''
  verbose:
    description: Also print every step of each machine and the number of requests. Set automatically with C(-v).
    type: bool
    default: false
  onward:
    description: Internal, set by the action plugin. How to continue the run.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - homeward.asr.attributes.info
  - homeward.asr.attributes.actiongroup
seealso:
  - module: homeward.asr.asr_failback
"""

EXAMPLES = r"""
- name: Reprotect to on-premises, whatever happens to single machines
  homeward.asr.asr_reprotect:
    direction: to_onprem
    machines: [all]
    process_server: ps-azure-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
    on_failure: report
  register: reprotect

- name: Fail over the machines that succeeded
  homeward.asr.asr_failover:
    direction: to_onprem
    machines: [all]
    exclude: "{{ reprotect.machines | selectattr('done', 'in', ['failed', 'refused']) | map(attribute='name') }}"
    on_failure: report
  register: failover

- name: Print the report
  homeward.asr.asr_report:
    results: ["{{ reprotect }}", "{{ failover }}"]
    allowed_failures: 10
    report_file: failback.html
"""

RETURN = r"""
report_files:
  description: Files that were written, on the controller.
  returned: with O(report_file)
  type: list
  elements: str
  sample: [/srv/reports/failback.html, /srv/reports/failback.json]
lines:
  description: The report as printed.
  returned: when the task does not fail
  type: list
  elements: str
  sample: ['machine  stage  result  duration']
total:
  description: Number of machines.
  returned: always
  type: int
  sample: 12
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
      description: Machines that had not finished when a stage's wait_timeout expired.
      returned: always
      type: int
      sample: 0
failed_machines:
  description:
    - Names of the machines that failed.
    - At most 50; RV(counts) has the number.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the machines that were refused.
    - At most 50; RV(counts) has the number.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description:
    - Names of the machines that stopped before their commit and await approval.
    - At most 50; RV(counts) has the number.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description:
    - Names of the machines that stay behind with their consistency group.
    - At most 50; RV(counts) has the number.
  returned: always
  type: list
  elements: str
  sample: []
waiting_machines:
  description:
    - Names of the machines that had not finished when a stage's wait_timeout expired.
    - At most 50; RV(counts) has the number.
  returned: always
  type: list
  elements: str
  sample: []
requests:
  description: Requests of all stages together.
  returned: always
  type: dict
  contains:
    writes:
      description: State-changing requests.
      returned: always
      type: int
      sample: 48
    reads:
      description: Reads.
      returned: always
      type: int
      sample: 160
    floor:
      description: The least the stages could have needed.
      returned: always
      type: dict
      contains:
        writes:
          description: State-changing requests.
          returned: always
          type: int
          sample: 48
        reads:
          description: Reads.
          returned: always
          type: int
          sample: 150
onward:
  description: How to continue, approval first.
  returned: always
  type: list
  elements: dict
  contains:
    about:
      description: V(approve) for machines awaiting approval, V(continue) after an expired wait_timeout, V(again) for machines that failed or were refused.
      returned: always
      type: str
      sample: approve
    count:
      description: Number of machines it applies to.
      returned: always
      type: int
      sample: 2
    words:
      description: What the command does.
      returned: always
      type: str
      sample: '2 machines are waiting for approval before the commit. Once you have checked them, run:'
    command:
      description: The command, quoted for a shell. Empty if the run was not started by a command (a job template) or cannot be repeated.
      returned: always
      type: str
      sample: >-
        ansible-playbook homeward.asr.failback -e @home.yml -e '{"asr_approved": ["files-01", "shop-web-01"]}'
    variable:
      description: The variable to set if there is no command.
      returned: always
      type: str
      sample: ''
    notes:
      description: What the command does not repeat.
      returned: always
      type: list
      elements: str
      sample: []
code:
  description: V(machines_failed), V(stage_failed), or V(still_running), which with O(on_timeout=ok) is no failure.
  returned: on failure, and when a stage's wait_timeout expired
  type: str
  sample: machines_failed
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import reporting
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module


def main() -> None:
    """Render the report and decide whether the run failed."""
    run_module(reporting.argument_spec(), reporting.work)


if __name__ == "__main__":
    main()
