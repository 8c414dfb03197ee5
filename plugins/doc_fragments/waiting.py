# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, time limits and the share of failures that is allowed."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.waiting()."""

    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Wait until every machine has finished, and print progress meanwhile.
      - With V(false) the task returns as soon as everything is sent. The same task run later joins the operations in progress.
    type: bool
    default: true
  wait_timeout:
    description:
      - Maximum number of seconds to wait, from 1 to 31536000. When it expires nothing is cancelled and no machine counts as failed; see O(on_timeout).
      - Interruptions during the run (network, service, login, vCenter session, killed process) are tolerated for 15 minutes; then the run
        ends with that error, whatever O(on_timeout) says. An interruption that concerns one machine or one vault delays only its machines.
    type: int
    default: 172800
  poll_interval:
    description:
      - Seconds between two polls of the vault, from 0.1 to 86400. By default the interval that the service asks for is used, between 1 and
        300 seconds.
    type: float
  slice_seconds:
    description:
      - Length of one slice of work in seconds, from 0.1 to 3600. The task works in slices so that it can be killed and resumed at any point.
        Left out, slices last longer for many machines and after the first ten minutes, up to 120 seconds, and longer still while all
        machines only synchronize. Rarely needs changing.
    type: float
    default: 25.0
  retries:
    description:
      - Number of times a failed operation is repeated for one machine, if its error is known to be transient; from 0 to 100.
    type: int
    default: 2
  allowed_failures:
    description:
      - Percentage of machines, from 0 to 100, that may fail or be refused before the task fails.
    type: float
    default: 0.0
  on_failure:
    description:
      - Whether the task fails if more than O(allowed_failures) percent of the machines failed or were refused (V(fail)), or only reports it
        in its result for a later task to evaluate (V(report)).
    type: str
    choices: [fail, report]
    default: fail
  on_timeout:
    description:
      - Whether the task fails when O(wait_timeout) expires (V(fail)) or returns RV(ignore:finished=false) (V(ok)). In both cases
        RV(ignore:code) is C(still_running).
    type: str
    choices: [fail, ok]
    default: fail
  continue_command:
    description:
      - The command that continues the run, printed unchanged when O(wait_timeout) expires.
    type: str
    default: ''
  cursor:
    description:
      - Internal, used by the action plugin.
      - State of an unfinished run, passed from slice to slice. Without it a slice needs a few more reads. It contains no secrets.
    type: dict
"""
