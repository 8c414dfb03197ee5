# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule with a case in which it holds and one in which it does not; where facts are missing it says so, never "pass"."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import FABRIC_ID, GROUP_ID, START, VAULT, P, azure_json, fabric_json, item, policy_json, target_json, text
from builders import scenario as held_by

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import Placement
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.decide import Conditions, Observed, decide
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.modernized import LIFECYCLE
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.identity import Found
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import SiteDisk
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import (
    SiteServer,
    VmChange,
    VmPlace,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Fabric
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.site_ports import (
    DatastoreMount,
    SiteDatastore,
    SiteHost,
    SiteSurvey,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.placement.home import Home
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.facts import AzureNetwork, Facts
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.inside import Inside
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.moments import STEPS
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.subjects import (
    Built,
    Configuring,
    Gateway,
    Group,
    Machine,
    Processing,
    Subject,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules import built_servers
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import BY_ID, RULES
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.master_target_systems import (
    is_newer,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.rule import (
    BLOCK,
    PASS,
    UNKNOWN,
    WARN,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.health import (
    judge_master_target,
    judge_process_server,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.approval import approval

FRESH, OLD = text(START - timedelta(minutes=10)), text(START - timedelta(hours=9))
GB = 1 << 30
NET = f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/vnet-dr"
OTHER = f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/vnet-2"

Case = tuple[Subject, Facts]


# -- facts -------------------------------------------------------------------------------------------------------------


def store(name: str = "ds1", **more: Any) -> SiteDatastore:
    return SiteDatastore(name, mounts={"esx-1": DatastoreMount(), **more.pop("mounts", {})}, **more)


def survey(*stores: SiteDatastore, **more: Any) -> SiteSurvey:
    given = {s.name: (s,) for s in stores or (store(),)}
    host = SiteHost("esx-1", cluster="c1", memory_mb=65536, memory_used_mb=1024)
    return SiteSurvey(**{"hosts": {"esx-1": host}, "datastores": given, "clock": START, **more})


def vcenter(**more: Any) -> dict[str, Any]:
    props = {"friendlyName": "vc", "discoveryStatus": "Discovered", "lastHeartbeat": FRESH, "infrastructureId": "vc-1"}
    return {"id": f"{FABRIC_ID}/replicationvCenters/vc", "properties": {**props, **more}}


def failback_policy(**more: Any) -> dict[str, Any]:
    entry = policy_json("daily-failback", "InMage")
    values = {
        "recoveryPointThresholdInMinutes": 15,
        "recoveryPointHistory": 1440,
        "appConsistentFrequencyInMinutes": 60,
    }
    entry["properties"]["providerSpecificDetails"].update({**values, **more})
    return entry


def nic(name: str, network: str = NET, address: str = "10.50.0.7") -> dict[str, Any]:
    config = {"properties": {"subnet": {"id": f"{network}/subnets/servers"}, "privateIPAddress": address}}
    return {"id": f"/nics/{name}", "properties": {"ipConfigurations": [config]}}


GATEWAY_SUBNET = {"properties": {"subnet": {"id": f"{NET}/subnets/GatewaySubnet"}}}
VPN = {"id": "/gw/1", "name": "gw", "properties": {"ipConfigurations": [GATEWAY_SUBNET]}}


def line(status: str) -> dict[str, Any]:
    return {"name": "to-home", "properties": {"virtualNetworkGateway1": {"id": "/gw/1"}, "connectionStatus": status}}


def network(status: str = "Connected", **more: Any) -> AzureNetwork:
    nics = {"/nics/web": nic("web", **more)}
    return AzureNetwork(nics, [VPN], [line(status)])


def ports(why: str) -> dict[tuple[str, int], str]:
    return {("10.0.0.5", 443): why, (processing().server.ip, 9443): why, (gateway().server.ip, 9443): why}  # type: ignore[union-attr]


def facts(**more: Any) -> Facts:
    base = Facts(
        now=START,
        survey=survey(),
        azure={},
        network=network(),
        policies={VAULT.key: [failback_policy()]},
        vcenters={VAULT.key: [vcenter()]},
        backups={"cs-1": START.date()},
        ports=ports(""),
    )
    return replace(base, **more)


def inside(name: str = "web", **more: Any) -> Facts:
    """A script has run inside an Azure VM."""
    ports = {("10.0.0.5", 443): True, ("10.50.0.4", 9443): True}
    found = Inside(**{"ports": ports, "agent": "running", "free_mb": 900.0, **more})
    return facts(inside={str(azure_json(name, "running")["id"]).lower(): found})


def asked_at_home(state: str = "open", **more: Any) -> Facts:
    """A machine at home was asked from inside."""
    ports = [
        {"role": "configuration server", "name": "CS-1", "address": "10.0.0.5", "port": 443, "state": state},
        {"role": "process server", "name": "CS-1", "address": "10.0.0.5", "port": 9443, "state": "open"},
    ]
    look = {"ports": ports, "free_mb": 900, "room_mb": 500, "why": "", **more}
    return facts(guests={item().key: look})


BLIND = Facts(now=START)


# -- subjects ----------------------------------------------------------------------------------------------------------


def about(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": "it", "vault": VAULT, "generation": "classic", "moments": STEPS, **more}


def vm(name: str = "web", **more: Any) -> SiteServer:
    given: dict[str, Any] = {
        "moid": f"vm-{name}",
        "name": name,
        "uuid": f"uuid-{name}",
        "powered_on": False,
        "host": "esx-1",
        "datastores": ("ds1",),
        "disks": (SiteDisk(f"[ds1] {name}/{name}.vmdk", f"disk-{name}", controller="lsilogic"),),
        "controllers": ("lsilogic",),
        "tools_running": True,
        "extra_config": {"disk.EnableUUID": "TRUE"},
        "memory_mb": 4096,
    }
    return SiteServer(**{**given, **more})


def configuring(told: dict[str, Any] | None = None, seen: SiteServer | None = None, **details: Any) -> Configuring:
    given = {"lastHeartbeat": FRESH, "ipAddress": "10.0.0.5", "agentVersion": "9.62.1.1", "csServiceStatus": "Running"}
    fabric = Fabric.parse(fabric_json(**{**given, **details}), VAULT)
    return Configuring(
        **about("configuration_server", name="CS-1"),
        fabric=fabric,
        told={"sslCertExpiryRemainingDays": 700} if told is None else told,
        vm=seen or vm("CS-1", addresses=("10.0.0.5",)),
    )


def processing(
    name: str = "ps-1", azure: Any = ..., outward: bool = False, told: Any = None, **entry: Any
) -> Processing:
    given = {
        "id": "id-ps", "friendlyName": name, "ipAddress": "10.50.0.4", "agentVersion": "9.62.1.1", "lastHeartbeat": FRESH,
        "psServiceStatus": "Running", "health": "Normal", "versionStatus": "Supported",
        "totalSpaceInBytes": 600 * GB, "availableSpaceInBytes": 420 * GB,
    }  # fmt: skip
    data = {**given, **entry}
    raw = fabric_json(processServers=[data], ipAddress="10.0.0.5", agentVersion="9.62.1.1", lastHeartbeat=FRESH)
    fabric = Fabric.parse(raw, VAULT)
    (server,) = fabric.process_servers
    return Processing(
        **about("process_server", name=name),
        fabric=fabric,
        told=data if told is None else told,
        verdict=judge_process_server(server, fabric, START),
        server=server,
        outward=outward,
        azure_vm=azure_json(name, "running") if azure is ... else azure,
        networks=frozenset({NET.lower()}),
        own_network=NET.lower(),
    )


def gateway(
    seen: SiteServer | None = None, vms: Any = None, more: dict[str, Any] | None = None, **entry: Any
) -> Gateway:
    mine = seen or vm("mt-win", powered_on=True)
    given = {
        "lastHeartbeat": FRESH, "agentVersion": "9.62.1.1", "versionStatus": "Supported", "ipAddress": "10.0.0.9",
        "retentionVolumes": [{"volumeName": "R", "capacityInBytes": 1000 * GB, "freeSpaceInBytes": 900 * GB}],
    }  # fmt: skip
    raw = fabric_json([target_json(**{**given, **entry})], lastHeartbeat=FRESH, agentVersion="9.62.1.1")
    fabric = Fabric.parse(raw, VAULT)
    (server,) = fabric.master_targets
    only = server.retention_volumes[0].name if server.retention_volumes else None
    verdict = judge_master_target(server, fabric, START, retention_volume=only, vms=[mine] if vms is None else vms)
    kept = VmPlace(mine.moid, mine.name, "esx-1", ("ds1",))
    base = Gateway(
        **about("gateway", name="mt-win"),
        fabric=fabric,
        verdict=verdict,
        server=server,
        vm=mine,
        host=SiteHost("esx-1", cluster="c1"),
        place=kept,
        exclusion=VmChange(mine.moid, mine.name, "excluded", "excluded"),
        wanted_disks=2,
        served=(vm(),),
    )
    return replace(base, **(more or {}))


def built_cases(word: str) -> tuple[Case, Case, Case]:
    """A server that is built, with nothing, something, and who knows what against it."""
    asked = Built(**about(BY_ID[word].about, name="new", moments=BY_ID[word].moments), asked=frozenset({word}))
    against = replace(asked, against={word: Refusal("x", "It is not to be.", "Wish for another.")})
    return (asked, F), (against, F), (replace(asked, unread={word: "The list was cut."}), F)


def served(system: str, own: str | None) -> Gateway:
    """A master target with a system of its own, beside a machine with another."""
    return replace(gateway(osVersion=own), machines=("web",), systems=frozenset({system}))


PLACED = Placement(
    process_server_id="id-ps",
    process_server="ps-1",
    master_target_id="id-mt-win",
    master_target="mt-win",
    datastore="ds1",
)
HOME = Home(True, ("ds1",))
GONE = Home(False)
#: What a classic item that is ready reports of its copy.
COPY = {"consistencyPoints": {"Tag1": FRESH}, "lastHeartbeat": FRESH, "lastRpoCalculatedTime": FRESH}


def machine(position: P = P.OUT, step: str = "", more: dict[str, Any] | None = None, **props: Any) -> Machine:
    steps = {
        P.HOME: "failover_to_azure", P.OUT: "reprotect_to_onprem", P.READY: "failover_to_onprem",
        P.SYNCING_HOME: "failover_to_onprem", P.HOME_UNCOMMITTED: "commit_to_onprem",
        P.HOME_UNPROTECTED: "reprotect_to_azure",
    }  # fmt: skip
    wanted = step or steps[position]
    details = {
        "lastHeartbeat": FRESH,
        "vCenterInfrastructureId": "vc-1",
        "ipAddress": "10.20.0.7",
        **props.pop("details", {}),
    }
    if position is P.READY:
        details = {**COPY, **details}
    seen = item("web", position, details=details, **props)
    server = {"id": "id-ps", "friendlyName": "ps-1", "ipAddress": "10.50.0.4"}
    raw = fabric_json([target_json(lastHeartbeat=FRESH)], ipAddress="10.0.0.5", processServers=[server])
    fabric = Fabric.parse(raw, VAULT)
    wishes = Conditions(commit_when="verified", confirmed=True)
    azure = azure_json("web", "running")
    azure["properties"]["networkProfile"] = {"networkInterfaces": [{"id": "/nics/web"}]}
    base = Machine(
        **about("machine", name="web", machines=("web",)),
        item=seen,
        position=LIFECYCLE.position(seen),
        placed=PLACED,
        placed_out=PLACED,
        fabric=fabric,
        gateway=fabric.master_targets[0],
        gateway_vm=vm("mt-win"),
        home=HOME,
        here=Found(machines=(vm(),)),
        there=Found(machines=(azure,)),
        decided={wanted: decide(Observed(seen, START), (wanted,), LIFECYCLE, wishes)},
    )
    return replace(base, **(more or {}))


def ready(**details: Any) -> Machine:
    return machine(P.READY, details=details)


def disk(**more: Any) -> list[dict[str, Any]]:
    return [{"diskId": "0", "diskName": "disk0", "diskCapacityInBytes": 40 * GB, **more}]


def recreated(**more: Any) -> Machine:
    return machine(more={"home": GONE, "here": Found(), **more}, details={"protectedDisks": disk()})


def group(**more: Any) -> Group:
    return Group(**about("group", name="shop", machines=("web",)), **{"members": (item("a"), item("b")), **more})


def seen_as(**more: Any) -> dict[str, Any]:
    """A machine whose VM in vCenter is like this."""
    return {"here": Found(machines=(vm(**more),))}


def arrived(**more: Any) -> Machine:
    given = {"powered_on": True, "tools": "running", "addresses": ("10.20.0.7",), **more}
    return machine(P.HOME_UNCOMMITTED, more=seen_as(**given))


def unsettled() -> dict[str, Any]:
    found = azure_json("web", "deallocated")
    found["properties"]["provisioningState"] = "Failed"
    return found


def powered(power: str) -> Found:
    return Found(machines=(azure_json("web", power),))


F = facts()
RAW = (SiteDisk("[ds1] web/web.vmdk", "d", raw_device=True),)
PHYSICAL = {"discoveryType": "Physical"}
MOVED = VmPlace(
    "vm-mt-win", "mt-win", "esx-1", ("ds2",), START, "esx-1", ("ds1",), moved_storage=True, foreign_disks=2,
    foreign_files=("[ds2] web/web.vmdk",),
)  # fmt: skip
NO_SURVEY = replace(F, survey=None)
AZURE_DISKS = azure_json("web", "running")
AZURE_DISKS["properties"]["storageProfile"]["dataDisks"] = [{"name": "extra", "lun": 1, "diskSizeGB": 500}]
ELSEWHERE_NET = {"networks": frozenset({OTHER.lower()}), "own_network": NET.lower()}
MT = vm("mt-win", powered_on=True)

#: Rule -> a case in which it holds, one in which it does not, and one in which that is not known, where there can be one.
CASES: dict[str, tuple[Case, Case, Case | None]] = {
    "cs_connected": ((configuring(), F), (configuring(lastHeartbeat=OLD), F), (configuring(lastHeartbeat=None), F)),
    "cs_address": (
        (configuring(), F), (configuring(ipAddress="10.0.0.6"), F), (configuring(seen=vm("CS-1")), F),
    ),
    "cs_backup": (
        (configuring(), F), (configuring(), facts(backups={"cs-1": date(2025, 1, 1)})), (configuring(), facts(backups={})),
    ),
    "cs_certificate": (
        (configuring(), F), (configuring({"sslCertExpiryRemainingDays": 0}), F), (configuring({}), F),
    ),
    "cs_certificate_ends": ((configuring(), F), (configuring({"sslCertExpiryRemainingDays": 30}), F), None),
    "vcenter_connected": (
        (configuring(), F),
        (configuring(), facts(vcenters={VAULT.key: [vcenter(discoveryStatus="Failed")]})),
        (configuring(), facts(vcenters={VAULT.key: None})),
    ),
    "vcenter_account": ((configuring(), F), (configuring(masterTargetServers=[target_json(dataStores=[])]), F), None),
    "run_as_account": ((configuring(), F), (configuring(runAsAccounts=[]), F), None),
    "failback_policy": (
        (configuring(), F), (configuring(), facts(policies={VAULT.key: [policy_json("x", "InMageAzureV2")]})),
        (configuring(), facts(policies={VAULT.key: None})),
    ),
    "failback_policy_values": (
        (configuring(), F),
        (configuring(), facts(policies={VAULT.key: [failback_policy(recoveryPointThresholdInMinutes=60)]})),
        (configuring(), facts(policies={VAULT.key: [failback_policy(recoveryPointHistory=None)]})),
    ),
    "clock_skew": (
        (configuring(), F), (configuring(), facts(survey=survey(clock=START - timedelta(hours=1)))),
        (configuring(), NO_SURVEY),
    ),
    "ps_heartbeat": ((processing(), F), (processing(lastHeartbeat=OLD), F), None),
    "ps_service": ((processing(), F), (processing(psServiceStatus="Stopped"), F), None),
    "ps_health": ((processing(), F), (processing(health="Critical"), F), None),
    "ps_supported": ((processing(), F), (processing(versionStatus="NotSupported"), F), None),
    "ps_version": ((processing(), F), (processing(agentVersion="9.63.0.0"), F), None),
    "ps_outdated": ((processing(), F), (processing(versionStatus="UpdateRequired"), F), None),
    "ps_cache_full": ((processing(), F), (processing(availableSpaceInBytes=60 * GB), F), (processing(told={}), F)),
    "ps_cache_low": ((processing(), F), (processing(availableSpaceInBytes=170 * GB), F), None),
    "ps_load": ((processing(), F), (processing(cpuLoadStatus="Critical"), F), None),
    "cs_port": ((configuring(), F), (configuring(), facts(ports=ports("refused"))), (configuring(), facts(ports=None))),
    **{rule.id: built_cases(rule.id) for rule in built_servers.RULES},
    "ps_port": ((processing(), F), (processing(), facts(ports=ports("refused"))), (processing(), facts(ports={}))),
    "azure_ports": (
        (machine(), inside()),
        (machine(), inside(ports={("10.0.0.5", 443): True, ("10.50.0.4", 9443): False})), (machine(), F),
    ),
    "azure_agent": ((machine(), inside()), (machine(), inside(agent="stopped")), (machine(), inside(why="It timed out"))),
    "guest_ports": (
        (machine(P.HOME_UNPROTECTED), asked_at_home()), (machine(P.HOME_UNCOMMITTED), asked_at_home("closed")),
        (machine(P.HOME_UNPROTECTED), F),
    ),
    "guest_room": (
        (machine(P.HOME_UNPROTECTED), asked_at_home()), (machine(P.HOME_UNPROTECTED), asked_at_home(free_mb=499)),
        (machine(P.HOME_UNPROTECTED), asked_at_home(why="It cannot be reached")),
    ),
    "agent_room": (
        (machine(), inside()), (machine(), inside(free_mb=499.0)), (machine(), inside(free_mb=None)),
    ),
    "ps_to_cs": (
        (processing(), inside("ps-1")), (processing(), inside("ps-1", ports={("10.0.0.5", 443): False})),
        (processing(azure=None), inside("ps-1")),
    ),
    "mt_port": ((gateway(), F), (gateway(), facts(ports=ports("refused"))), (gateway(), facts(ports=None))),
    "ps_network": (
        (processing(), F), (replace(processing(), **ELSEWHERE_NET), F), (replace(processing(), networks=None), F),
    ),
    "ps_on_premises": ((processing(), F), (processing("CS-1", azure=None, ipAddress="10.0.0.5"), F), None),
    "mt_heartbeat": ((gateway(), F), (gateway(lastHeartbeat=OLD), F), None),
    "mt_health": ((gateway(), F), (gateway(healthErrors=[{"errorMessage": "It is ill."}]), F), None),
    "mt_supported": ((gateway(), F), (gateway(versionStatus="NotSupported"), F), None),
    "mt_outdated": ((gateway(), F), (gateway(versionStatus="Deprecated"), F), None),
    "mt_version": ((gateway(), F), (gateway(agentVersion="9.63.0.0"), F), None),
    "mt_retention": ((gateway(), F), (gateway(retentionVolumes=[]), F), None),
    "mt_retention_space": (
        (gateway(), F),
        (gateway(retentionVolumes=[{"volumeName": "R", "capacityInBytes": 1000 * GB, "freeSpaceInBytes": 9 * GB}]), F),
        (gateway(retentionVolumes=[{"volumeName": "R"}]), F),
    ),
    "mt_datastores": ((gateway(), F), (gateway(dataStores=[]), F), None),
    "mt_system": (
        (served("Ubuntu 16.04", "Ubuntu 20.04.6 LTS"), F), (served("Ubuntu 20.04", "Ubuntu 16.04.7 LTS"), F),
        (served("Ubuntu 20.04", None), F),
    ),
    "mt_slots": ((gateway(), F), (gateway(diskCount=59), F), None),
    "mt_vm": ((gateway(), F), (gateway(MT, vms=[MT, replace(MT, moid="vm-2")]), F), (gateway(), NO_SURVEY)),
    "mt_snapshot": ((gateway(), F), (gateway(replace(MT, has_snapshot=True)), F), (gateway(replace(MT, connection="disconnected")), F)),
    "mt_controller": ((gateway(), F), (gateway(replace(MT, controllers=("pvscsi",))), F), (gateway(), NO_SURVEY)),
    "mt_uuid": ((gateway(), F), (gateway(replace(MT, extra_config={})), F), (gateway(), NO_SURVEY)),
    "mt_power": ((gateway(), F), (gateway(replace(MT, powered_on=False)), F), (gateway(), NO_SURVEY)),
    "mt_tools": ((gateway(), F), (gateway(replace(MT, tools_running=False)), F), (gateway(), NO_SURVEY)),
    "mt_uuids_shared": (
        (gateway(), F),
        (gateway(more={"served": (vm(disks=(SiteDisk("[ds1] web/web.vmdk", "disk-mt-win"),)),)}), F),
        (gateway(), NO_SURVEY),
    ),
    "mt_vmfs": ((gateway(), F), (gateway(), facts(survey=survey(store(type="NFS41")))), (gateway(), NO_SURVEY)),
    "mt_host": (
        (gateway(), F), (gateway(more={"host": SiteHost("esx-1", maintenance=True)}), F), (gateway(more={"host": None}), F),
    ),
    "esxi_licence": (
        (gateway(), F), (gateway(), facts(survey=survey(api="HostAgent", features=("vSphere 8 Hypervisor",)))),
        (gateway(), facts(survey=survey(api="HostAgent"))),
    ),
    "mt_excluded": (
        (gateway(), F),
        (gateway(more={"exclusion": VmChange("vm-mt-win", "mt-win", "free", "excluded", changed=True)}), F),
        (gateway(more={"exclusion": None}), F),
    ),
    "mt_place": ((gateway(), F), (gateway(more={"place": MOVED}), F), (gateway(more={"place": None}), F)),
    "group_split": ((group(), F), (group(missing=("b",)), F), None),
    "group_mixes_systems": ((group(), F), (group(members=(item("a"), item("b", details={"osType": "Linux"}))), F), None),
    "group_one_server": ((group(bound=frozenset({"x"})), F), (group(bound=frozenset({"x", "y"})), F), None),
    "machine_read": ((machine(), F), (machine(more={"unread": "It was cut."}), F), None),
    "fabric_known": ((machine(), F), (machine(more={"fabric": None}), F), None),
    "operation_allowed": ((machine(), F), (machine(P.SYNCING_HOME), F), None),
    "busy": ((machine(), F), (machine(currentScenario=held_by("UpdateVmProperties")), F), None),
    "agent_registered": (
        (machine(), F), (machine(details={"lastHeartbeat": OLD}, lastSuccessfulFailoverTime=FRESH), F),
        (machine(details={"lastHeartbeat": None}), F),
    ),
    "placement": ((machine(), F), (machine(more={"placed": Refusal("no_disk_slots", "No room.", "Add one.")}), F), None),
    "placement_to_azure": (
        (machine(P.HOME_UNPROTECTED), F), (machine(P.HOME_UNPROTECTED, more={"placed_out": Refusal("x", "None.")}), F), None,
    ),
    "same_vcenter": (
        (machine(), F), (machine(details={"vCenterInfrastructureId": "vc-2"}), F), (machine(), facts(vcenters={VAULT.key: None})),
    ),
    "physical_2008r2": (
        (machine(details={**PHYSICAL, "osVersion": "2019"}), F),
        (machine(details={**PHYSICAL, "osName": "Windows Server 2008 R2"}), F), (machine(details=PHYSICAL), F),
    ),
    "recovery_point": ((ready(), F), (ready(consistencyPoints={}), F), (ready(consistencyPoints=None), F)),
    "commit_approved": (
        (machine(P.HOME_UNCOMMITTED), F), (machine(P.HOME_UNCOMMITTED, more={"awaiting": approval("commit_to_onprem")}), F), None,
    ),
    "azure_target": (
        (machine(P.HOME, details={"recoveryAzureVMSize": "D2", "selectedRecoveryAzureNetworkId": NET}), F),
        (machine(P.HOME, details={"recoveryAzureVMSize": "D2"}), F), None,
    ),
    "connect_after": (
        (machine(P.HOME, details={"enableRdpOnTargetOption": "Always"}), F),
        (machine(P.HOME, details={"enableRdpOnTargetOption": "Never"}), F), (machine(P.HOME), F),
    ),
    "longer_failover": ((machine(P.HOME), F), (machine(P.HOME, details={"osType": "Linux"}), F), None),
    "azure_vm_missing": ((machine(), F), (machine(more={"there": Found(compared="looked for x")}), F), (machine(), BLIND)),
    "azure_identity": ((machine(), F), (machine(more={"there": Found(alike=(AZURE_DISKS,))}), F), None),
    "azure_vm_stopped": (
        (machine(P.HOME_UNCOMMITTED, more={"there": powered("deallocated")}), F), (machine(P.HOME_UNCOMMITTED), F),
        (machine(P.HOME_UNCOMMITTED, more={"there": Found()}), F),
    ),
    "onprem_running": (
        (machine(P.HOME_UNCOMMITTED, more={"here": Found(machines=(vm(powered_on=True),))}), F), (machine(P.HOME_UNCOMMITTED), F),
        (machine(P.HOME_UNCOMMITTED, more={"here": Found()}), F),
    ),
    "onprem_tools": (
        (arrived(), F), (arrived(tools="not_running"), F), (arrived(tools="not_installed"), F),
    ),
    "onprem_disks": (
        (arrived(), F),
        (replace(arrived(), held={"[ds1] web/web.vmdk": "mt-win"}), F), (machine(P.HOME_UNCOMMITTED, more={"here": Found()}), F),
    ),
    "azure_vm_unsettled": (
        (machine(P.HOME_UNCOMMITTED), F), (machine(P.HOME_UNCOMMITTED, more={"there": Found(machines=(unsettled(),))}), F), None,
    ),
    "azure_vm_running": (
        (machine(), F), (machine(more={"there": powered("deallocated")}), F), (machine(more={"there": Found()}), F),
    ),
    "network_link": ((machine(), F), (machine(), facts(network=network("NotConnected"))), (machine(), facts(network=AzureNetwork()))),
    "kept_address": (
        (machine(), F), (machine(), facts(network=network(address="10.20.0.7"))), (machine(), facts(network=AzureNetwork())),
    ),
    "onprem_identity": ((machine(), F), (machine(more={"here": Found(clash="two")}), F), (machine(), NO_SURVEY)),
    "onprem_reachable": ((machine(), F), (machine(more=seen_as(connection="inaccessible")), F), None),
    "vm_uuid": ((machine(), F), (machine(more=seen_as(extra_config={})), F), (machine(more={"here": Found()}), F)),
    "vm_snapshot": ((machine(), F), (machine(more=seen_as(has_snapshot=True)), F), (machine(more={"here": Found()}), F)),
    "datastore_mounted": (
        (machine(), F), (machine(), facts(survey=survey(store(mounts={"esx-1": DatastoreMount("readOnly")})))), (machine(), NO_SURVEY),
    ),
    "datastore_available": ((machine(), F), (machine(), facts(survey=survey(store(accessible=False)))), None),
    "datastore_nfs": ((machine(), F), (machine(), facts(survey=survey(store(type="NFS")))), (machine(), NO_SURVEY)),
    "datastore_kind": ((recreated(), F), (recreated(), facts(survey=survey(store(type="vsan")))), None),
    "rdm": ((machine(), F), (machine(more=seen_as(disks=RAW)), F), None),
    "disks_attached": (
        (machine(more=seen_as(disks=RAW)), F), (machine(more=seen_as(disks=())), facts(survey=survey(store(type="vsan")))), None,
    ),
    "free_space": (
        (recreated(), facts(survey=survey(store(free_bytes=900 * GB)))), (recreated(), facts(survey=survey(store(free_bytes=9 * GB)))),
        (recreated(), F),
    ),
    "name_taken": ((recreated(), F), (recreated(here=Found(alike=(vm("x"),))), F), (recreated(gateway_vm=None), F)),
    "standalone_esxi": (
        (machine(), F), (machine(), facts(survey=survey(hosts={"esx-1": SiteHost("esx-1")}))),
        (machine(), facts(survey=survey(hosts={}))),
    ),
    "host_discovered": ((recreated(), F), (recreated(gateway=replace(gateway().server, datastores=())), F), None),
    "vm_off": ((ready(), F), (machine(P.READY, more=seen_as(powered_on=True)), F), (machine(P.READY, more={"here": Found()}), F)),
    "host_memory": (
        (ready(), F), (machine(P.READY, more=seen_as(memory_mb=999999)), F), (ready(), NO_SURVEY),
    ),
    "host_memory_free": (
        (ready(), F), (machine(P.READY, more=seen_as(memory_mb=65000)), F), (ready(), NO_SURVEY),
    ),
    "replication_health": ((ready(), F), (machine(P.READY, replicationHealth="Critical"), F), (machine(P.READY, more={"unread": "cut"}), F)),
    "failover_health": ((ready(), F), (machine(P.READY, failoverHealth="Critical"), F), None),
    "rpo": ((ready(), F), (ready(rpoInSeconds=9000), F), None),
    "resync_required": ((ready(), F), (ready(protectedDisks=disk(resyncRequired="Required")), F), None),
    "resync_in_progress": ((ready(), F), (ready(protectedDisks=disk(progressHealth="InProgress")), F), None),
    "disk_resized": ((ready(), F), (ready(protectedDisks=disk(diskResized="Resized")), F), None),
    "disk_state": ((ready(), F), (ready(protectedDisks=disk(healthErrorCode="ECH1")), F), None),
    "agent_silent": ((ready(), F), (ready(lastHeartbeat=OLD), F), None),
    "failed_failover": ((ready(), F), (machine(P.READY, protectionState="UnplannedFailoverCompletionFailed"), F), None),
    "disk_unprotected": (
        (ready(), F), (machine(P.READY, more={"there": Found(machines=(AZURE_DISKS,))}), F),
        (machine(P.READY, more={"there": Found()}), F),
    ),
    "health_before_leaving": ((machine(P.HOME), F), (machine(P.HOME, replicationHealth="Critical"), F), None),
}  # fmt: skip


def verdict(rule_id: str, case: Case) -> str:
    rule = BY_ID[rule_id]
    said = rule.judge(*case)
    assert said is not None, f"{rule_id} has nothing to do with the case"
    assert said.text
    return rule.verdict(said)


#: Rules that only people can answer: they never pass on their own.
BY_PEOPLE = frozenset({"downtime_agreed"})


def test_every_rule_has_its_cases() -> None:
    assert set(CASES) == set(BY_ID) - BY_PEOPLE
    for word in BY_PEOPLE:
        assert verdict(word, (ready(), F)) == UNKNOWN
    assert len(BY_ID) == len(RULES), "two rules share a word"


@pytest.mark.parametrize("rule_id", CASES)
def test_a_rule_holds_or_breaks_or_is_not_known(rule_id: str) -> None:
    good, broken, unknown = CASES[rule_id]
    assert verdict(rule_id, good) == PASS
    assert verdict(rule_id, broken) == BY_ID[rule_id].severity
    if unknown is not None:
        assert verdict(rule_id, unknown) == UNKNOWN


def test_what_the_vault_reports_of_a_version_is_not_that_the_server_is_outdated() -> None:
    told = {"healthErrors": [{"errorMessage": "The version of the database is not supported."}], "health": "Warning"}
    assert verdict("ps_outdated", (processing(**told), F)) == PASS
    assert verdict("ps_load", (processing(**told), F)) == WARN


def test_reason_and_remedy_of_an_exclusion_are_apart() -> None:
    said = BY_ID["mt_excluded"].judge(*CASES["mt_excluded"][1])
    assert said is not None
    assert said.text == "mt-win is not excluded from vMotion."
    assert said.remedy.startswith("To exclude it, {run:prepare} ")


@pytest.mark.parametrize("rule_id", [r.id for r in RULES if "vCenter" in r.reads and r.about != "configuration_server"])
def test_without_vcenter_nothing_of_it_passes(rule_id: str) -> None:
    good = CASES[rule_id][0][0]
    blind = {"survey": None}
    changes: dict[str, Any] = (
        {"vm": None, "host": None} if isinstance(good, Gateway) else {"here": None, "gateway_vm": None}
    )
    if isinstance(good, Gateway):
        changes["verdict"] = gateway(vms=()).verdict
    said = BY_ID[rule_id].judge(replace(good, **changes), replace(F, **blind))
    # What placing and the vault know needs no vCenter: the datastores that are offered, and their kind.
    told_by_the_vault = {"mt_slots", "datastore_kind", "free_space", "esxi_licence", "host_discovered", "same_vcenter"}
    assert said is None or said.holds is not True or rule_id in told_by_the_vault, said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Connected", PASS),
        ("NotConnected", BLOCK),
        ("Connecting", BLOCK),
        # What a list says of a connection, and what Azure says that does not know it: nothing.
        ("", UNKNOWN),
        ("Unknown", UNKNOWN),
    ],
)
def test_a_line_whose_state_is_not_told_blocks_nobody(status: str, said: str) -> None:
    assert verdict("network_link", (machine(), facts(network=network(status)))) == said


def test_nobody_asks_where_a_process_server_is_before_machines_are_in_azure() -> None:
    home = replace(processing(azure=None), networks=frozenset(), own_network=None)
    assert BY_ID["ps_network"].judge(home, replace(F, azure=None)) is None
    assert BY_ID["ps_to_cs"].judge(home, replace(F, azure=None)) is None
    assert verdict("ps_to_cs", (home, replace(F, azure=None, unread={"azure": "It was cut."}))) == UNKNOWN


@pytest.mark.parametrize(
    ("machine_has", "server_has", "newer"),
    [
        ("Microsoft Windows Server 2016 Datacenter", "Windows Server 2012 R2", True),
        ("Windows Server 2012", "Microsoft Windows Server 2012 R2 Standard", False),
        ("Windows Server 2012 R2", "Windows Server 2012", True),
        ("Red Hat Enterprise Linux 8.8", "Red Hat Enterprise Linux 8.8", False),
        ("Red Hat Enterprise Linux 8.10", "Red Hat Enterprise Linux 8.9", True),
        ("Red Hat Enterprise Linux 8.8", "Red Hat Enterprise Linux 8", None),
        ("CentOS 7.9", "Ubuntu 16.04", None),
        ("Windows 10", "Windows Server 2016", None),
        ("6.3.9600", "6.3.9600", None),
        ("Debian GNU/Linux", "Debian GNU/Linux 12", None),
    ],
)
def test_systems_compare_within_a_distribution_only(machine_has: str, server_has: str, newer: bool | None) -> None:
    assert is_newer(machine_has, server_has) is newer
    verdicts = {True: WARN, False: PASS, None: UNKNOWN}
    assert verdict("mt_system", (served(machine_has, server_has), F)) == verdicts[newer]


def test_every_preflight_check_is_a_rule() -> None:
    assert {number for rule in RULES for number in rule.checks} == set(range(1, 85))


def test_rows_are_complete() -> None:
    for rule in RULES:
        assert rule.severity in (BLOCK, WARN), rule.id
        assert rule.moments, rule.id
        assert all((rule.title, rule.reads, rule.source)), rule.id
        assert rule.remedy.endswith("."), rule.id
        assert rule.generations, rule.id


def test_the_guide_is_as_the_rows_are() -> None:
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, str(root / "scripts" / "write_rules.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
