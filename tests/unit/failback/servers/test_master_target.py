# SPDX-License-Identifier: GPL-3.0-or-later
"""Master targets: found, judged, prepared, waited for. Tables for the judgement, slices over ports kept in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError, Unknown
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, Requests, Sent, SiteDisk
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import (
    SiteServer,
    VmChange,
    VmPlace,
    short_name,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import (
    Fabric,
    MasterTarget,
    RetentionVolume,
    ServerDatastore,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers import by_name, health, target_vm
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.master_target import ensure_master_target
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.targets import MasterTargetOrder

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
VAULT = VaultRef("sub", "rg", "vault-1")
FABRIC_ID = f"{VAULT.id}/replicationFabrics/f1"
FABRIC = Fabric(FABRIC_ID, "f1", "CS-01", VAULT, "VMware", service_status="Running", heartbeat=NOW)
MT = MasterTarget(
    id="MT-1",
    name="mt-linux-01",
    os_type="Linux",
    ip="10.20.1.10",
    version_status="Supported",
    heartbeat=NOW - timedelta(minutes=11),
    disk_count=2,
    retention_volumes=(RetentionVolume("/mnt/retention"),),
    datastores=(ServerDatastore("datastore-1"), ServerDatastore("datastore-2")),
)
VM = SiteServer(
    moid="vm-1",
    name="mt-linux-01",
    powered_on=True,
    tools_running=True,
    controllers=("lsilogic",),
    disks=(SiteDisk("[d] a.vmdk", controller="lsilogic"), SiteDisk("[d] b.vmdk", controller="lsilogic")),
    extra_config={"disk.EnableUUID": "TRUE"},
    addresses=("10.20.1.10",),
)


def codes(
    server: MasterTarget = MT, vms: Sequence[SiteServer] | None = (VM,), fabric: Fabric = FABRIC, **wanted: Any
) -> list[str]:
    verdict = health.judge_master_target(server, fabric, NOW, vms=vms, **wanted)
    for reason in verdict.reasons:
        assert reason.reason.endswith((".", "full"))
        assert reason.remedy
    return [f"{r.code}{'+' if r.waits else ''}" for r in verdict.reasons]


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ({}, []),
        ({"heartbeat": NOW - timedelta(minutes=19)}, []),
        ({"heartbeat": NOW - timedelta(minutes=21)}, ["no_heartbeat+"]),
        ({"heartbeat": None}, ["no_heartbeat+"]),
        ({"version_status": "NotSupported"}, ["version_not_supported"]),
        ({"version_status": "UpdateRequired"}, []),
        ({"version_status": "a word never heard"}, []),
        ({"problems": ("It does not answer.",)}, ["unhealthy+"]),
        ({"retention_volumes": ()}, ["no_retention_volume+"]),
        ({"retention_volumes": (RetentionVolume("R"), RetentionVolume("S"))}, ["retention_volume_ambiguous"]),
        ({"datastores": ()}, ["no_datastores+"]),
        ({"disk_count": 59}, []),
        ({"disk_count": 60}, ["disk_slots_full"]),
    ],
)
def test_what_the_vault_says(server: dict[str, Any], expected: list[str]) -> None:
    assert codes(replace(MT, **server)) == expected


@pytest.mark.parametrize(
    ("vm", "expected"),
    [
        ({"has_snapshot": True}, ["has_snapshot"]),
        ({"controllers": ("lsilogic", "pvscsi")}, ["controller_not_lsi"]),
        ({"disks": (SiteDisk("[d] a.vmdk", controller="nvme"),)}, ["controller_not_lsi"]),
        ({"controllers": ("lsilogic-sas",)}, []),
        ({"extra_config": {}}, ["uuid_not_enabled"]),
        ({"extra_config": {"disk.enableuuid": "true"}}, []),
        ({"tools_running": False}, ["tools_not_running+"]),
        ({"powered_on": False, "tools_running": False}, ["powered_off"]),
        ({"disks": tuple(SiteDisk(f"[d] {n}.vmdk", controller="lsilogic") for n in range(60))}, ["disk_slots_full"]),
    ],
)
def test_what_vcenter_says(vm: dict[str, Any], expected: list[str]) -> None:
    assert codes(vms=(replace(VM, **vm),)) == expected


def test_what_is_named_must_be_there() -> None:
    assert codes(retention_volume="/mnt/retention", datastores=("DATASTORE-2",)) == []
    assert codes(retention_volume="R", datastores=("datastore-2", "nfs")) == [
        "retention_volume_not_found+",
        "datastore_not_found+",
    ]
    windows = replace(MT, retention_volumes=(RetentionVolume("R"), RetentionVolume("S")))
    assert codes(windows, retention_volume="r:\\") == []


def test_a_silent_configuration_server_blocks_its_servers() -> None:
    stopped = replace(FABRIC, service_status="Stopped")
    silent = replace(FABRIC, heartbeat=NOW - timedelta(hours=1))
    assert codes(fabric=stopped) == codes(fabric=silent) == ["configuration_server_silent+"]


@pytest.mark.parametrize(
    ("vms", "expected"),
    [
        ((), "vm_not_found"),
        ((replace(VM, name="other", addresses=()),), "vm_not_found"),
        ((VM,), "vm-1"),
        ((replace(VM, name="MT-Linux-01.example.org", addresses=()),), "vm-1"),
        ((replace(VM, name="renamed", host_name="mt-linux-01", addresses=()),), "vm-1"),
        ((replace(VM, name="renamed"),), "vm-1"),
        ((VM, replace(VM, moid="vm-2", addresses=("10.9.9.9",))), "vm-1"),
        ((replace(VM, addresses=()), replace(VM, moid="vm-2", addresses=())), "vm_ambiguous"),
        # A stray with the address, and the one with the name: the name decides.
        ((replace(VM, addresses=()), replace(VM, moid="vm-2", name="stray")), "vm-1"),
    ],
)
def test_exactly_one_vm(vms: tuple[SiteServer, ...], expected: str) -> None:
    found = target_vm.match_vm(MT, vms)
    assert (found.moid if isinstance(found, SiteServer) else found.code) == expected


def test_servers_are_found_by_name_address_and_id() -> None:
    twin = replace(MT, id="MT-2", name="mt-linux-01.other.org", ip="10.20.1.11")
    known = [(FABRIC, MT), (FABRIC, twin)]
    for wanted, server in (("MT-linux-01", MT), ("10.20.1.11", twin), ("mt-2", twin)):
        found = by_name.find_server(wanted, known, "master target", "names")
        assert found is not None
        assert found[1] is server
    assert by_name.find_server("nobody", known, "master target", "names") is None
    with pytest.raises(InputError) as caught:
        by_name.find_server("mt-linux-01.third.org", known, "master target", "names")
    assert caught.value.code == "master_target_ambiguous"
    assert "MT-1" in caught.value.message


def test_names_are_compared_without_domain_and_addresses_whole() -> None:
    assert short_name("MT-01.example.org") == short_name("mt-01")
    assert short_name("10.20.1.10") != short_name("10.20.1.11")


# slices


def fabric_json(*servers: MasterTarget, heartbeat: datetime = NOW) -> dict[str, Any]:
    return {
        "id": FABRIC_ID,
        "name": "f1",
        "properties": {
            "friendlyName": "CS-01",
            "customDetails": {
                "instanceType": "VMware",
                "csServiceStatus": "Running",
                "lastHeartbeat": heartbeat.isoformat(),
                "masterTargetServers": [
                    {
                        "id": s.id,
                        "name": s.name,
                        "osType": s.os_type,
                        "ipAddress": s.ip,
                        "versionStatus": s.version_status,
                        "lastHeartbeat": s.heartbeat.isoformat() if s.heartbeat else None,
                        "diskCount": s.disk_count,
                        "retentionVolumes": [{"volumeName": v.name} for v in s.retention_volumes],
                        "dataStores": [{"symbolicName": d.name} for d in s.datastores],
                    }
                    for s in servers
                ],
            },
        },
    }


def item_json(
    name: str,
    instance: str = "InMageAzureV2",
    location: str = "Recovery",
    allowed: Sequence[str] = ("SwitchProtection",),
    **details: Any,
) -> dict[str, Any]:
    return {
        "id": f"{FABRIC_ID}/replicationProtectionContainers/c1/replicationProtectedItems/{name}",
        "name": name,
        "properties": {
            "friendlyName": name,
            "activeLocation": location,
            "allowedOperations": list(allowed),
            "providerSpecificDetails": {
                "instanceType": instance,
                "infrastructureVmId": f"uuid-{name}",
                "osType": "Linux",
                **details,
            },
        },
    }


@dataclass
class Vaults:
    """A vault kept in memory. ``script`` gives each look its own fabric; the last one stays."""

    script: list[dict[str, Any]]
    items: list[dict[str, Any]] = field(default_factory=list)
    providers: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = NOW
    requests: Requests = field(default_factory=Requests)
    acted: list[tuple[str, str, Any]] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def list_fabrics(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return [self.script.pop(0) if len(self.script) > 1 else self.script[0]]

    def get_fabric(self, fabric_id: str) -> Any:
        self.requests.reads += 1
        return self.script[0]

    def list_items(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return self.items

    def list_providers(self, vault: VaultRef) -> list[Any]:
        self.requests.reads += 1
        return self.providers

    def act(self, resource_id: str, operation: str, body: Any) -> Sent:
        self.requests.writes += 1
        self.acted.append((resource_id, operation, body))
        if self.fails:
            raise self.fails.pop(0)
        return Sent("job-1")


@dataclass
class Site:
    """A vCenter kept in memory: remembers what was asked of it."""

    vms: list[SiteServer]
    place: VmPlace = field(default_factory=lambda: VmPlace("", ""))
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def servers(self, names: Any = (), addresses: Any = ()) -> list[SiteServer]:
        wanted = {short_name(n) for n in names}
        return [v for v in self.vms if short_name(v.name) in wanted or set(v.addresses) & set(addresses)]

    def machines(self, uuids: Any = (), names: Any = (), devices: bool = False) -> list[SiteServer]:
        return [v for v in self.vms if v.uuid in set(uuids) or v.connection == "inaccessible"]

    def enable_uuid(
        self, moids: Any, *, power_off: bool, guest_timeout: float, budget: float, check: bool
    ) -> list[VmChange]:
        self.asked.append(("enable_uuid", tuple(moids), power_off, check))
        changes = []
        for index, vm in enumerate(self.vms):
            if vm.moid not in moids:
                continue
            if vm.uuid_enabled:
                changes.append(VmChange(vm.moid, vm.name, "TRUE", "TRUE"))
            elif vm.powered_on and not power_off:
                changes.append(
                    VmChange(
                        vm.moid, vm.name, "not TRUE", "not TRUE", refusal=Refusal("power_off_needed", "On.", "Off.")
                    )
                )
            else:
                if not check:
                    self.vms[index] = replace(vm, extra_config={"disk.EnableUUID": "TRUE"})
                changes.append(VmChange(vm.moid, vm.name, "not TRUE", "TRUE", changed=True))
        return changes

    def set_excluded(self, moids: Any, *, excluded: bool, check: bool) -> list[VmChange]:
        self.asked.append(("set_excluded", tuple(moids), excluded, check))
        return [VmChange(m, m, "free", "excluded", changed=True, details={"drs": "excluded"}) for m in moids]

    def watch(self, moids: Any, *, mode: str, check: bool, idle: Any = ()) -> list[VmPlace]:
        self.asked.append(("watch", tuple(moids), mode, check))
        return [replace(self.place, moid=m, name=m) for m in moids]

    def set_pinned(self, moids: Any, *, pinned: bool, check: bool) -> list[VmChange]:
        self.asked.append(("set_pinned", tuple(moids), pinned, check))
        return [VmChange(m, m, "free", "pinned" if pinned else "free", changed=pinned) for m in moids]


@dataclass
class Time:
    """A clock that only sleeping moves, and the vault's own clock with it."""

    vaults: Vaults
    value: float = 0.0

    def clock(self) -> Clock:
        def sleep(seconds: float) -> None:
            self.value += seconds
            self.vaults.now += timedelta(seconds=seconds)

        return Clock(lambda: self.value, sleep)


ORDER = MasterTargetOrder(vaults=(VAULT,), enable_uuid=False)


def run(order: MasterTargetOrder, vaults: Vaults, site: Site | None = None, cursor: Any = None) -> dict[str, Any]:
    result = ensure_master_target(order, vaults, site, Time(vaults).clock(), cursor)  # type: ignore[arg-type]
    json.dumps(result)
    return result


def entry(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(e for e in result["machines"] if e["name"] == name)


def test_a_ready_server_needs_nothing() -> None:
    vaults = Vaults([fabric_json(MT)])
    result = run(replace(ORDER, names=("MT-1",)), vaults, Site([VM]))
    assert (result["finished"], result["changed"]) == (True, False)
    assert entry(result, "mt-linux-01")["done"] == "unchanged"
    facts = result["master_targets"][0]
    assert facts["ready"]
    assert facts["disk_slots_free"] == 58
    assert facts["vm"]["moid"] == "vm-1"
    assert (facts["heartbeat"], facts["heartbeat_age_seconds"]) == ("2026-02-03T03:54:06Z", 660)
    assert vaults.acted == []


@pytest.mark.parametrize(
    ("order", "code", "named"),
    [
        ({"names": ("nobody",)}, "master_target_not_found", "mt-linux-01"),
        ({"enable_uuid": True}, "vcenter_missing", "`hostname`"),
        ({"vmotion_exclusion": "excluded"}, "vcenter_missing", "`{set:vmotion_exclusion=excluded}`"),
    ],
)
def test_an_order_that_cannot_be_carried_out(order: dict[str, Any], code: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        run(replace(ORDER, **order), Vaults([fabric_json(MT)]))
    assert caught.value.code == code
    assert named in caught.value.sentence()


def test_a_vault_without_a_configuration_server_is_refused() -> None:
    modern = {"id": "x", "properties": {"customDetails": {"instanceType": "InMageRcm"}}}
    with pytest.raises(InputError) as caught:
        run(ORDER, Vaults([modern]))
    assert caught.value.code == "no_configuration_server"
    assert "vault-1" in caught.value.message


def test_a_registration_is_waited_for_when_asked() -> None:
    vaults = Vaults([fabric_json(), fabric_json(), fabric_json(MT)])
    result = run(replace(ORDER, names=("mt-linux-01",), await_registration=True), vaults)
    assert result["finished"]
    assert entry(result, "mt-linux-01")["done"] == "unchanged"
    assert vaults.requests.reads == 3


def test_what_time_can_heal_is_waited_out_and_then_refused() -> None:
    stale = replace(MT, heartbeat=NOW - timedelta(hours=2))
    vaults = Vaults([fabric_json(stale)])
    result = run(ORDER, vaults)
    assert not result["finished"]
    assert entry(result, "mt-linux-01")["done"] == "waiting"
    assert result["progress"]["running"] == 1
    assert result["progress"]["waiting_for"] == "no_heartbeat"
    vaults.now += timedelta(seconds=1300)
    late = run(ORDER, vaults, cursor=result["cursor"])
    assert late["finished"]
    assert entry(late, "mt-linux-01")["done"] == "refused"
    assert late["requests"]["reads"] == vaults.requests.reads + result["requests"]["reads"]
    # Without the cursor the wait starts again; nothing else is lost.
    assert not run(ORDER, vaults)["finished"]


def test_what_only_people_can_fix_is_refused_at_once() -> None:
    vaults = Vaults([fabric_json(MT)])
    result = run(ORDER, vaults, Site([replace(VM, has_snapshot=True)]))
    refused = entry(result, "mt-linux-01")
    assert (result["finished"], refused["done"], refused["code"]) == (True, "refused", "has_snapshot")
    registered = run(replace(ORDER, state="registered"), vaults, Site([replace(VM, has_snapshot=True)]))
    assert entry(registered, "mt-linux-01")["done"] == "unchanged"
    assert "snapshot" in entry(registered, "mt-linux-01")["warnings"][0]["message"]


def test_one_bad_server_does_not_stop_the_others() -> None:
    other = replace(MT, id="MT-2", name="mt-2", ip="10.20.1.11", datastores=())
    site = Site([VM, replace(VM, moid="vm-2", name="mt-2", addresses=("10.20.1.11",))])
    result = run(replace(ORDER, vmotion_exclusion="excluded", ready_timeout=0), Vaults([fabric_json(MT, other)]), site)
    assert entry(result, "mt-linux-01")["done"] == "started"
    assert entry(result, "mt-2")["done"] in ("waiting", "refused")


def test_uuid_is_set_on_the_servers_and_on_machines_that_are_away() -> None:
    plain = replace(VM, extra_config={}, powered_on=False)
    vms = [replace(plain, moid=f"vm-{n}", name=n, uuid=f"uuid-{n}", addresses=()) for n in ("away", "home", "coming")]
    items = [
        item_json("away"),
        item_json("home", location="Primary", allowed=("UnplannedFailover",)),
        item_json("coming", instance="InMage", location="Primary", allowed=()),
        item_json("gone", infrastructureVmId="uuid-gone"),
        item_json("metal", infrastructureVmId=None),
    ]
    site = Site([VM, *vms])
    order = replace(ORDER, enable_uuid=True, machines=("all",))
    predicted = run(replace(order, check=True), Vaults([fabric_json(MT)], items), site)
    assert not any(v.uuid_enabled for v in site.vms[1:])
    result = run(order, Vaults([fabric_json(MT)], items), site)
    assert [e["changed"] for e in predicted["machines"]] == [e["changed"] for e in result["machines"]]
    assert [e["after"] for e in predicted["machines"]] == [e["after"] for e in result["machines"]]
    done = {e["name"]: (e["done"], e["after"].get("disk_uuid")) for e in result["machines"] if e["role"] == "machine"}
    assert done == {
        "away": ("started", "TRUE"),
        "home": ("unchanged", None),
        "coming": ("unchanged", None),
        "gone": ("unchanged", None),
        "metal": ("unchanged", None),
    }
    reasons = {name: entry(result, name)["reason"] for name in ("home", "coming", "gone", "metal")}
    assert reasons["home"] == "Skipped: on-premises, protected to Azure."
    assert reasons["coming"] == "Skipped: synchronizing to on-premises."
    assert "no longer exists" in reasons["gone"]
    assert "physical server" in reasons["metal"]
    assert entry(result, "away")["before"] == {"disk_uuid": "not TRUE"}
    assert [v.name for v in site.vms if v.uuid_enabled] == ["mt-linux-01", "away"]


def test_a_machine_out_of_sight_is_not_called_gone() -> None:
    """Inaccessible, under a silent host, or perhaps one of those that vCenter cannot read: not gone, and left alone."""
    silent = replace(VM, moid="vm-2", name="silent", uuid="uuid-silent", extra_config={}, powered_on=False)
    silent = replace(silent, host="esx-03", host_connection="notResponding")
    blank = replace(silent, moid="vm-3", name="blank", uuid="", connection="inaccessible")
    items = [
        item_json("silent", infrastructureVmId="uuid-silent"),
        item_json("gone", infrastructureVmId="uuid-gone"),
    ]
    order = replace(ORDER, enable_uuid=True, machines=("all",))
    site = Site([VM, silent, blank])
    result = run(order, Vaults([fabric_json(MT)], items), site)
    for name, words in (("silent", "its host esx-03 is notResponding"), ("gone", "cannot read a virtual machine")):
        told = entry(result, name)
        assert (told["done"], told["code"]) == ("refused", "onprem_unreachable")
        assert words in told["reason"]
    assert not any(v.uuid_enabled for v in site.vms[1:])


@pytest.mark.parametrize(
    "stale",
    [{"connection": "disconnected"}, {"connection": "inaccessible"}, {"host_connection": "notResponding"}],
)
def test_a_master_target_out_of_sight_is_not_judged_by_what_it_was(stale: dict[str, Any]) -> None:
    assert codes(vms=(replace(VM, **stale),)) == ["vm_unreachable+"]


@pytest.mark.parametrize("held", [True, False])
def test_a_server_is_not_powered_off_while_machines_come_home(held: bool) -> None:
    items = [item_json("coming", instance="InMage", location="Primary", allowed=())] if held else [item_json("away")]
    site = Site([replace(VM, extra_config={})])
    result = run(replace(ORDER, enable_uuid=True, power_off=True), Vaults([fabric_json(MT)], items), site)
    assert site.asked == [("enable_uuid", ("vm-1",), not held, False)]
    assert entry(result, "mt-linux-01")["done"] == ("refused" if held else "started")


def test_check_mode_predicts_and_touches_nothing() -> None:
    site = Site([replace(VM, extra_config={}, powered_on=True)])
    order = replace(ORDER, enable_uuid=True, power_off=True, vmotion_exclusion="excluded", refresh=True, check=True)
    vaults = Vaults([fabric_json(MT)], [], [{"id": f"{FABRIC_ID}/replicationRecoveryServicesProviders/p"}])
    result = run(order, vaults, site)
    assert all(asked[-1] is True for asked in site.asked)
    assert len(site.asked) == 3
    assert vaults.acted == []
    predicted = entry(result, "mt-linux-01")
    assert predicted["done"] == "started"
    assert predicted["changed"]
    assert predicted["after"] == {"readiness": "ready", "disk_uuid": "TRUE", "vmotion": "excluded"}
    assert predicted["before"] == {
        "readiness": "not ready: uuid_not_enabled",
        "disk_uuid": "not TRUE",
        "vmotion": "free",
    }


def test_before_and_changed_survive_from_slice_to_slice() -> None:
    stale = replace(MT, heartbeat=NOW - timedelta(hours=2))
    site = Site([replace(VM, extra_config={}, powered_on=False)])
    vaults = Vaults([fabric_json(stale)])
    order = replace(ORDER, enable_uuid=True)
    first = run(order, vaults, site)
    second = run(order, vaults, site, cursor=json.loads(json.dumps(first["cursor"])))
    assert entry(second, "mt-linux-01")["before"]["disk_uuid"] == "not TRUE"
    assert entry(second, "mt-linux-01")["changed"]
    assert second["changed"]


def test_a_refresh_is_asked_for_once_and_only_of_its_own_server() -> None:
    stale = replace(MT, heartbeat=NOW - timedelta(hours=2))
    mine = f"{FABRIC_ID.upper()}/replicationRecoveryServicesProviders/p1"
    vaults = Vaults([fabric_json(stale)], [], [{"id": mine}, {"id": "/other/replicationRecoveryServicesProviders/p2"}])
    vaults.fails.append(Unknown("unknown_outcome", "Lost."))
    first = run(replace(ORDER, refresh=True), vaults)
    second = run(replace(ORDER, refresh=True), vaults, cursor=first["cursor"])
    assert vaults.acted == [(mine, "refreshProvider", None)]
    assert second["requests"]["floor"]["writes"] == 1


def test_a_machine_without_a_master_target_of_its_kind_is_named() -> None:
    items = [item_json("win", osType="Windows"), item_json("lin")]
    result = run(replace(ORDER, machines=("all",)), Vaults([fabric_json(MT)], items), Site([VM]))
    assert (entry(result, "win")["done"], entry(result, "win")["code"]) == ("refused", "no_master_target_for_os")
    assert entry(result, "lin")["done"] == "unchanged"


def test_a_move_with_disks_of_others_is_refused_and_reported() -> None:
    place = VmPlace("", "", moved_storage=True, foreign_disks=2, noted_datastores=("ds-1",), datastores=("ds-2",))
    site = Site([VM], place)
    result = run(replace(ORDER, vmotion_exclusion="watched", state="registered"), Vaults([fabric_json(MT)]), site)
    assert entry(result, "mt-linux-01")["code"] == "master_target_moved"
    assert result["master_targets"][0]["place"]["foreign_disks"] == 2
    assert ("watch", ("vm-1",), "look", False) in site.asked
    assert ("set_excluded", ("vm-1",), True, True) in site.asked
    assert not result["changed"]


def test_a_rule_is_made_on_request_and_goes_with_the_exclusion() -> None:
    pinned = Site([VM])
    run(replace(ORDER, vmotion_exclusion="excluded", pin_to_host=True), Vaults([fabric_json(MT)]), pinned)
    assert ("set_pinned", ("vm-1",), True, False) in pinned.asked
    plain = Site([VM])
    run(replace(ORDER, vmotion_exclusion="excluded"), Vaults([fabric_json(MT)]), plain)
    assert not [a for a in plain.asked if a[0] == "set_pinned"]
    lifted = Site([VM])
    run(replace(ORDER, vmotion_exclusion="restored", state="registered"), Vaults([fabric_json(MT)]), lifted)
    # What moved it is looked up before anything about the exclusion is undone.
    assert [a[0] for a in lifted.asked if a[0] != "servers"] == ["watch", "set_pinned", "set_excluded"]


WINDOWS = replace(MT, id="MT-2", name="mt-windows-01", os_type="Windows", ip="10.20.1.11")


@pytest.mark.parametrize(
    ("order", "looked_at", "done"),
    [
        # Machines are chosen: what serves none of them is not even looked at.
        ({"machines": ("away",)}, ["mt-linux-01"], "started"),
        # Nobody is chosen: it is looked at, and no obstacle while it serves nobody.
        ({}, ["mt-linux-01", "mt-windows-01"], "started"),
        # It is named: then it must be there.
        ({"names": ("mt-linux-01", "mt-windows-01")}, ["mt-linux-01", "mt-windows-01"], "refused"),
        # What this vCenter does not have was not excluded through it either.
        ({"vmotion_exclusion": "restored", "state": "registered"}, ["mt-linux-01", "mt-windows-01"], "started"),
    ],
)
def test_a_server_of_another_vcenter_is_an_obstacle_only_to_its_own(
    order: dict[str, Any], looked_at: list[str], done: str
) -> None:
    wanted = replace(ORDER, **{"vmotion_exclusion": "excluded", **order})
    result = run(wanted, Vaults([fabric_json(MT, WINDOWS)], [item_json("away")]), Site([VM]))
    servers = [e for e in result["machines"] if e["role"] == "master_target"]
    assert [e["name"] for e in servers] == looked_at
    assert entry(result, "mt-linux-01")["done"] == "started"
    worst = {e["done"] for e in servers}
    assert ("refused" in worst) == (done == "refused")
    if len(servers) > 1 and done != "refused":
        assert "vCenter has no virtual machine" in str(entry(result, "mt-windows-01")["warnings"])


def test_a_server_that_serves_a_machine_must_be_seen() -> None:
    items = [item_json("away"), item_json("win", osType="Windows")]
    result = run(replace(ORDER, vmotion_exclusion="excluded"), Vaults([fabric_json(MT, WINDOWS)], items), Site([VM]))
    assert entry(result, "mt-windows-01")["code"] == "vm_not_found"


@pytest.mark.parametrize("held", [True, False])
def test_whose_the_disks_are_is_asked_while_machines_are_on_their_way(held: bool) -> None:
    position = {"instance": "InMage", "location": "Primary", "allowed": ()} if held else {}

    class Telling(Site):
        def watch(self, moids: Any, *, mode: str, check: bool, idle: Any = ()) -> list[VmPlace]:
            self.asked.append(("idle", tuple(idle)))
            return super().watch(moids, mode=mode, check=check, idle=idle)

    site = Telling([VM])
    run(replace(ORDER, vmotion_exclusion="excluded"), Vaults([fabric_json(MT)], [item_json("one", **position)]), site)
    assert ("idle", () if held else ("vm-1",)) in site.asked


def test_what_did_not_keep_its_place_is_handed_to_the_stages() -> None:
    moved = VmPlace("", "", moved_storage=True, foreign_disks=2, noted_datastores=("ds-1",), datastores=("ds-2",))
    watched = run(
        replace(ORDER, vmotion_exclusion="watched", state="registered"), Vaults([fabric_json(MT)]), Site([VM], moved)
    )
    (lost,) = watched["lost_places"]
    assert (lost["id"], lost["name"], lost["code"]) == ("MT-1", "mt-linux-01", "master_target_moved")
    assert lost["reason"]
    assert lost["remedy"]
    unseen = run(
        replace(ORDER, vmotion_exclusion="watched", state="registered"), Vaults([fabric_json(MT, WINDOWS)]), Site([VM])
    )
    assert [entry["code"] for entry in unseen["lost_places"]] == ["vm_not_found"]
    excluded = run(replace(ORDER, vmotion_exclusion="excluded"), Vaults([fabric_json(MT)]), Site([VM]))
    assert excluded["lost_places"] == []


def test_a_machine_that_vanished_meanwhile_did_not_keep_its_place() -> None:
    class Gone(Site):
        def watch(self, moids: Any, *, mode: str, check: bool, idle: Any = ()) -> list[VmPlace]:
            return []

    result = run(replace(ORDER, vmotion_exclusion="watched", state="registered"), Vaults([fabric_json(MT)]), Gone([VM]))
    assert entry(result, "mt-linux-01")["code"] == "place_unknown"


@pytest.mark.parametrize("pinned", [True, False])
def test_a_rule_makes_up_for_a_cluster_that_ignores_overrides(pinned: bool) -> None:
    class Ignoring(Site):
        def set_excluded(self, moids: Any, *, excluded: bool, check: bool) -> list[VmChange]:
            return [
                VmChange(m, m, "free", "free", refusal=Refusal("exclusion_without_effect", "DRS moves it.", "Fix it."))
                for m in moids
            ]

    order = replace(ORDER, vmotion_exclusion="excluded", pin_to_host=pinned)
    result = entry(run(order, Vaults([fabric_json(MT)]), Ignoring([VM])), "mt-linux-01")
    assert result["code"] == ("" if pinned else "exclusion_without_effect")
    assert ("DRS moves it." in str(result["warnings"])) is pinned
