# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose commit a person has approved."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.approval()."""

    DOCUMENTATION = r"""
options:
  approved:
    description:
      - Machines of this selection whose commit you approve. By name, by pattern (V(shop-*)), by consistency group, by the full id of the
        replicated item, or with the word V(held), which means those of the selection that already waited for their commit when the
        run began.
      - An approved machine is committed when every proof holds. With O(ignore:commit_when=manual) every other one that reaches its commit is held.
      - An approval never adds a machine to the selection. One that fits no machine of it, and a name that fits several, is refused before
        anything is sent.
    type: list
    elements: str
    default: []
"""
