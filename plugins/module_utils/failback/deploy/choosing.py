# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a process server is deployed: its network and address, its image, its size and the quota.

Everything that would only come to light half an hour later is refused here with the option's name (failback-domain.md 4,
rows 16 and 19).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..model.errors import ConnectionFailed, InputError, NotFound, ReadFailed
from ..model.hints import accepting
from ..model.items import Json, VaultRef
from ..model.refusal import Refusal
from ..model.resource_ports import ResourcePort
from ..model.servers import Fabric
from ..readiness.facts.facts import Facts
from ..readiness.facts.moments import CLASSIC, PLANNED, PROCESS_SERVER
from ..readiness.facts.subjects import Built
from ..readiness.rules.built_servers import RULES
from ..readiness.verdicts import Finding, judge
from ..servers.by_name import classic_fabrics
from ..wanted.selection import listing
from .spec import AUTO, GALLERY, GALLERY_IMAGE, WINDOWS_IMAGE, Wish, inside, networks_of, usable
from .template import Picked, rules

T = TypeVar("T")

#: The image, and whether the set-up is done unattended (it is not with the gallery image).
ImageChoice = tuple[dict[str, str], bool]


def choose_fabric(wish: Wish, fabrics: Sequence[Fabric]) -> Fabric:
    """The configuration server the process server is to register with. Raises InputError where that is not clear."""
    found = [f for f in fabrics if wish.configuration_server.casefold() in ("", f.friendly_name.casefold())]
    if len(found) == 1:
        return found[0]
    names = listing(f.friendly_name for f in fabrics)
    raise InputError(
        "configuration_server_ambiguous" if found else "configuration_server_not_found",
        f"The vaults have several configuration servers that {wish.name} could belong to: {names}.",
        "Set `deploy.configuration_server` to one of them.",
    )


class Chooser:
    """Reads the subscription; every refusal is an InputError, raised before anything is written.

    What a rule of readiness is about (readiness/rules/built_servers.py) is asked under its name, and refused only
    where it was not accepted.
    """

    def __init__(
        self,
        wish: Wish,
        port: ResourcePort,
        fabric: Fabric,
        vaults: Sequence[VaultRef],
        accept: Mapping[str, str] | None = None,
    ) -> None:
        self.wish = wish
        self.port = port
        self.fabric = fabric
        self.vaults = vaults
        self.accept = accept or {}
        self.asked: list[str] = []
        self.against: dict[str, Refusal] = {}
        self.unread: dict[str, str] = {}

    def choose(self, machine: Json | None) -> Picked:
        """``machine`` is there already where a deployment is repeated: it keeps its address, image and size."""
        wish = self.wish
        self._group()
        network = self._network()
        location = str(network.get("location") or "")
        subnet = self._subnet(network)
        self.ask("ps_alone", lambda: self._other(network), None)
        if machine is None:
            self.ask("ps_address", lambda: self._address(subnet), None)
            image, unattended = self.ask("ps_image", lambda: self._image(location), self._wanted_image())
            size = self.ask("ps_size", lambda: self._size(location), self._wanted_sizes()[0])
        else:
            props: Json = machine.get("properties") or {}
            size = str((props.get("hardwareProfile") or {}).get("vmSize") or "")
            image = _image_of(props)
            unattended = image["publisher"].casefold() != GALLERY_IMAGE["publisher"].casefold()
        self.stop()
        warnings = []
        if not unattended:
            warnings.append(
                f"{wish.name} is deployed from the gallery image, which must be registered by hand: log on by remote "
                "desktop and complete the registration there."
            )
        address = wish.configuration_server_address or self.fabric.ip
        if unattended and not address:
            raise InputError(
                "configuration_server_address_missing",
                f"The vault does not report the address of the configuration server {self.fabric.friendly_name}.",
                "Set `deploy.configuration_server_address`.",
            )
        subnet_id = str(subnet.get("id") or f"{wish.network_id}/subnets/{wish.subnet}")
        return Picked(location, subnet_id, size, image, unattended, address, warnings=tuple(warnings))

    # the rules

    def ask(self, rule: str, look: Callable[[], T | Refusal], otherwise: T) -> T:
        """What ``look`` finds. What is against the deployment is kept under the rule's name, and what cannot be read is not known:
        ``otherwise`` is taken then, in case the rule is accepted."""
        self.asked.append(rule)
        try:
            found = look()
        except (ReadFailed, ConnectionFailed) as exc:
            self.unread[rule] = exc.message
            return otherwise
        if isinstance(found, Refusal):
            self.against[rule] = found
            return otherwise
        return found

    def findings(self) -> list[Finding]:
        subject = Built(
            kind=PLANNED,
            name=self.wish.name,
            vault=self.fabric.vault,
            generation=CLASSIC,
            moments=frozenset({PROCESS_SERVER}),
            asked=frozenset(self.asked),
            against=self.against,
            unread=self.unread,
        )
        return judge([subject], Facts(now=self.port.now), self.accept, RULES)

    def stop(self) -> None:
        """Raise InputError for what blocks, all of it at once."""
        stopped = [finding.rule.id for finding in self.findings() if finding.blocks]
        if stopped:
            some = [self.against[rule] for rule in stopped]
            hint = f"Or accept that with a reason: {accepting(dict.fromkeys(stopped, 'reason'))}"
            raise InputError(
                some[0].code,
                " ".join(refusal.reason for refusal in some),
                " ".join([*(refusal.remedy for refusal in some), hint]),
            )

    def _group(self) -> None:
        try:
            self.port.get(self.wish.group_id)
        except NotFound:
            raise InputError(
                "resource_group_not_found",
                f"Subscription {self.wish.subscription_id} has no resource group {self.wish.resource_group} "
                "(`deploy.resource_group`).",
                "Use an existing one, preferably that of the failed-over machines.",
            ) from None

    def _network(self) -> Json:
        try:
            return self.port.get(self.wish.network_id)
        except NotFound:
            group = self.wish.network_id.split("/providers/")[0]
            there = self.port.list_resources(f"{group}/providers/Microsoft.Network/virtualNetworks")
            raise InputError(
                "network_not_found",
                f"There is no virtual network {self.wish.virtual_network!r} (`deploy.virtual_network`).",
                f"Resource group {group.rpartition('/')[2]} has {listing(str(n.get('name')) for n in there)}; for a "
                "network elsewhere, set virtual_network_resource_group or give its full id.",
            ) from None

    def _subnet(self, network: Json) -> Json:
        subnets: dict[str, Json] = {
            str(s.get("name") or "").casefold(): s for s in (network.get("properties") or {}).get("subnets") or ()
        }
        subnet = subnets.get(self.wish.subnet.casefold())
        if subnet is None:
            raise InputError(
                "subnet_not_found",
                f"The virtual network {network.get('name')} has no subnet {self.wish.subnet!r} (`deploy.subnet`).",
                f"It has {listing(str(s.get('name')) for s in subnets.values())}.",
            )
        return subnet

    def _other(self, network: Json) -> Refusal | None:
        """One process server per virtual network (DOC PSAZ, S2)."""
        ranges = networks_of(network.get("properties") or {})
        raw = {v: self.port.list_fabrics(v) for v in self.vaults}
        others = [
            s
            for f in classic_fabrics(raw)
            for s in f.process_servers
            if s.name.casefold() != self.wish.name.casefold() and inside(s.ip, ranges)
        ]
        if not others:
            return None
        return Refusal(
            "network_has_process_server",
            f"The virtual network {network.get('name')} already has the process server {others[0].name} "
            f"({others[0].ip}), and one per network is enough.",
            f"Use {others[0].name}, or deploy into a network that has none.",
        )

    def _address(self, subnet: Json) -> Refusal | None:
        """Whether the subnet gives the address to machines, and whether it is free."""
        ranges = networks_of(subnet.get("properties") or {})
        if not usable(self.wish.address, ranges):
            return Refusal(
                "address_not_in_subnet",
                f"The subnet {self.wish.subnet} ({', '.join(str(r) for r in ranges)}) does not contain a usable "
                f"address {self.wish.address} (`deploy.address`).",
                "Use one of its addresses. Azure reserves the first four and the last one.",
            )
        told = self.port.get_with(f"{self.wish.network_id}/checkIPAddressAvailability", ipAddress=self.wish.address)
        if told.get("available") is not False:
            return None
        others = told.get("availableIPAddresses") or ()
        return Refusal(
            "address_in_use",
            f"The address {self.wish.address} (`deploy.address`) is in use in {self.wish.virtual_network}.",
            f"Free addresses: {', '.join(str(o) for o in others[:5])}." if others else "Use a free one.",
        )

    def _gallery(self) -> bool:
        """Whether the gallery image may be used."""
        return self.wish.source in (AUTO, GALLERY) and not self.wish.image

    def _wanted_image(self) -> ImageChoice:
        """The image where nothing is known of those that are offered."""
        if self.wish.source == GALLERY and self._gallery():
            return dict(GALLERY_IMAGE), False
        return {**WINDOWS_IMAGE, **{k: v for k, v in self.wish.image.items() if v}}, True

    def _image(self, location: str) -> ImageChoice | Refusal:
        if self._gallery() and self._offered(location, GALLERY_IMAGE):
            return dict(GALLERY_IMAGE), False
        wanted = self._wanted_image()
        image, unattended = wanted
        if not unattended:
            return Refusal(
                "gallery_image_not_offered",
                "The gallery no longer offers the process server's image to this subscription.",
                "Omit `deploy.source` or set it to windows, which sets up a Windows Server unattended.",
            )
        if self._offered(location, image):
            return wanted
        return Refusal(
            "image_not_offered",
            f"The image {image['publisher']}:{image['offer']}:{image['sku']} is not offered in {location} (`deploy.image`).",
            "Use a Windows Server 2016 image with English language settings. Newer ones are not supported.",
        )

    def _offered(self, location: str, image: Mapping[str, str]) -> bool:
        path = (
            f"/subscriptions/{self.wish.subscription_id}/providers/Microsoft.Compute/locations/{location}/publishers/"
            f"{image['publisher']}/artifacttypes/vmimage/offers/{image['offer']}/skus/{image['sku']}/versions"
        )
        try:
            return bool(self.port.get_with(path).get("value"))
        except NotFound:
            return False

    def _wanted_sizes(self) -> Sequence[str]:
        return (self.wish.size,) if self.wish.size else self.wish.tier().sizes

    def _size(self, location: str) -> str | Refusal:
        """The first size that is large enough, offered to the subscription, and within its quota."""
        wish, tier = self.wish, self.wish.tier()
        base = f"/subscriptions/{wish.subscription_id}/providers/Microsoft.Compute"
        offered = {
            str(s.get("name")): s
            for s in self.port.list_resources(f"{base}/skus", odata_filter=f"location eq '{location}'")
            if s.get("resourceType") == "virtualMachines"
        }
        left = {
            str((u.get("name") or {}).get("value") or "").casefold(): int(u.get("limit") or 0)
            - int(u.get("currentValue") or 0)
            for u in self.port.list_resources(f"{base}/locations/{location}/usages")
        }
        told = []
        for name in self._wanted_sizes():
            against = _against(name, offered.get(name), left, wish)
            if not against:
                return name
            told.append(f"{name}: {against}")
        return Refusal(
            "size_not_available",
            f"No suitable VM size for the process server {wish.name} is available in {location} ({'; '.join(told)}).",
            f"Set `deploy.size` to another one with at least {tier.cpus} vCPUs and {tier.memory_gb} GB, or request quota.",
        )


def _image_of(properties: Json) -> dict[str, str]:
    """The image a machine was made from."""
    there = (properties.get("storageProfile") or {}).get("imageReference") or {}
    return {key: str(there.get(key) or WINDOWS_IMAGE[key]) for key in WINDOWS_IMAGE}


def _against(name: str, sku: Json | None, left: Mapping[str, int], wish: Wish) -> str:
    """Why a size cannot be used; empty if it can."""
    if sku is None:
        return "not available there"
    for restriction in sku.get("restrictions") or ():
        zones = (restriction.get("restrictionInfo") or {}).get("zones") or ()
        if restriction.get("type") == "Location" or (wish.zone and wish.zone in zones):
            return f"not available to this subscription ({restriction.get('reasonCode')})"
    if wish.zone:
        zones = [z for place in sku.get("locationInfo") or () for z in place.get("zones") or ()]
        if wish.zone not in zones:
            return f"not offered in zone {wish.zone}"
    has = {
        str(c.get("name")): float(c.get("value") or 0) for c in sku.get("capabilities") or () if _number(c.get("value"))
    }
    tier = wish.tier()
    cpus, memory = has.get("vCPUs", 0.0), has.get("MemoryGB", 0.0)
    if cpus < tier.cpus or memory < tier.memory_gb:
        return f"too small with {cpus:g} vCPUs and {memory:g} GB"
    for quota in ("cores", str(sku.get("family") or "").casefold()):
        if quota in left and left[quota] < cpus:
            return f"quota {quota} leaves {left[quota]} of {cpus:g} vCPUs"
    return ""


def _number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def unwanted_differences(wish: Wish, machine: Json, parts: Mapping[str, Json | None]) -> tuple[list[str], bool]:
    """Settings that differ and cannot be changed on a running server; and whether the network's parts
    (security rules, their assignment) need fixing."""
    told = []
    props: Json = machine.get("properties") or {}
    size = str((props.get("hardwareProfile") or {}).get("vmSize") or "")
    if wish.size and size.casefold() != wish.size.casefold():
        told.append(f"its size is {size}, not {wish.size}")
    zones = [str(z) for z in machine.get("zones") or ()]
    if wish.zone and zones != [wish.zone]:
        told.append(f"its zone is {', '.join(zones) or 'none'}, not {wish.zone}")
    nic, nsg = parts.get(wish.nic_id), parts.get(wish.nsg_id)
    if nic is None or nsg is None:
        return told, True
    entries = (nic.get("properties") or {}).get("ipConfigurations") or [{}]
    config: Json = entries[0].get("properties") or {}
    if config.get("privateIPAddress") != wish.address:
        told.append(f"its address is {config.get('privateIPAddress')}, not {wish.address}")
    subnet = str((config.get("subnet") or {}).get("id") or "")
    if not subnet.casefold().endswith(f"{wish.network_id}/subnets/{wish.subnet}".casefold()):
        told.append(f"its subnet is {subnet}, not {wish.subnet} of {wish.virtual_network}")
    assigned = str(((nic.get("properties") or {}).get("networkSecurityGroup") or {}).get("id") or "")
    there = {
        str(r.get("name")): r.get("properties") or {} for r in (nsg.get("properties") or {}).get("securityRules") or ()
    }
    wanted = {r["name"]: r["properties"] for r in rules(wish)}
    same = set(there) == set(wanted) and all(_covers(there[name], entry) for name, entry in wanted.items())
    return told, not same or assigned.casefold() != wish.nsg_id.casefold()


def _covers(there: Json, wanted: Json) -> bool:
    """Whether a rule is as wanted; what the service adds does not count."""
    return all(str(there.get(k)).casefold() == str(v).casefold() for k, v in wanted.items())
