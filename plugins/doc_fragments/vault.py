# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vaults a run spans."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.vault()."""

    DOCUMENTATION = r"""
options:
  vaults:
    description:
      - The Recovery Services vaults to use. One run may span several.
      - If not set, the environment variables E(ASR_VAULT) and E(ASR_RESOURCE_GROUP) name the one vault.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the vault.
        type: str
        required: true
      resource_group:
        description: Resource group of the vault.
        type: str
        required: true
      subscription_id:
        description: Subscription ID of the vault, if it differs from O(subscription_id).
        type: str
"""
