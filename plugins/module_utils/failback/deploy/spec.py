# SPDX-License-Identifier: GPL-3.0-or-later
"""The requested process server in Azure, and what follows from the request. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from ..model.errors import InputError
from ..model.items import Json, VaultRef

#: Tag that marks what was deployed here; its value is the process server's name.
MARK = "homeward-asr-process-server"

#: How the records of its deployments are called, before its name.
DEPLOYED = "homeward-asr-"

AUTO, GALLERY, WINDOWS = "auto", "gallery", "windows"

#: The portal's gallery image (failback-domain.md 2.1, DOC). Windows 2012 R2 is out of support: often it is not offered any more.
GALLERY_IMAGE = {
    "publisher": "MicrosoftAzureSiteRecovery",
    "offer": "Process-Server",
    "sku": "Windows-2012-R2-Datacenter",
    "version": "latest",
}

#: The newest Windows that the classic process server's software takes (DOC CSREQ: 2012 R2 or 2016).
WINDOWS_IMAGE = {
    "publisher": "MicrosoftWindowsServer",
    "offer": "WindowsServer",
    "sku": "2016-Datacenter",
    "version": "latest",
}

#: Addresses that Azure keeps at the beginning of a subnet (DOC).
RESERVED_FIRST = 4

_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Tier:
    """A row of the sizing table (failback-domain.md 2.1, DOC PSSC): limits, and what they take."""

    daily_change_gb: int
    machines: int
    cpus: int
    memory_gb: int
    cache_gb: int
    sizes: tuple[str, ...]


#: The portal deploys Standard_A8_v2 (DOC PSAZ), so it is among the candidates wherever it is large enough.
TIERS = (
    Tier(250, 85, 4, 8, 300, ("Standard_D4s_v3", "Standard_D4s_v4", "Standard_D4s_v5", "Standard_A8_v2")),
    Tier(1024, 150, 8, 12, 600, ("Standard_D8s_v3", "Standard_D8s_v4", "Standard_D8s_v5", "Standard_A8_v2")),
    Tier(2048, 225, 12, 24, 1024, ("Standard_D16s_v3", "Standard_D16s_v4", "Standard_D16s_v5")),
)


@dataclass(frozen=True)
class Wish:
    """Option ``deploy``. An empty string means: not set."""

    name: str
    subscription_id: str
    resource_group: str
    virtual_network: str
    subnet: str
    address: str
    virtual_network_resource_group: str = ""
    configuration_server: str = ""
    configuration_server_address: str = ""
    source: str = AUTO
    image: Mapping[str, str] = field(default_factory=dict)
    size: str = ""
    daily_change_gb: int = 250
    machine_count: int = 0
    zone: str = ""
    disk_type: str = "Premium_LRS"
    admin_username: str = "asradmin"
    data_port: int = 9443
    data_sources: tuple[str, ...] = ("VirtualNetwork",)
    rdp_sources: tuple[str, ...] = ()
    public_address: bool = False
    installer_url: str = "https://aka.ms/unifiedinstaller"
    installer_checksum: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, name: str | None, options: Mapping[str, Any] | None, vaults: Sequence[VaultRef]) -> Wish:
        """The request from the options. Raises InputError."""
        if not name:
            raise InputError(
                "process_server_missing",
                "`state` is present or absent, but '{option:name}' is not set.",
                "Set '{option:name}' to the process server's name, which is also its computer name.",
            )
        given = {k: v for k, v in (options or {}).items() if v is not None}
        if not given.get("resource_group"):
            raise InputError(
                "deploy_missing",
                f"'{{option:deploy}}' is not set, so the location of the process server {name} in Azure is unknown.",
                "Set '{option:deploy}' with at least resource_group; to deploy, also virtual_network, subnet and address.",
            )
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if k in known}
        values.setdefault("subscription_id", vaults[0].subscription_id)
        for key in ("virtual_network", "subnet", "address"):
            values.setdefault(key, "")
        return cls(name=name, **values)

    def check(self) -> None:
        """Raise InputError for what no subscription could deploy."""
        if not _NAME.fullmatch(self.name):
            raise InputError(
                "name_invalid",
                f"name={self.name!r} cannot be the computer name of a Windows machine.",
                "Use up to 15 letters, digits and hyphens, with at least one letter.",
            )
        for key in ("virtual_network", "subnet", "address"):
            if not getattr(self, key):
                raise InputError(
                    "deploy_missing",
                    f"'{{option:deploy}}' has no {key}.",
                    "Set resource_group, virtual_network, subnet and address of the network that the failed-over "
                    "machines are in.",
                )
        _address(self.address, "deploy.address")
        self.tier()

    def tier(self) -> Tier:
        """The row of the sizing table. Raises InputError where one process server is not enough."""
        for tier in TIERS:
            if self.daily_change_gb <= tier.daily_change_gb and self.machine_count <= tier.machines:
                return tier
        last = TIERS[-1]
        raise InputError(
            "capacity_exceeded",
            f"{self.daily_change_gb} GB of change per day and {self.machine_count} machines "
            "(`deploy.daily_change_gb`, `deploy.machine_count`) exceed what one process server can handle.",
            f"One handles up to {last.daily_change_gb} GB per day and {last.machines} machines. Fail the machines "
            "back in batches.",
        )

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"

    @property
    def network_id(self) -> str:
        if self.virtual_network.startswith("/"):
            return self.virtual_network
        group = self.virtual_network_resource_group or self.resource_group
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{group}"
            f"/providers/Microsoft.Network/virtualNetworks/{self.virtual_network}"
        )

    @property
    def deployment_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Resources/deployments/{DEPLOYED}{self.name}"

    def compute_id(self, kind: str, name: str = "") -> str:
        return f"{self.group_id}/providers/Microsoft.Compute/{kind}/{name or self.name}"

    def network_part(self, kind: str, suffix: str) -> str:
        return f"{self.group_id}/providers/Microsoft.Network/{kind}/{self.name}-{suffix}"

    @property
    def vm_id(self) -> str:
        return self.compute_id("virtualMachines")

    @property
    def nic_id(self) -> str:
        return self.network_part("networkInterfaces", "nic")

    @property
    def nsg_id(self) -> str:
        return self.network_part("networkSecurityGroups", "nsg")

    @property
    def marks(self) -> dict[str, str]:
        """The tags of everything that is made."""
        return {**self.tags, MARK: self.name}


def _address(text: str, option: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise InputError(
            "address_invalid", f"{option}={text!r} is not an IPv4 address.", "Set it to a free address of the subnet."
        ) from None


def networks_of(properties: Json) -> list[IPv4Network]:
    """Address ranges of a virtual network or a subnet."""
    space = properties.get("addressSpace") or properties
    texts = space.get("addressPrefixes") or [space.get("addressPrefix")]
    return [IPv4Network(t) for t in texts if t and ":" not in t]


def inside(address: str, ranges: Sequence[IPv4Network]) -> bool:
    try:
        return any(IPv4Address(address) in r for r in ranges)
    except AddressValueError:
        return False


def usable(address: str, ranges: Sequence[IPv4Network]) -> bool:
    """Whether a subnet gives that address to a machine: Azure keeps its first four and its last one (DOC)."""
    wanted = IPv4Address(address)
    return any(
        wanted in r and int(wanted) - int(r.network_address) >= RESERVED_FIRST and wanted != r.broadcast_address
        for r in ranges
    )
