# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The internal option of the modules that need to know which master targets have moved."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.places()."""

    DOCUMENTATION = r"""
options:
  lost_places:
    description:
      - Internal, used by the role P(homeward.asr.stage#role).
      - The RV(homeward.asr.asr_master_target#module:lost_places) that M(homeward.asr.asr_master_target) with
        O(homeward.asr.asr_master_target#module:vmotion_exclusion=watched) returned just before. Machines whose disks are attached to one
        of these master targets are refused before their failover to on-premises and its commit.
    type: list
    elements: dict
    default: []
"""
