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
      - How to authenticate to Azure.
      - V(auto) uses a certificate or secret if one is given, otherwise a federated token file, otherwise the profile V(default) of
        C(~/.azure/credentials), otherwise the managed identity of the controller, otherwise the login of the Azure CLI (C(az)).
        If O(profile) is set, it uses that profile.
      - The words of C(azure.azcollection) are taken too. V(env) uses a certificate, a secret or a federated token file and nothing else,
        V(msi) is V(managed_identity), and V(credential_file) uses O(profile).
      - A user name and a password (E(AZURE_AD_USER), or C(ad_user) in a profile) are refused.
      - If not set, the value of the E(ANSIBLE_AZURE_AUTH_SOURCE) environment variable is used.
    type: str
    choices: [auto, service_principal, managed_identity, workload_identity, cli, env, msi, credential_file]
    default: auto
  profile:
    description:
      - Profile of C(~/.azure/credentials) with the credentials of a service principal; V(default) with O(auth_source=credential_file).
      - Its values are used instead of options of the same name.
      - If not set, the value of the E(AZURE_PROFILE) environment variable is used.
    type: str
  subscription_id:
    description:
      - Subscription ID, for vaults that do not set their own.
      - If not set, the value of the E(AZURE_SUBSCRIPTION_ID) environment variable is used.
    type: str
  tenant:
    description:
      - Directory (tenant) ID of the service principal.
      - If not set, the value of the E(AZURE_TENANT) or E(AZURE_TENANT_ID) environment variable is used.
    type: str
  client_id:
    description:
      - Application (client) ID of the service principal, or of a user-assigned managed identity.
      - If not set, the value of the E(AZURE_CLIENT_ID) environment variable is used.
    type: str
  secret:
    description:
      - Secret of the service principal.
      - If not set, the value of the E(AZURE_SECRET) or E(AZURE_CLIENT_SECRET) environment variable is used.
    type: str
  x509_certificate_path:
    description:
      - File with the certificate and private key of the service principal (PEM or PKCS12). Used instead of O(secret).
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
      - The Azure cloud, V(AzureCloud), V(AzureChinaCloud) or V(AzureUSGovernment).
      - For any other cloud set O(resource_manager_endpoint) and O(authority_host).
      - If not set, the value of the E(AZURE_CLOUD_ENVIRONMENT) environment variable is used.
    type: str
    default: AzureCloud
  resource_manager_endpoint:
    description:
      - URL of Azure Resource Manager, for clouds that O(cloud_environment) does not know.
      - If not set, the value of the E(AZURE_RESOURCE_MANAGER_ENDPOINT) environment variable is used.
    type: str
  authority_host:
    description:
      - URL of the Microsoft Entra authority, for clouds that O(cloud_environment) does not know.
      - If not set, the value of the E(AZURE_AUTHORITY_HOST) environment variable is used.
    type: str
  ca_path:
    description:
      - File with the CA certificates to trust, for Azure and for vCenter. Nothing else is trusted then, so include the system's root
        certificates if they are needed.
      - If not set, the value of the E(AZURE_CA_PATH) environment variable is used; E(REQUESTS_CA_BUNDLE) is honoured too.
    type: path
  disable_instance_discovery:
    description:
      - Do not validate O(authority_host) against the public cloud. Required for private authorities.
      - If not set, the value of the E(AZURE_DISABLE_INSTANCE_DISCOVERY) environment variable is used. By default it is on only
        for authorities that the public cloud does not know.
    type: bool
requirements:
  - azure-mgmt-recoveryservicessiterecovery >= 2.0.0, < 3
  - azure-identity >= 1.19.0, < 2
"""
