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
      - Recovery point to fail over to. V(latest), V(latest_processed), V(latest_app_consistent), V(latest_crash_consistent), or the
        name of a recovery point.
      - A choice that a direction does not offer is refused. A classic failover to on-premises offers V(latest) and
        V(latest_app_consistent). A modernized failover to on-premises creates its recovery point during the failover; V(latest) and
        V(latest_crash_consistent) are the same there, and V(latest_app_consistent) is the alternative.
      - Either one value for all machines, or a dictionary of values by machine. A key is a machine name, the name or ID of a
        replicated item, a name pattern, C(windows), C(linux) or C(default). The machine's own name takes precedence, then a pattern,
        then its operating system, then C(default). Machines that no key matches use V(latest).
      - A key that matches no machine of O(vaults) is refused. A key with an empty value is ignored.
    type: raw
    default: latest
  shut_down_source:
    description:
      - Shut down the source machine before the failover, so that no data is lost. The failover continues even if the shutdown fails.
    type: bool
    default: true
"""
