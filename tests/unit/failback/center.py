# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules of readiness read: a vault with Azure's other resources, and a vCenter with hosts and datastores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from builders import FABRIC_ID, START, P, fabric_json, target_json, text
from world import Port, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import ReadFailed
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import (
    SiteServer,
    VmChange,
    VmPlace,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.site_ports import (
    DatastoreMount,
    SiteDatastore,
    SiteHost,
    SiteSurvey,
)

FRESH = text(START - timedelta(minutes=10))
GATEWAYS = ("mt-win",)


class Resources(Port):
    """The vault with Azure's other resources, of which there are none."""

    broken: frozenset[str] = frozenset()

    def list_resources(self, resource_id: str, **query: str) -> list[dict[str, Any]]:
        self._read("list_resources")
        return []

    def list_vcenters(self, vault: Any) -> list[dict[str, Any]]:
        if "vcenters" in self.broken:
            raise ReadFailed("answer_cut", "The list of vCenters was cut.", "Run it again.")
        super().list_vcenters(vault)
        told = {"friendlyName": "vc", "discoveryStatus": "Discovered"}
        return [{"id": f"{FABRIC_ID}/replicationvCenters/vc", "properties": told}]


class Center:
    """vCenter with a VM for each machine and master target."""

    def __init__(self, names: Iterable[str], **targets: Any) -> None:
        self.calls: Counter[str] = Counter()
        common: dict[str, Any] = {"host": "esx-1", "datastores": ("ds1",), "extra_config": {"disk.EnableUUID": "TRUE"}}
        self.vms = [SiteServer(f"vm-{n}", n, uuid=f"uuid-{n}", powered_on=False, **common) for n in names]
        self.targets = [
            SiteServer(f"vm-{n}", n, uuid=f"mt-{n}", powered_on=True, tools_running=True, **{**common, **targets})
            for n in GATEWAYS
        ]

    def machines(self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False) -> list[SiteServer]:
        self.calls["machines"] += 1
        wanted, called = set(uuids), set(names)
        return [vm for vm in self.vms if vm.uuid in wanted or vm.name in called]

    def servers(self, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> list[SiteServer]:
        self.calls["servers"] += 1
        return self.targets

    def survey(self) -> SiteSurvey:
        self.calls["survey"] += 1
        store = SiteDatastore("ds1", mounts={"esx-1": DatastoreMount()}, free_bytes=1 << 42)
        host = SiteHost("esx-1", cluster="c1", memory_mb=1 << 20, memory_used_mb=1024)
        return SiteSurvey({"esx-1": host}, {"ds1": (store,)}, START)

    def watch(self, moids: Iterable[str], *, mode: str, check: bool, idle: Iterable[str] = ()) -> list[VmPlace]:
        assert (mode, check) == ("look", True)
        self.calls["watch"] += 1
        return [VmPlace(moid, moid) for moid in moids]

    def set_excluded(self, moids: Iterable[str], *, excluded: bool, check: bool) -> list[VmChange]:
        assert check, "preflight writes nothing"
        self.calls["set_excluded"] += 1
        return [VmChange(moid, moid, "excluded", "excluded") for moid in moids]


def world(position: P = P.OUT, number: int = 2) -> World:
    target = target_json(lastHeartbeat=FRESH, versionStatus="Supported")
    server = {
        "id": "id-ps", "friendlyName": "ps-1", "ipAddress": "10.50.0.4", "lastHeartbeat": FRESH,
        "psServiceStatus": "Running", "health": "Normal",
    }  # fmt: skip
    fabric = fabric_json([target], processServers=[server], csServiceStatus="Running", lastHeartbeat=FRESH)
    told = {"lastHeartbeat": FRESH, "consistencyPoints": {"Tag": FRESH}}
    return World(fabric=fabric).add(*names(number), position=position, details=told)


def names(number: int = 2) -> list[str]:
    return [f"m-{n:03d}" for n in range(number)]
