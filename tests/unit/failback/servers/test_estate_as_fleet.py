# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate becomes as a fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import VAULT, item

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Disk
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import SiteServer
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import (
    Fabric,
    MasterTarget,
    ProcessServer,
    RetentionVolume,
    RunAsAccount,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.site_estate import SiteEstate, SitePod
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.site_ports import (
    DatastoreMount,
    SiteDatastore,
    SiteHost,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.estate_as_fleet import (
    GIB,
    VaultSeen,
    fleet_of,
    store_of,
)

P = Position
HOSTS = ("hyp-a", "hyp-b", "hyp-c")


def store(name: str, kind: str, capacity: int, free: int, hosts: tuple[str, ...]) -> SiteDatastore:
    mounts = {host: DatastoreMount() for host in hosts}
    return SiteDatastore(name, kind, capacity_bytes=capacity, free_bytes=free, mounts=mounts)


ESTATE = SiteEstate(
    datacenters=("Frankfurt",),
    drs=frozenset({"Production"}),
    hosts=(
        *(SiteHost(h, cluster="Production") for h in HOSTS),
        SiteHost("hyp-far", cluster="Branch"),
        SiteHost("hyp-lone"),
    ),
    stores=(
        store("gold", "VMFS", 4000 * GIB, 1000 * GIB, HOSTS),
        store("silver", "NFS41", 2000 * GIB, 500 * GIB, (*HOSTS, "hyp-far")),
        store("lone", "vsan", 100 * GIB, 50 * GIB, ("hyp-lone",)),
    ),
    pods=(SitePod("pool", ("gold", "elsewhere")),),
)
TARGET = MasterTarget(
    "MT-1", "mt-1.corp.example", "Linux", "10.1.1.9", retention_volumes=(RetentionVolume("/mnt/retention"),)
)
FABRIC = Fabric(
    "fabric",
    "fabric",
    "CS-Corp",
    VAULT,
    "VMware",
    host_name="CS-Corp",
    ip="10.1.1.5",
    process_servers=(ProcessServer("PS-1", "ps-cloud", "10.50.0.4"), ProcessServer("PS-2", "CS-Corp", "10.1.1.5")),
    master_targets=(TARGET,),
    run_as_accounts=(RunAsAccount("1", "corp-linux"),),
)
MT_VM = SiteServer(
    "vm-1",
    "mt-1",
    "uuid-mt",
    powered_on=True,
    host="hyp-a",
    datastores=("gold", "silver"),
    disks=(
        SiteDisk("[gold] mt-1/mt-1.vmdk", size_bytes=100 * GIB),
        SiteDisk("[silver] web/web.vmdk", size_bytes=40 * GIB),
    ),
    controllers=("lsilogic",),
    tools_running=True,
    extra_config={"disk.EnableUUID": "TRUE"},
    addresses=("fe80::1", "10.1.1.10"),
)
WEB_VM = SiteServer(
    "vm-2",
    "web/01",
    "uuid-web",
    host="hyp-far",
    datastores=("silver",),
    disks=(SiteDisk("[silver] web/web.vmdk", size_bytes=40 * GIB), SiteDisk("[silver] web/r.vmdk", raw_device=True)),
    has_snapshot=True,
    addresses=("10.1.2.1",),
)


def machine(name: str, position: Position, uuid: str = "", **details: Any) -> Any:
    made = item(name, position, details={"osType": "Linux", "infrastructureVmId": uuid, "replicaId": uuid, **details})
    return replace(made, disks=(Disk("d", "d", 40 * GIB),))


def fleet(*machines: Any, other: bool = False, **vault: Any) -> tuple[dict[str, Any], list[str]]:
    seen = VaultSeen(VAULT, items=machines, fabrics=(FABRIC,), **vault)
    return fleet_of([seen], [MT_VM, WEB_VM], ESTATE, other)


def one(*arguments: Any, **vault: Any) -> dict[str, Any]:
    (found,) = fleet(machine(*arguments), **vault)[0]["machines"]
    return dict(found)


@pytest.mark.parametrize(
    ("position", "state"),
    [
        (P.HOME, "home"),
        (P.OUT_UNCOMMITTED, "out_uncommitted"),
        (P.OUT, "out"),
        (P.READY, "out"),
        (P.HOME_UNCOMMITTED, "home"),
        (P.HOME_UNPROTECTED, "home"),
    ],
)
def test_where_a_machine_starts(position: Position, state: str) -> None:
    assert one("web", position, "uuid-web")["state"] == state


def test_a_machine_as_both_sides_report_it() -> None:
    found, _told = fleet(machine("web", P.HOME, "uuid-web", sourceVmRamSizeInMB=8192))
    assert found["machines"] == [
        {
            "name": "web",
            "vault": VAULT.name,
            "os": "Linux",
            "disks_gb": [40],
            "memory_mb": 8192,
            "onprem": "present",
            "state": "home",
            "ip": "10.1.2.1",
            "host": "hyp-far",
            "datastore": "silver",
            "uuid_enabled": False,
        }
    ]
    assert found["site"]["states"] == [{"state": "vm_snapshot", "name": "web"}, {"state": "vm_rdm", "name": "web"}]


@pytest.mark.parametrize(("told", "in_vcenter", "memory"), [(8192, 16384, 8192), (0, 16384, 16384), (0, 0, 4096)])
def test_memory_comes_from_the_vault_else_from_vcenter(told: int, in_vcenter: int, memory: int) -> None:
    """The vault reports none while an Azure VM replicates home (SEEN FB)."""
    seen = VaultSeen(VAULT, items=(machine("web", P.READY, "uuid-web", sourceVmRamSizeInMB=told),), fabrics=(FABRIC,))
    found, _told = fleet_of([seen], [MT_VM, replace(WEB_VM, memory_mb=in_vcenter)], ESTATE, False)
    assert [m["memory_mb"] for m in found["machines"]] == [memory]


def test_a_machine_that_vcenter_does_not_have_is_gone_and_one_without_an_id_is_not() -> None:
    assert one("web", P.HOME, "uuid-nobody")["onprem"] == "gone"
    assert one("web", P.HOME, "")["onprem"] == "present"
    assert (
        one(
            "web",
            P.HOME,
            "any",
        )["host"]
        == "hyp-a"
    ), "beside the master target"


def test_the_servers_and_what_the_rehearsal_cannot_have() -> None:
    found, told = fleet(machine("web", P.OUT, "uuid-web"))
    (vault,) = found["vaults"]
    assert vault["configuration_server"] == "CS-Corp"
    assert [(p["name"], p["in_azure"]) for p in vault["process_servers"]] == [("ps-cloud", True), ("CS-Corp", False)]
    assert vault["master_targets"] == [
        {
            "name": "mt-1.corp.example",
            "ip": "10.1.1.10",
            "host": "hyp-a",
            "datastores": ["gold", "silver"],
            "uuid_enabled": True,
            "tools_running": True,
            "snapshot": False,
            "os": "Linux",
            "retention_volumes": ["/mnt/retention"],
            # The disk of a machine being failed back is not its own.
            "disks_gb": [100],
            "controller": "lsilogic",
        }
    ]
    site = found["site"]
    assert (site["datacenter"], site["drs"], site["datastore_cluster"]) == ("Frankfurt", True, "pool")
    assert site["hosts"] == ["hyp-a", "hyp-b", "hyp-c", "hyp-far"]
    assert site["pod_members"] == ["gold"]
    assert {s["name"]: (s["type"], s.get("hosts")) for s in site["datastores"]} == {
        "gold": ("VMFS", ["hyp-a", "hyp-b", "hyp-c"]),
        "silver": ("NFS", None),
    }
    assert [t for t in told if "one cluster" in t]


def test_a_standalone_host_stays_so() -> None:
    alone = replace(WEB_VM, host="hyp-lone", datastores=("lone",), disks=(SiteDisk("[lone] web/web.vmdk"),))
    seen = VaultSeen(VAULT, items=(machine("web", P.HOME, "uuid-web"),), fabrics=(FABRIC,))
    found, told = fleet_of([seen], [MT_VM, alone], ESTATE)
    assert found["site"]["standalone_hosts"] == ["hyp-lone"]
    assert found["machines"][0]["host"] == "hyp-lone"
    assert {s["name"]: s["type"] for s in found["site"]["datastores"]}["lone"] == "VMFS"
    assert [t for t in told if "vsan" in t]


def test_under_other_names_nothing_shows_whose_estate_it_is() -> None:
    web = machine("web", P.HOME, "uuid-web")
    plans = (
        {
            "name": "p",
            "properties": {"friendlyName": "Payroll", "groups": [{"replicationProtectedItems": [{"id": web.id}]}]},
        },
    )
    found, told = fleet(web, other=True, plans=plans, location="westeurope")
    text = json.dumps([found, told]).casefold()
    known = ["web", "corp", "hyp-", "gold", "silver", "pool", "frankfurt", "production", "branch", "10.1.", "payroll"]
    known += [VAULT.name, VAULT.subscription_id, VAULT.resource_group, "westeurope", "ps-cloud", "10.50.0.4"]
    assert [word for word in known if word.casefold() in text] == []
    (vault,) = found["vaults"]
    assert vault["recovery_plans"] == {"plan-01": ["machine-01"]}
    assert vault["run_as_accounts"] == ["account-01-linux"]
    # The process server on the configuration server goes on bearing its name.
    assert vault["process_servers"][1]["name"] == vault["configuration_server"]
    assert found["machines"][0]["disks_gb"] == [40]


def test_names_that_occur_twice() -> None:
    twins = [machine("web", P.HOME, "uuid-web"), replace(machine("web", P.HOME), id="/other")]
    found, told = fleet(*twins)
    assert [m["name"] for m in found["machines"]] == ["web", "web-2"]
    assert told
    second = replace(VAULT, name="vault-2")
    seen = [VaultSeen(ref, items=(machine("web", P.HOME),), fabrics=(FABRIC,)) for ref in (VAULT, second)]
    assert fleet_of(seen, [], ESTATE)[0]["ambiguous_names"]


@pytest.mark.parametrize(
    ("file", "store"),
    [("[gold] a/a.vmdk", "gold"), ("[fast%2fssd 50%25] a/a.vmdk", "fast/ssd 50%"), ("a/a.vmdk", ""), ("", "")],
)
def test_a_files_datastore_bears_the_name_that_people_write(file: str, store: str) -> None:
    assert store_of(file) == store
