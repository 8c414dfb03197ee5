# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old a recovery point may be."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.gates()."""

    DOCUMENTATION = r"""
options:
  rpo_limit:
    description:
      - Maximum age in seconds of a recovery point to fail over to, at most 31536000. Defaults to the RPO threshold of the failback policy,
        or 900.
      - Checked again before the commit, for the point that the failover used. A point chosen by name may be of any age, and the newest
        application-consistent point may be an hour older because these are created hourly.
    type: float
"""
