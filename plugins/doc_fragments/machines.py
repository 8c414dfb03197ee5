# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of machines."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.machines()."""

    DOCUMENTATION = r"""
options:
  machines:
    description:
      - Machines by the name they have in the vault, or by the replicated item's own name or id. Shell patterns are allowed (V(shop-*));
        a name that has brackets itself is a name first. A pattern of wildcards alone is refused.
      - V(all) alone means every machine of the vaults that this task can be meant for. It is never accepted for a failover to Azure.
      - The options O(machines), O(groups) and O(recovery_plans) add up. With none of them the task is refused with the list to choose from.
      - Blank words are dropped, here and in every other list; they never choose anything.
    type: list
    elements: str
    default: []
  groups:
    description: Replication (consistency) groups by name; all their members.
    type: list
    elements: str
    default: []
  recovery_plans:
    description: Recovery plans by name; all their members.
    type: list
    elements: str
    default: []
  exclude:
    description: Machines to leave out by name or pattern, for instance those that an earlier stage could not move. What fits no machine is refused.
    type: list
    elements: str
    default: []
"""
