# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to Azure."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors specs.azure()."""

    DOCUMENTATION = r"""
options:
  auth_source:
    description:
      - How to log in to Azure.
      - V(auto) takes a certificate or secret when one is given, else a federated token file, else the machine's managed identity, else
        the log-in of the C(az) command.
      - If not set, the value of the E(ANSIBLE_AZURE_AUTH_SOURCE) environment variable is used.
    type: str
    choices: [auto, service_principal, managed_identity, workload_identity, cli]
    default: auto
  subscription_id:
    description:
      - Subscription of the vaults that do not name their own.
      - If not set, the value of the E(AZURE_SUBSCRIPTION_ID) environment variable is used.
    type: str
  tenant:
    description:
      - Directory (tenant) id of the service principal.
      - If not set, the value of the E(AZURE_TENANT) or E(AZURE_TENANT_ID) environment variable is used.
    type: str
  client_id:
    description:
      - Application (client) id of the service principal, or of the managed identity where a machine has several.
      - If not set, the value of the E(AZURE_CLIENT_ID) environment variable is used.
    type: str
  secret:
    description:
      - Secret of the service principal.
      - If not set, the value of the E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET) environment variable is used.
    type: str
  x509_certificate_path:
    description:
      - File with certificate and private key of the service principal (PEM or PKCS12), used in place of O(secret).
      - If not set, the value of the E(AZURE_X509_CERTIFICATE_PATH) or E(AZURE_CLIENT_CERTIFICATE_PATH) environment variable is used.
    type: path
  x509_certificate_password:
    description:
      - Password of the file in O(x509_certificate_path).
      - If not set, the value of the E(AZURE_X509_CERTIFICATE_PASSWORD) or E(AZURE_CLIENT_CERTIFICATE_PASSWORD) environment variable is used.
    type: str
  federated_token_file:
    description:
      - File with the federated token of a workload identity.
      - If not set, the value of the E(AZURE_FEDERATED_TOKEN_FILE) environment variable is used.
    type: path
  cloud_environment:
    description:
      - Which Azure cloud, by name (V(AzureCloud), V(AzureChinaCloud), V(AzureUSGovernment)).
      - Any other cloud is named by O(resource_manager_endpoint) and O(authority_host).
      - If not set, the value of the E(AZURE_CLOUD_ENVIRONMENT) environment variable is used.
    type: str
    default: AzureCloud
  resource_manager_endpoint:
    description:
      - Address of Azure Resource Manager, for clouds that have no name here.
      - If not set, the value of the E(AZURE_RESOURCE_MANAGER_ENDPOINT) environment variable is used.
    type: str
  authority_host:
    description:
      - Address that issues tokens, for clouds that have no name here.
      - If not set, the value of the E(AZURE_AUTHORITY_HOST) environment variable is used.
    type: str
  ca_path:
    description:
      - File with the certificates to trust, for Azure and for vCenter. Nothing else is trusted then, so it must hold the system's roots
        as well where those are needed.
      - If not set, the value of the E(AZURE_CA_PATH) environment variable is used; E(REQUESTS_CA_BUNDLE) is honoured too.
    type: path
  disable_instance_discovery:
    description:
      - Do not ask the public cloud whether O(authority_host) can be trusted. Needed for private authorities.
      - If not set, the value of the E(AZURE_DISABLE_INSTANCE_DISCOVERY) environment variable is used; left out everywhere, it is on only
        for authorities that the public cloud does not know.
    type: bool
requirements:
  - azure-mgmt-recoveryservicessiterecovery >= 2.0.0, < 3
  - azure-identity >= 1.19.0, < 2
"""
