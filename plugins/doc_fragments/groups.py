# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selecting part of a consistency group."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.groups()."""

    DOCUMENTATION = r"""
options:
  split_groups:
    description:
      - Allow a selection that contains only some members of a consistency group. Otherwise such a selection is refused before anything is
        sent; excluding a member counts as well.
      - A split group loses its shared recovery point; each of its machines gets a warning.
      - The selected members move together in any case. Each step is sent for all of them or none, the next step waits for all of them, and
        a member that fails, is refused or waits stops the others before the next step.
    type: bool
    default: false
"""
