# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where plugins that run on the controller find what is not set: the same environment variables as the modules."""

from __future__ import annotations


class ModuleDocFragment:
    """Goes with the fragments azure and vcenter; mirrors the fallbacks in specs.azure() and specs.vcenter().

    auth_source is not in it: Ansible would refuse a blank ANSIBLE_AZURE_AUTH_SOURCE. The plugin reads it as the modules do.
    """

    DOCUMENTATION = r"""
options:
  profile:
    env: [{name: AZURE_PROFILE}]
  subscription_id:
    env: [{name: AZURE_SUBSCRIPTION_ID}]
  tenant:
    env: [{name: AZURE_TENANT}, {name: AZURE_TENANT_ID}]
  client_id:
    env: [{name: AZURE_CLIENT_ID}]
  secret:
    env: [{name: AZURE_SECRET}, {name: AZURE_CLIENT_SECRET}]
  x509_certificate_path:
    env: [{name: AZURE_X509_CERTIFICATE_PATH}, {name: AZURE_CLIENT_CERTIFICATE_PATH}]
  x509_certificate_password:
    env: [{name: AZURE_X509_CERTIFICATE_PASSWORD}, {name: AZURE_CLIENT_CERTIFICATE_PASSWORD}]
  federated_token_file:
    env: [{name: AZURE_FEDERATED_TOKEN_FILE}]
  cloud_environment:
    env: [{name: AZURE_CLOUD_ENVIRONMENT}]
  resource_manager_endpoint:
    env: [{name: AZURE_RESOURCE_MANAGER_ENDPOINT}]
  authority_host:
    env: [{name: AZURE_AUTHORITY_HOST}]
  ca_path:
    env: [{name: AZURE_CA_PATH}]
  disable_instance_discovery:
    env: [{name: AZURE_DISABLE_INSTANCE_DISCOVERY}]
  hostname:
    env: [{name: VMWARE_HOST}]
  username:
    env: [{name: VMWARE_USER}]
  password:
    env: [{name: VMWARE_PASSWORD}]
  port:
    env: [{name: VMWARE_PORT}]
  validate_certs:
    env: [{name: VMWARE_VALIDATE_CERTS}]
  proxy_host:
    env: [{name: VMWARE_PROXY_HOST}]
  proxy_port:
    env: [{name: VMWARE_PROXY_PORT}]
"""
