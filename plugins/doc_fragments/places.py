# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that rest on master targets having kept their place."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.places()."""

    DOCUMENTATION = r"""
options:
  lost_places:
    description:
      - The RV(homeward.asr.asr_master_target#module:lost_places) that M(homeward.asr.asr_master_target) with
        O(homeward.asr.asr_master_target#module:vmotion_exclusion=watched) returned just before. Machines whose disks are on one of these master
        targets are refused before their failover to on-premises and its commit; all others go on.
    type: list
    elements: dict
    default: []
"""
