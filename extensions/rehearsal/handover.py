# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running rehearsal provides to users and playbooks: ``env`` for shells and ``vars.yml`` for playbooks."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .azure import networks
from .fleet import Fleet
from .tls import Certificates, write

#: The virtual network without a process server.
SECOND_NETWORK = list(networks.NETWORKS)[1]

#: Written plainly in YAML; everything else is quoted.
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
NOT_PLAIN = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def write_env(
    path: Path, fleet: Fleet, azure: dict[str, Any], vcenter: dict[str, Any], tls: Certificates, collections: Path
) -> None:
    """Export lines for sh, dash and bash. The file holds the rehearsal's secrets, so only its owner may read it.

    ``azure`` and ``vcenter`` are the ready files' contents; vcenter also holds ``user`` and ``password``.
    """
    vault = fleet.vaults[0]
    address = urlsplit(vcenter["url"])
    secret = azure["secrets"]["client_secret"]
    values = {
        "AZURE_SUBSCRIPTION_ID": vault.subscription_id,
        # Ansible's spellings, then the SDK's.
        "AZURE_TENANT": azure["tenant"],
        "AZURE_CLIENT_ID": azure["client_id"],
        "AZURE_SECRET": secret,
        "AZURE_TENANT_ID": azure["tenant"],
        "AZURE_CLIENT_SECRET": secret,
        # One server is authority and Resource Manager.
        "AZURE_AUTHORITY_HOST": azure["url"],
        "AZURE_RESOURCE_MANAGER_ENDPOINT": azure["url"],
        # Ansible's and the SDK's spelling, then the Azure CLI's.
        "AZURE_DISABLE_INSTANCE_DISCOVERY": "true",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "REQUESTS_CA_BUNDLE": tls.bundle,
        "SSL_CERT_FILE": tls.bundle,
        "NODE_EXTRA_CA_CERTS": tls.bundle,
        "ASR_RESOURCE_GROUP": vault.resource_group,
        "ASR_VAULT": vault.name,
        # All of them, for the inventory.
        "ASR_VAULTS": ",".join(f"{v.subscription_id}/{v.resource_group}/{v.name}" for v in fleet.vaults),
        # For a process server that is deployed; the stand-in takes any.
        "ASR_ADMIN_PASSWORD": f"Aa1-{secrets.token_urlsafe(18)}",
        "ASR_PASSPHRASE": secrets.token_urlsafe(18),
        "VMWARE_HOST": address.hostname,
        "VMWARE_PORT": address.port or 443,
        "VMWARE_USER": vcenter["user"],
        "VMWARE_PASSWORD": vcenter["password"],
        "ANSIBLE_COLLECTIONS_PATH": collections,
        # The playbooks run on the implicit localhost; the two warnings about it would only disturb.
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
    }
    lines = [f"# The rehearsal {fleet.name}: source this file, then run any playbook, module or client by hand."]
    lines += [f"export {name}={quoted(value)}" for name, value in values.items()]
    # A proxy must not be asked for servers on this machine.
    for name in ("NO_PROXY", "no_proxy"):
        lines.append(f'export {name}="127.0.0.1,127.0.0.2,localhost${{{name}:+,${name}}}"')
    lines.append(f'export PATH={quoted(Path(sys.executable).parent)}:"$PATH"')
    write(path, ("\n".join(lines) + "\n").encode(), 0o600)


def write_vars(path: Path, fleet: Fleet) -> None:
    """The playbooks' variables. Nothing secret is here; master targets, retention volumes and policies are left
    to the collection's own choice."""
    path.write_text("\n".join(variables(fleet)) + "\n", encoding="utf-8")


def variables(fleet: Fleet) -> Iterator[str]:
    yield "---"
    yield f"# Variables for the playbooks on the rehearsal {fleet.name}; secrets stand in the file env."
    yield "# The vaults to look in."
    yield "asr_vaults:"
    for vault in fleet.vaults:
        yield f"  - name: {scalar(vault.name)}"
        yield f"    resource_group: {scalar(vault.resource_group)}"
        yield f"    subscription_id: {scalar(vault.subscription_id)}"
    yield "# The machines, by their names in the vault."
    yield "asr_machines:"
    for machine in fleet.machines:
        yield f"  - {scalar(machine.name)}"
    if fleet.site.datastores:
        yield "# Datastore for machines that no longer exist on-premises and are recreated."
        yield f"asr_datastore: {scalar(fleet.site.datastores[0].name)}"
    servers = [ps for vault in fleet.vaults for ps in vault.process_servers if ps.in_azure]
    if servers:
        yield (
            "# The process server that receives the machines' data during failback, where the vault has process "
            "servers."
        )
        yield f"asr_process_server: {scalar(servers[0].name)}"
    for vault in fleet.vaults:
        if vault.deploys:
            space = ip_network(networks.subnet_of(networks.NETWORKS[SECOND_NETWORK]))
            yield "# A further process server that `prepare` deploys, into a network that has none."
            yield "asr_process_server_deploy:"
            yield f"  name: {scalar(vault.deploys)}"
            yield f"  resource_group: {scalar(vault.target_resource_group)}"
            yield f"  virtual_network: {scalar(SECOND_NETWORK)}"
            yield f"  subnet: {scalar(networks.SUBNET)}"
            yield f"  address: {scalar(str(space.network_address + 200))}"
    # An appliance has its own accounts.
    accounts = [name for vault in fleet.vaults if not vault.appliances for name in vault.run_as_accounts]
    for system in ("windows", "linux"):
        fitting = [name for name in accounts if name.endswith(f"-{system}")]
        if fitting:
            yield f"# The account the configuration server uses on {system.capitalize()} machines."
            yield f"asr_run_as_account_{system}: {scalar(fitting[0])}"


def scalar(text: str) -> str:
    """Text as a YAML scalar."""
    if PLAIN.fullmatch(text) and text.lower() not in NOT_PLAIN:
        return text
    return "'" + text.replace("'", "''") + "'"


def quoted(value: Any) -> str:
    """A value in single quotes for a POSIX shell."""
    return "'" + str(value).replace("'", "'\\''") + "'"
