# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a reprotect."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.reprotect()."""

    DOCUMENTATION = r"""
options:
  exclude_temporary_disk:
    description: Exclude the temporary disk of the Azure VM from a reprotect to on-premises.
    type: bool
    default: true
  wait_for:
    description:
      - V(synchronised) waits until the initial synchronisation has finished and the machine is ready for the next step.
      - V(job) waits only for the reprotect job to end; the synchronisation continues in the background.
    type: str
    choices: [synchronised, job]
    default: synchronised
  agent_timeout:
    description:
      - Seconds, by the service's clock, to wait for a machine's Mobility agent to register after a failover. A machine whose agent has not
        registered by then is refused with the code V(agent_not_registered), and nothing is sent for it.
      - Registration takes up to 15 minutes. The time counts from the failover, or from when the task first read the machine if the vault
        does not report the time of the failover.
      - At most 604800. With V(0) the reprotect is sent without checking the agent.
    type: float
    default: 1200.0
"""
