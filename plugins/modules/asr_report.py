#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the closing table of a chain of stages."""

from __future__ import annotations

DOCUMENTATION = r"""
module: asr_report
short_description: Print what became of each machine over several stages, and fail if too many went wrong
version_added: 1.0.0
description:
  - Takes the results of stages in the order they ran, prints an aligned table for each machine (stage, result, duration, recovery point,
    where it stands now, warnings), everything that was said of machines that did not arrive, and a totals line with the requests spent
    against the floor.
  - Made to be the last task of a chain whose stages only report. It is the only one that fails, naming each machine with reason and remedy.
  - Says how the run goes on. What waits for an approval gets one command for all of it, which repeats what was typed and approves these
    machines by name; what is still under way or went wrong gets the command that runs the same again. Each stands on one line, to be copied.
  - Failures come first, then what was refused, what is held, what is under way, and the rest. With more than 60 machines the table shows
    those that need a look, at most 200 of them. What holds for several machines is told once.
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
      - Fail when a stage could not begin, when more than O(allowed_failures) percent of the machines went wrong, or when a stage's
        wait_timeout expired.
    type: bool
    default: true
  allowed_failures:
    description: Percentage of machines, from 0 to 100, that may fail or be refused.
    type: float
    default: 0.0
  on_timeout:
    description: Whether a stage that ran out of time counts as a failure (V(fail)) or not (V(ok)).
    type: str
    choices: [fail, ok]
    default: fail
  approve_with:
    description:
      - The variable by which the play takes approvals, such as C(asr_approved); a printed command sets it. Left out, the report says what
        to write into the option C(approved) of the tasks.
    type: str
    default: ''
  onward:
    description: How the run goes on. Filled in by the action plugin, which knows what was typed. Never set by hand.
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
- name: Replicate home, whatever happens to single machines
  homeward.asr.asr_reprotect:
    direction: to_onprem
    machines: [all]
    process_server: ps-azure-01
    datastore: datastore-1
    run_as_account_windows: vm-admin-windows
    run_as_account_linux: vm-admin-linux
    on_failure: report
  register: reprotect

- name: Fail over what made it
  homeward.asr.asr_failover:
    direction: to_onprem
    machines: [all]
    exclude: "{{ reprotect.machines | selectattr('done', 'in', ['failed', 'refused']) | map(attribute='name') }}"
    on_failure: report
  register: failover

- name: Say what became of each machine
  homeward.asr.asr_report:
    results: ["{{ reprotect }}", "{{ failover }}"]
    allowed_failures: 10
"""

RETURN = r"""
lines:
  description: The report as it was printed.
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
  description: How many machines there are of each kind.
  returned: always
  type: dict
  contains:
    moved:
      description: Those that stand elsewhere than before, or of which an operation succeeded. In check mode, those that would move.
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
      description: Those that stopped before their commit to wait for approval.
      returned: always
      type: int
      sample: 1
    held:
      description: Those that stay behind with their consistency group.
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
    - Holds at most 50; RV(counts) tells how many there are.
  returned: always
  type: list
  elements: str
  sample: []
refused_machines:
  description:
    - Names of the machines that were refused.
    - Holds at most 50; RV(counts) tells how many there are.
  returned: always
  type: list
  elements: str
  sample: []
awaiting_approval_machines:
  description:
    - Names of the machines that stopped before their commit to wait for approval.
    - Holds at most 50; RV(counts) tells how many there are.
  returned: always
  type: list
  elements: str
  sample: []
held_machines:
  description:
    - Names of the machines that stay behind with their consistency group.
    - Holds at most 50; RV(counts) tells how many there are.
  returned: always
  type: list
  elements: str
  sample: []
waiting_machines:
  description:
    - Names of the machines that were under way when a stage's wait_timeout expired.
    - Holds at most 50; RV(counts) tells how many there are.
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
      description: Operations sent.
      returned: always
      type: int
      sample: 48
    reads:
      description: Everything read.
      returned: always
      type: int
      sample: 160
    floor:
      description: What could not have been done without.
      returned: always
      type: dict
      contains:
        writes:
          description: Operations.
          returned: always
          type: int
          sample: 48
        reads:
          description: Reads.
          returned: always
          type: int
          sample: 150
onward:
  description: How the run goes on, the approval first.
  returned: always
  type: list
  elements: dict
  contains:
    about:
      description: V(approve) for machines that wait for an approval, V(continue) when time was over, V(again) for machines that went wrong.
      returned: always
      type: str
      sample: approve
    count:
      description: Number of machines it is about.
      returned: always
      type: int
      sample: 2
    words:
      description: What it is for.
      returned: always
      type: str
      sample: '2 machines wait for your approval before the commit. When you have looked at them, run:'
    command:
      description: The command, quoted for a shell. Empty where nobody typed one (a job template) or it cannot be repeated.
      returned: always
      type: str
      sample: >-
        ansible-playbook homeward.asr.failback -e @home.yml -e '{"asr_approved": ["files-01", "shop-web-01"]}'
    variable:
      description: What to set where there is no command.
      returned: always
      type: str
      sample: ''
    notes:
      description: What the command leaves out.
      returned: always
      type: list
      elements: str
      sample: []
code:
  description: V(machines_failed), V(stage_failed), or V(still_running), which with O(on_timeout=ok) is no failure.
  returned: when something went wrong or a stage's wait_timeout expired
  type: str
  sample: machines_failed
"""

from ansible_collections.homeward.asr.plugins.module_utils.shell.python_floor import demand_python

demand_python()

from ansible_collections.homeward.asr.plugins.module_utils.shell import reporting
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import run_module


def main() -> None:
    """Render and judge."""
    run_module(reporting.argument_spec(), reporting.work)


if __name__ == "__main__":
    main()
