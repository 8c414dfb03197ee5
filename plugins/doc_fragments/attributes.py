# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes common to all modules, and those of information modules, and those of modules that do one thing and return."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - No state-changing request is sent. Decisions, order and request bodies are the same as in a real run and are shown in RV(ignore:plan).
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode with the same arguments, the second run says that nothing has changed.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details:
      - The task works in slices and waits between them. Use O(ignore:wait=false) to return as soon as everything is sent.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - This module only reads.
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) when in diff mode.
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description: When run twice in a row outside check mode with the same arguments, the second run says that nothing has changed.
    support: full
    details:
      - This module changes nothing.
  async:
    description: Supports being used with the C(async) keyword.
    support: none
"""

    ONESHOT = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - The same checks are made, and nothing is sent.
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode with the same arguments, the second run says that nothing has changed.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/homeward.asr.asr) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - homeward.asr.asr
"""
