# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a failover is done."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.failover()."""

    DOCUMENTATION = r"""
options:
  recovery_point:
    description:
      - The point in time to fail over to. V(latest), V(latest_processed), V(latest_app_consistent), V(latest_crash_consistent), or the
        name of a recovery point.
      - What a direction does not know is refused with the choices it has. A classic failover to on-premises knows V(latest) and
        V(latest_app_consistent). A modernized one makes its point while it fails over, so that V(latest) and V(latest_crash_consistent)
        are the same, and V(latest_app_consistent) is the other choice.
      - Either one text for all machines, or a mapping from machines to texts. A key is a machine's name, the name or id of its
        replicated item, a pattern of names, C(windows), C(linux), or C(default). The machine's own name goes first, then a pattern,
        then its operating system, then C(default). Machines that no key fits take V(latest).
      - A key that fits no machine of O(vaults) is refused. A blank value means that the key is left out.
    type: raw
    default: latest
  shut_down_source:
    description:
      - Shut the machine down where it runs now before the failover, so that nothing written last is lost. The failover goes on if the
        shutdown fails.
    type: bool
    default: true
"""
