# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to vCenter."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.vcenter()."""

    DOCUMENTATION = r"""
options:
  hostname:
    description:
      - Name or address of vCenter. A port may stand in it instead of in O(port), an IPv6 address in brackets.
      - Left out everywhere, nothing is asked of vCenter, and whatever needs its answer is refused.
      - If not set, the value of the E(VMWARE_HOST) environment variable is used.
    type: str
  username:
    description:
      - User for vCenter.
      - If not set, the value of the E(VMWARE_USER) environment variable is used.
    type: str
    aliases: [user]
  password:
    description:
      - Password for vCenter.
      - If not set, the value of the E(VMWARE_PASSWORD) environment variable is used.
    type: str
    aliases: [pass]
  port:
    description:
      - Port of vCenter, from 1 to 65535.
      - If not set, the value of the E(VMWARE_PORT) environment variable is used.
    type: int
    default: 443
  validate_certs:
    description:
      - Verify vCenter's certificate. The system's roots are trusted, or the file that E(SSL_CERT_FILE) names.
      - If not set, the value of the E(VMWARE_VALIDATE_CERTS) environment variable is used. While it is V(false), every result warns of it.
    type: bool
    default: true
  proxy_host:
    description:
      - Proxy to reach vCenter through, without a user name. A port may stand in it instead of in O(proxy_port).
      - If not set, the value of the E(VMWARE_PROXY_HOST) environment variable is used.
    type: str
  proxy_port:
    description:
      - Port of O(proxy_host), from 1 to 65535.
      - If not set, the value of the E(VMWARE_PROXY_PORT) environment variable is used.
    type: int
requirements:
  - pyvmomi >= 8.0.3, < 10
"""
