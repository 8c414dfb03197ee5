# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain client of the vault stand-in: tokens, ARM calls, the control endpoint, and a trip around the life cycle.

It speaks HTTP only, so that tests see what is on the wire and not what a library makes of it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

API = "2025-08-01"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
AZURE_TO = {"failoverDirection": "PrimaryToRecovery", "providerSpecificDetails": {"instanceType": "InMageAzureV2"}}
HOME_TO = {
    "failoverDirection": "PrimaryToRecovery",
    "providerSpecificDetails": {"instanceType": "InMage", "recoveryPointType": "LatestTime"},
}


class Wire:
    """``told`` is the ready file. One session; counts nothing, retries nothing."""

    def __init__(self, told: dict[str, Any], ca: str, vault: str, group: str = "rg-homeward") -> None:
        self.told = told
        self.url = told["url"]
        self.http = requests.Session()
        self.http.verify = ca
        self.http.trust_env = False
        self.vault = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults/{vault}"
        )
        self.bearer: str | None = None

    # -- plain calls -------------------------------------------------------------------------------------------------

    def token_reply(self, **changes: str) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.told["client_id"],
            "client_secret": self.told["secrets"]["client_secret"],
            "scope": f"{self.url}/.default",
            **changes,
        }
        tenant = form.pop("tenant", self.told["tenant"])
        return self.http.post(f"{self.url}/{tenant}/oauth2/v2.0/token", data=form, timeout=30)

    def login(self) -> None:
        reply = self.token_reply()
        reply.raise_for_status()
        self.bearer = reply.json()["access_token"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """A path below the host (api-version added where there is none), or a whole address."""
        if self.bearer is None:
            self.login()
        url = path if path.startswith("https://") else self.url + path
        if "api-version=" not in url:
            url += ("&" if "?" in url else "?") + f"api-version={API}"
        sent = {"Authorization": f"Bearer {self.bearer}", "x-ms-client-request-id": str(uuid.uuid4()), **headers}
        return self.http.request(method, url, json=body, headers=sent, timeout=60, allow_redirects=False)

    def get(self, path: str) -> Any:
        """The JSON of a resource. A look that the service throttles is repeated when it says so: a busy machine may look often."""
        reply = self.call("GET", path)
        deadline = time.monotonic() + 120.0
        while reply.status_code == 429 and time.monotonic() < deadline:
            time.sleep(float(reply.headers["Retry-After"]))
            reply = self.call("GET", path)
        assert reply.status_code == 200, f"GET {path}: {reply.status_code} {reply.text[:500]}"
        return reply.json()

    def all(self, path: str) -> list[dict[str, Any]]:
        """Every entry of a list, page by page."""
        found, link = [], path
        while link:
            page = self.get(link)
            found += page["value"]
            link = page["nextLink"]
        return found

    def control(self, method: str, path: str, body: Any = None) -> Any:
        reply = requests.request(method, self.told["control"] + path, json=body, timeout=30)
        assert reply.status_code == 200, f"control {path}: {reply.status_code} {reply.text}"
        return reply.json()

    # -- the vault ---------------------------------------------------------------------------------------------------

    def items(self) -> dict[str, dict[str, Any]]:
        return {i["properties"]["friendlyName"]: i for i in self.all(f"{self.vault}/replicationProtectedItems")}

    def item(self, name: str) -> dict[str, Any]:
        """The single item, found by friendly name."""
        return self.get(self.items()[name]["id"])

    def fabric(self) -> dict[str, Any]:
        (found,) = self.all(f"{self.vault}/replicationFabrics")
        return found

    def start(self, item: dict[str, Any], verb: str, properties: dict[str, Any] | None = None) -> requests.Response:
        return self.call("POST", f"{item['id']}/{verb}", {"properties": properties} if properties else None)

    def job(self, reply: requests.Response) -> dict[str, Any]:
        """The job a 202 names, once it has ended."""
        assert reply.status_code == 202, reply.text
        name = urlsplit(reply.headers["Location"]).path.rsplit("/", 1)[-1]
        return self.until(
            lambda: self.get(f"{self.vault}/replicationJobs/{name}"),
            lambda job: job["properties"]["state"] not in ("NotStarted", "InProgress"),
        )

    def run_by_the_minute(self, reply: requests.Response) -> dict[str, Any]:
        """The job a 202 names, once it has ended; the clock is moved by a minute before each look."""

        def look() -> dict[str, Any]:
            self.control("POST", "/clock/advance", {"seconds": 60})
            found: dict[str, Any] = self.get(f"{self.vault}/replicationJobs/{name}")
            return found

        assert reply.status_code == 202, reply.text
        name = urlsplit(reply.headers["Location"]).path.rsplit("/", 1)[-1]
        return dict(self.until(look, lambda job: job["properties"]["state"] not in ("NotStarted", "InProgress")))

    def run(self, item: dict[str, Any], verb: str, properties: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.job(self.start(item, verb, properties))

    def until(self, look: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 120.0) -> Any:
        """Look until it is good; the last look is shown when it never is."""
        deadline = time.monotonic() + seconds
        while True:
            seen = look()
            if good(seen):
                return seen
            assert time.monotonic() < deadline, f"not reached in {seconds} s: {str(seen)[:1500]}"
            time.sleep(0.03)

    def allows(self, item: dict[str, Any], word: str, seconds: float = 120.0) -> dict[str, Any]:
        return self.until(lambda: self.get(item["id"]), lambda i: word in i["properties"]["allowedOperations"], seconds)

    def registered(self, item: dict[str, Any]) -> None:
        """Wait until the agent has reported after the last failover, as a client would see it."""

        def good(seen: dict[str, Any]) -> bool:
            properties = seen["properties"]
            beat = properties["providerSpecificDetails"]["lastHeartbeat"]
            return beat[:19] > properties["lastSuccessfulFailoverTime"][:19]

        self.until(lambda: self.get(item["id"]), good)

    # -- bodies of the reprotects ------------------------------------------------------------------------------------

    def home_body(self, item: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A reprotect to on-premises with the first servers that fit."""
        details = self.fabric()["properties"]["customDetails"]
        system = self.get(item["id"])["properties"]["providerSpecificDetails"]["osType"]
        target = next(t for t in details["masterTargetServers"] if t["osType"] == system)
        policies = self.all(f"{self.vault}/replicationPolicies")
        policy = next(p for p in policies if p["properties"]["providerSpecificDetails"]["instanceType"] == "InMage")
        wanted = {
            "instanceType": "InMage",
            "masterTargetId": target["id"],
            "processServerId": details["processServers"][0]["id"],
            "retentionDrive": target["retentionVolumes"][0]["volumeName"],
            "profileId": policy["id"],
            "runAsAccountId": "1",
            "datastoreName": "datastore-1",
            "diskExclusionInput": {
                "volumeOptions": [{"volumeLabel": "Temporary Storage", "onlyExcludeIfSingleVolume": "Yes"}]
            },
            **changes,
        }
        return {
            "failoverDirection": "RecoveryToPrimary",
            "providerSpecificDetails": {k: v for k, v in wanted.items() if v is not None},
        }

    def azure_body(self) -> dict[str, Any]:
        details = self.fabric()["properties"]["customDetails"]
        server = next(s for s in details["processServers"] if s["friendlyName"] == details["hostName"])
        return {
            "failoverDirection": "RecoveryToPrimary",
            "providerSpecificDetails": {
                "instanceType": "InMageAzureV2",
                "processServerId": server["id"],
                "masterTargetId": server["id"],
                "runAsAccountId": "1",
            },
        }

    # -- the journey ----------------------------------------------------------------------------------------------------

    def to_azure(self, item: dict[str, Any], operations: str = "Required") -> None:
        self.good(self.run(item, "unplannedFailover", {**AZURE_TO, "sourceSiteOperations": operations}))
        self.good(self.run(item, "failoverCommit"))

    def to_ready(self, item: dict[str, Any]) -> None:
        self.registered(item)
        self.good(self.run(item, "reProtect", self.home_body(item)))
        self.allows(item, "UnplannedFailover")

    def to_home(self, item: dict[str, Any], operations: str = "Required") -> None:
        self.good(self.run(item, "unplannedFailover", {**HOME_TO, "sourceSiteOperations": operations}))
        self.good(self.run(item, "failoverCommit"))

    def protect_again(self, item: dict[str, Any]) -> None:
        self.registered(item)
        self.good(self.run(item, "reProtect", self.azure_body()))
        self.allows(item, "UnplannedFailover")

    @staticmethod
    def good(job: dict[str, Any]) -> dict[str, Any]:
        state = job["properties"]["state"]
        assert state in ("Succeeded", "CompletedWithInformation"), job["properties"]["errors"]
        return job


def provider_error(job: dict[str, Any]) -> dict[str, Any]:
    """The provider's part of a failed job's first error."""
    assert job["properties"]["state"] == "Failed", job["properties"]["state"]
    return job["properties"]["errors"][0]["providerErrorDetails"]
