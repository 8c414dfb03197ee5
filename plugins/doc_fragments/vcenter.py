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
      - Host name or IP address of vCenter. May include the port, instead of O(port). Write an IPv6 address in brackets.
      - Without it vCenter is not used, and whatever requires it is refused.
      - If not set, the value of the E(VMWARE_HOST) environment variable is used.
    type: str
  username:
    description:
      - User name for vCenter.
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
      - Verify the certificate of vCenter against the system's root certificates, or the file in E(SSL_CERT_FILE).
      - If not set, the value of the E(VMWARE_VALIDATE_CERTS) environment variable is used. Every result has a warning while it is V(false).
    type: bool
    default: true
  proxy_host:
    description:
      - HTTP proxy for vCenter, without credentials. May include the port, instead of O(proxy_port).
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
