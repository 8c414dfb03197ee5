# SPDX-License-Identifier: GPL-3.0-or-later
"""The Site Recovery service and the Azure machines beside it, as the domain's ``VaultPort``."""

from __future__ import annotations

import random as randomness
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..failback.model.errors import FailbackError
from ..failback.model.items import Json, VaultRef, last_segment
from ..failback.model.ports import Clock, Requests, Sent
from . import credential, failures, sdk
from .credential import AzureAccount
from .pacing import WRITE_CAPACITY
from .paging import collect
from .shared import seconds
from .tokens import Tokens
from .transport import TIMEOUTS, Transport

#: API versions by resource provider. Site Recovery's is the one SDK 2.0.0 speaks (RUN, asr-api.md section 6).
SITE_RECOVERY_API = "2025-08-01"
VAULT_API = "2024-04-01"
COMPUTE_API = "2024-07-01"
DISKS_API = "2023-10-02"
SKUS_API = "2021-07-01"
NETWORK_API = "2023-11-01"
DEPLOYMENTS_API = "2022-09-01"
LOCKS_API = "2016-09-01"

#: Number of polls for the answer of a what-if, and the seconds between them (one takes seconds, DOC).
ANSWER_LOOKS, ANSWER_PAUSE = 60, 2.0

#: Maximum seconds between two polls of the vault that the service may request.
SHORTEST_PACE, LONGEST_PACE = 1.0, 300.0

_JOB = re.compile(r"/(?:operationresults|replicationOperationStatus|replicationJobs)/([^/?]+)", re.IGNORECASE)


def job_name(headers: Mapping[str, str]) -> str | None:
    """The job of an accepted operation: the GUID in Location, or in Azure-AsyncOperation (SEEN FO, FB, RP1, RP2).

    x-ms-request-id is not used: for fabric operations it names something else (SEEN PS).
    """
    for header in ("location", "azure-asyncoperation"):
        found = _JOB.search(headers.get(header, ""))
        if found:
            return found.group(1)
    return None


def api_version(resource_id: str) -> str:
    """The API version for the type of ``resource_id``."""
    text = resource_id.lower()
    if re.search("/providers/microsoft.compute/(disks|snapshots)", text):
        return DISKS_API
    if "/providers/microsoft.compute/skus" in text:
        return SKUS_API
    if "/providers/microsoft.compute/" in text:
        return COMPUTE_API
    if "/providers/microsoft.network/" in text:
        return NETWORK_API
    if "/providers/microsoft.authorization/locks" in text:
        return LOCKS_API
    if "/providers/microsoft.resources/" in text or re.fullmatch(r"/?subscriptions/[^/]+/resourcegroups/[^/]+/?", text):
        return DEPLOYMENTS_API
    if re.search(r"/providers/microsoft\.recoveryservices/vaults(/[^/]+)?/?$", text):
        return VAULT_API
    return SITE_RECOVERY_API


class Vaults:
    """Any number of vaults through one credential and one set of connections; ``VaultPort`` says what methods mean.

    Operations are sent by the SDK's operation groups. Answers are the service's JSON as it came (wire names), read without
    the SDK's models: those cost CPU for lists of a thousand machines, and drop parts of error answers (RUN).
    """

    def __init__(self, transport: Transport, read_only: bool = False) -> None:
        self.requests: Requests = transport.requests
        self._transport = transport
        self._read_only = read_only
        #: Names of what was listed, by id in lower case: ids of machines and configuration servers are GUIDs and hashes.
        self._names: dict[str, str] = {}

    @property
    def now(self) -> datetime:
        return self._transport.now

    @property
    def deadline(self) -> float | None:
        """The time of ``clock.monotonic`` that no pause may pass."""
        return self._transport.deadline

    @deadline.setter
    def deadline(self, value: float | None) -> None:
        self._transport.deadline = value

    @property
    def bucket_state(self) -> dict[str, dict[str, dict[str, float]]]:
        """The token buckets as plain numbers, for ``connect(bucket_state=...)`` of the next process."""
        return self._transport.export()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _list(self, resource_id: str, what: str, **query: str) -> list[Json]:
        version = query.pop("version", SITE_RECOVERY_API)
        wanted = {"api-version": version, **{k.replace("odata_", "$"): v for k, v in query.items()}}
        first = self._transport.url(resource_id, wanted)
        return collect(lambda url: self._transport.read(url, what), first, self._transport.endpoint, what)

    def _known(self, entries: list[Json]) -> list[Json]:
        """Entries of a list; their names are kept for messages."""
        for entry in entries:
            props = entry.get("properties") if isinstance(entry, dict) else None
            name = props.get("friendlyName") if isinstance(props, dict) else None
            if isinstance(name, str) and name:
                self._names[str(entry.get("id") or "").lower()] = name
        return entries

    def _called(self, resource_id: str) -> str:
        """What users call a resource: its name where it was listed, else the last part of its id."""
        return self._names.get(resource_id.lower()) or last_segment(resource_id)

    def _what(self, resource_id: str) -> str:
        """A resource in a message."""
        if resource_id.lower() in self._names:
            kind = "the machine" if "/replicationprotecteditems/" in resource_id.lower() else "the configuration server"
            return f"{kind} '{self._called(resource_id)}'"
        return f"{last_segment(resource_id.rpartition('/')[0]) or 'resource'} '{last_segment(resource_id)}'"

    def list_items(self, vault: VaultRef) -> list[Json]:
        return self._known(
            self._list(f"{vault.id}/replicationProtectedItems", f"the list of replicated items of vault '{vault.name}'")
        )

    def get_item(self, item_id: str) -> Json:
        return self.get(item_id)

    def list_recovery_points(self, item_id: str) -> list[Json]:
        return self._list(f"{item_id}/recoveryPoints", f"the recovery points of '{self._called(item_id)}'")

    def list_fabrics(self, vault: VaultRef) -> list[Json]:
        return self._known(self._list(f"{vault.id}/replicationFabrics", f"the list of fabrics of vault '{vault.name}'"))

    def get_fabric(self, fabric_id: str) -> Json:
        return self.get(fabric_id)

    def list_policies(self, vault: VaultRef) -> list[Json]:
        return self._list(f"{vault.id}/replicationPolicies", f"the list of policies of vault '{vault.name}'")

    def list_recovery_plans(self, vault: VaultRef) -> list[Json]:
        return self._list(f"{vault.id}/replicationRecoveryPlans", f"the list of recovery plans of vault '{vault.name}'")

    def list_vcenters(self, vault: VaultRef) -> list[Json]:
        return self._list(f"{vault.id}/replicationvCenters", f"the list of vCenters of vault '{vault.name}'")

    def list_providers(self, vault: VaultRef) -> list[Json]:
        """The vault's providers (configuration servers' and appliances' own part) of all fabrics."""
        return self._list(
            f"{vault.id}/replicationRecoveryServicesProviders", f"the list of providers of vault '{vault.name}'"
        )

    def list_jobs(self, vault: VaultRef, odata_filter: str | None = None) -> list[Json]:
        query = {"odata_filter": odata_filter} if odata_filter else {}
        return self._list(f"{vault.id}/replicationJobs", f"the list of jobs of vault '{vault.name}'", **query)

    def get_job(self, vault: VaultRef, name: str) -> Json:
        what = f"job '{name}' of vault '{vault.name}'"
        url = self._transport.url(f"{vault.id}/replicationJobs/{name}", {"api-version": SITE_RECOVERY_API})
        return self._transport.read(url, what)

    def list_azure_machines(self, subscription_id: str) -> list[Json]:
        return self._list(
            f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines",
            f"the list of Azure machines of subscription '{subscription_id}'",
            version=COMPUTE_API,
            statusOnly="true",
        )

    def get_azure_machine(self, vm_id: str) -> Json:
        return self.get_with(vm_id, odata_expand="instanceView")

    def get(self, resource_id: str, version: str | None = None) -> Json:
        """Any resource by its id, as the service sends it."""
        what = self._what(resource_id)
        url = self._transport.url(resource_id, {"api-version": version or api_version(resource_id)})
        return self._transport.read(url, what)

    def list_resources(self, resource_id: str, **query: str) -> list[Json]:
        """A list of any provider, by its path."""
        what = f"the list {last_segment(resource_id)}"
        return self._list(resource_id, what, version=api_version(resource_id), **query)

    def get_with(self, resource_id: str, **query: str) -> Json:
        """A resource or a question in a path, with further query parameters."""
        what = self._what(resource_id)
        wanted = {"api-version": api_version(resource_id), **{k.replace("odata_", "$"): v for k, v in query.items()}}
        return self._transport.read(self._transport.url(resource_id, wanted), what)

    def put(self, resource_id: str, body: Json) -> None:
        """Make or change a resource. Raises Rejected or Unknown."""
        self._change("PUT", resource_id, body)

    def delete(self, resource_id: str) -> None:
        """Have a resource removed; one that is not there is fine. Raises Rejected or Unknown."""
        self._change("DELETE", resource_id, None)

    def _change(self, method: str, resource_id: str, body: Json | None) -> None:
        what = f"{method} of '{last_segment(resource_id)}'"
        self._refuse_in_check(what)
        url = self._transport.url(resource_id, {"api-version": api_version(resource_id)})
        self._transport.write(url, body, what, method)

    def ask(self, resource_id: str, operation: str, body: Json) -> Json:
        """POST that changes nothing (validate, whatIf), also in check mode; an answer that takes time is waited for."""
        what = f"{operation} of '{self._called(resource_id)}'"
        url = self._transport.url(f"{resource_id}/{operation}", {"api-version": api_version(resource_id)})
        reply = self._transport.write(url, body, what, changes=False)
        if reply.status != 202:
            return failures.answer_of(reply, failures.RequestName(what, resource_id))
        link = reply.headers.get("location") or reply.headers.get("azure-asyncoperation", "")
        for look in range(ANSWER_LOOKS):
            if look:
                self._transport.pause(ANSWER_PAUSE)
            found = self._transport.read(link, what, pending=True)
            if found and found.get("status", "Succeeded") not in ("Running", "Accepted"):
                return found
        raise failures.read_unusable(failures.RequestName(what, resource_id), "it did not arrive in time")

    def run_script(self, vm_id: str, body: Json) -> Json:
        """Azure's Run Command in a VM."""
        self._refuse_in_check(f"a script for '{self._called(vm_id)}'")
        return self.ask(vm_id, "runCommand", body)

    def get_vault(self, vault: VaultRef) -> Json:
        """The vault itself; NotFound names what of it is wrong (subscription, resource group or name)."""
        return self.get(vault.id)

    def act(self, resource_id: str, operation: str, body: Json | None) -> Sent:
        what = f"{operation} of '{self._called(resource_id)}'"
        self._refuse_in_check(what)
        reply = self._transport.act(resource_id, operation, api_version(resource_id), body, what)
        job = job_name(reply.headers)
        if job is None:
            why = f"its answer (HTTP {reply.status}) contains no job{failures.begins(reply.body)}"
            raise failures.write_unknown(failures.RequestName(what, resource_id), why, reply.status)
        pace = seconds(reply.headers.get("retry-after"), None, reply.headers.get("date"))
        return Sent(job, None if pace is None else min(LONGEST_PACE, max(SHORTEST_PACE, pace)))

    def _refuse_in_check(self, what: str) -> None:
        if self._read_only:
            raise FailbackError(
                "read_only",
                f"{what} was not sent: this connection is read-only.",
                "Run without check mode to make changes.",
            )

    def write_tokens(self) -> int:
        """Of several subscriptions, the count of the one with the fewest tokens."""
        return min((bucket.tokens() for bucket in self._transport.write_buckets()), default=WRITE_CAPACITY)


def connect(
    account: AzureAccount,
    *,
    clock: Clock,
    deadline: float | None = None,
    bucket_state: Mapping[str, Any] | None = None,
    read_only: bool = False,
    random: Callable[[], float] = randomness.random,
    wall: Callable[[], float] = time.time,
    timeouts: tuple[float, float] = TIMEOUTS,
) -> Vaults:
    """Vaults as ``account`` sees them. Checks the options and loads the SDK; nothing is sent before the first read.

    ``deadline`` is a time of ``clock.monotonic`` that no pause between attempts may pass; ``bucket_state`` is what
    ``Vaults.bucket_state`` gave in an earlier process; with ``read_only`` (check mode) every write is refused.
    ``timeouts`` are the seconds to wait for a connection and for the next bytes of an answer.
    Raises InputError (an option) or FailbackError ``sdk_missing`` / ``sdk_too_old``.
    """
    source, cloud = credential.check(account)
    sdk.demand_site_recovery()
    tokens = Tokens(account, source, cloud, clock.monotonic, wall)
    tokens.prepare()
    transport = Transport(account, cloud, tokens, clock, random, deadline, timeouts, wall)
    transport.restore(bucket_state)
    return Vaults(transport, read_only)
