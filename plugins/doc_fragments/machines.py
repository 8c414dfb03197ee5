# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of machines."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.machines()."""

    DOCUMENTATION = r"""
options:
  machines:
    description:
      - Machines by their name in the vault, or by the name or ID of the replicated item. Shell patterns are allowed (V(shop-*)); an entry
        that is the exact name of a machine is never read as a pattern. A pattern that consists of wildcards only is refused.
      - V(all), as the only entry, selects every machine of the vaults that the task can apply to. It is never accepted for a failover to Azure.
      - O(machines), O(groups) and O(recovery_plans) add up. If none is given, the task is refused and lists what is available.
      - Empty entries are ignored here and in every other list; they never select anything.
    type: list
    elements: str
    default: []
  groups:
    description: Replication (consistency) groups by name. All members are selected.
    type: list
    elements: str
    default: []
  recovery_plans:
    description: Recovery plans by name. All members are selected.
    type: list
    elements: str
    default: []
  exclude:
    description: Machines to leave out, by name or pattern, for instance those that failed in an earlier stage. An entry that matches no machine is refused.
    type: list
    elements: str
    default: []
"""
