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
      - The Recovery Services vaults to look in; one run may span several.
      - Left out, the one vault is named by the environment variables E(ASR_VAULT) and E(ASR_RESOURCE_GROUP).
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
        description: Subscription of the vault, where it differs from the option O(subscription_id).
        type: str
"""
