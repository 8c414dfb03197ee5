# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to vaults and connections: the one place where the two adapters are chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..azure import profiles
from ..azure.credential import AzureAccount
from ..azure.vaults import Vaults
from ..azure.vaults import connect as connect_azure
from ..failback.model.errors import InputError
from ..failback.model.items import VaultRef
from ..failback.model.ports import Clock, SiteMachine
from ..vcenter.account import SiteAccount

if TYPE_CHECKING:
    from ..failback.model.server_ports import SiteServer, VmPlace
    from ..failback.model.site_ports import SiteSurvey
    from ..vcenter.site import Site

Params = Mapping[str, Any]


def with_profile(params: Params) -> dict[str, Any]:
    """The options with the values of a profile of ``~/.azure/credentials``, where the log-in uses one.

    Raises InputError where the profile that is asked for cannot be used.
    """
    source, name = params.get("auth_source") or "auto", params.get("profile")
    found: Mapping[str, Any] = {}
    if source == "credential_file" or (name and source in ("auto", "env")):
        found = profiles.read(name)
        source = "credential_file"
    elif source == "auto" and not any(params.get(option) for option in _CREDENTIALS):
        found = profiles.at_hand()
    if not found:
        return dict(params)
    told: dict[str, Any] = {**dict.fromkeys(("secret", "x509_certificate_path")), **found}
    if "disable_instance_discovery" in told:
        told["disable_instance_discovery"] = told["disable_instance_discovery"].lower() in ("true", "yes", "on", "1")
    return {**params, "auth_source": source, **told}


#: Options that are enough to log in.
_CREDENTIALS = ("secret", "x509_certificate_path", "federated_token_file")


def vaults_of(params: Params, environ: Mapping[str, str]) -> tuple[VaultRef, ...]:
    """The vaults of this run. Left out, ASR_VAULT and ASR_RESOURCE_GROUP name the one.

    Raises InputError (``vault_missing``, ``vault_ambiguous``) before anything is sent.
    """
    entries = params.get("vaults")
    if not entries:
        name, group = environ.get("ASR_VAULT"), environ.get("ASR_RESOURCE_GROUP")
        if not name or not group:
            raise InputError(
                "vault_missing",
                "Option vaults is empty, and ASR_VAULT and ASR_RESOURCE_GROUP are not set either.",
                "Set vaults to a list of entries with name and resource_group.",
            )
        entries = [{"name": name, "resource_group": group}]
    refs: list[VaultRef] = []
    for entry in entries:
        subscription = entry.get("subscription_id") or params.get("subscription_id")
        if not subscription:
            raise InputError(
                "subscription_missing",
                f"Vault {entry['name']} has no subscription.",
                "Set subscription_id (or AZURE_SUBSCRIPTION_ID), or subscription_id in the vaults entry.",
            )
        ref = VaultRef(subscription_id=subscription, resource_group=entry["resource_group"], name=entry["name"])
        if any(known.key == ref.key for known in refs):
            raise InputError(
                "vault_ambiguous",
                f"Option vaults lists {ref.name} in resource group {ref.resource_group} twice.",
                "List each vault once.",
            )
        refs.append(ref)
    return tuple(refs)


def azure_account(params: Params) -> AzureAccount:
    """The Azure login from the options."""
    return AzureAccount(
        auth_source=params["auth_source"],
        subscription_id=params.get("subscription_id"),
        tenant=params.get("tenant"),
        client_id=params.get("client_id"),
        secret=params.get("secret"),
        x509_certificate_path=params.get("x509_certificate_path"),
        x509_certificate_password=params.get("x509_certificate_password"),
        federated_token_file=params.get("federated_token_file"),
        cloud_environment=params["cloud_environment"],
        resource_manager_endpoint=params.get("resource_manager_endpoint"),
        authority_host=params.get("authority_host"),
        ca_path=params.get("ca_path"),
        disable_instance_discovery=params.get("disable_instance_discovery"),
    )


def site_account(params: Params) -> SiteAccount | None:
    """The vCenter login, or None without a hostname. Other missing options are reported by the login itself."""
    hostname = params.get("hostname")
    if not hostname:
        return None
    return SiteAccount(
        hostname=hostname,
        username=params.get("username") or "",
        password=params.get("password") or "",
        port=params["port"],
        validate_certs=params["validate_certs"],
        ca_path=params.get("ca_path"),
        proxy_host=params.get("proxy_host"),
        proxy_port=params.get("proxy_port"),
    )


def open_vaults(params: Params, clock: Clock, *, bucket_state: Any = None, read_only: bool = False) -> Vaults:
    """A connection to the service. ``read_only`` (check mode) refuses every write."""
    return connect_azure(azure_account(params), clock=clock, bucket_state=bucket_state, read_only=read_only)


class LateSite:
    """A site that is logged in to when it is first asked.

    Most slices of a long wait have nothing to ask of vCenter, and a log-in costs more than such a slice; so does pyVmomi,
    which is imported then.
    """

    def __init__(
        self, account: SiteAccount, clock: Clock, connect: Callable[[SiteAccount, Clock], Site] | None = None
    ) -> None:
        self._account = account
        self._clock = clock
        self._connect = connect
        self._site: Site | None = None

    def open(self) -> Site:
        """Log in now, so that a wrong option ends the run before anything is written."""
        if self._site is None:
            if self._connect is None:
                from ..vcenter.connection import connect

                self._connect = connect
            self._site = self._connect(self._account, self._clock)
        return self._site

    def machines(
        self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False
    ) -> Sequence[SiteMachine]:
        return self.open().machines(uuids=uuids, names=names, devices=devices)

    def servers(self, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> Sequence[SiteServer]:
        return self.open().servers(names=names, addresses=addresses)

    def survey(self) -> SiteSurvey:
        return self.open().survey()

    def watch(self, moids: Sequence[str], *, mode: str, check: bool, idle: Collection[str] = ()) -> Sequence[VmPlace]:
        return self.open().watch(moids, mode=mode, check=check, idle=idle)

    def close(self) -> None:
        """Log out, if there was a log-in."""
        if self._site is not None:
            self._site.close()
            self._site = None


def late_site(params: Params, clock: Clock) -> LateSite | None:
    """The on-premises site of this run, not logged in to yet; None when no hostname is given."""
    account = site_account(params)
    return None if account is None else LateSite(account, clock)
