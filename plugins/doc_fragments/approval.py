# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines whose commit is approved."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.approval()."""

    DOCUMENTATION = r"""
options:
  approved:
    description:
      - Machines of this selection whose commit is approved, by name, by pattern (V(shop-*)), by consistency group, or by the full ID of
        the replicated item. V(held) approves the machines of the selection that were already awaiting approval when the run started.
      - An approved machine is committed only if every check passes. With O(ignore:commit_when=manual), all other machines stop before their
        commit.
      - An approval never adds a machine to the selection. An entry that matches no machine of the selection, or a name that matches
        several, is refused before anything is sent.
    type: list
    elements: str
    default: []
"""
