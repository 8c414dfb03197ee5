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
      - Wait until every machine has arrived, showing a progress line meanwhile.
      - With V(false) the task returns as soon as everything is sent; the same task run later joins what is under way.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait at most, from 1 to 31536000. Running out of time cancels nothing and is no failure of any machine; see O(on_timeout).
      - What worked before in the run and fails now (the network, the service, a login, vCenter's session, a slice whose process was
        killed) is sat out for 15 minutes; then the run ends with that error, whatever O(on_timeout) says. What concerns one machine
        or one vault lets only its machines wait.
    type: int
    default: 172800
  poll_interval:
    description:
      - Seconds between two looks at the vault, from 0.1 to 86400. Left out, the pace that the service itself asks for is kept, between 1 and
        300 seconds.
    type: float
  slice_seconds:
    description:
      - How long one slice of work lasts, in seconds, from 0.1 to 3600. The task is done in slices so that it can be killed and taken up again at any
        point. Rarely worth changing.
    type: float
    default: 25.0
  retries:
    description:
      - How often an attempt that has been proven to have failed is repeated for one machine, where its error is known to pass; from 0 to 100.
    type: int
    default: 2
  allowed_failures:
    description:
      - Percentage of machines, from 0 to 100, that may fail or be refused without failing the task.
    type: float
    default: 0.0
  on_failure:
    description:
      - Whether the task fails when more than O(allowed_failures) percent of the machines failed or were refused (V(fail)), or only says
        so in its result, for a later task to judge (V(report)).
    type: str
    choices: [fail, report]
    default: fail
  on_timeout:
    description:
      - Whether the task fails when O(wait_timeout) is over (V(fail)) or returns with RV(ignore:finished=false) (V(ok)).
        In both cases RV(ignore:code) is C(still_running).
    type: str
    choices: [fail, ok]
    default: fail
  continue_command:
    description:
      - The command that goes on with this run, quoted to the user as it stands when O(wait_timeout) has expired.
    type: str
    default: ''
  cursor:
    description:
      - Where an unfinished run stood, handed on between slices by the action plugin. Never set by hand; losing it costs a few reads and
        nothing else. It holds no secrets.
    type: dict
"""
