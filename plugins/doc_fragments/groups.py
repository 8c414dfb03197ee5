# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of a consistency group means."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.groups()."""

    DOCUMENTATION = r"""
options:
  split_groups:
    description:
      - Lets a part of a consistency group be chosen. Without it such a choice is refused before anything is sent; leaving a member out counts
        as choosing a part.
      - A group that is split loses its common recovery point; each of its machines gets a warning that says so.
      - The members that are chosen move as one in either case. Each step is sent for all of them or none, the next one waits for all, and
        a member that fails, is refused or is held holds the others before the next step.
    type: bool
    default: false
"""
