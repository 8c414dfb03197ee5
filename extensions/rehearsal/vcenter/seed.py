# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a fleet's on-premises side in the vCenter stand-in.

Everything is made through the vCenter API as an administrator would make it; only what no API call can set (a VMFS
volume, its free space) goes through the control endpoint.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..fleet import Datastore, Fleet, Machine, MasterTarget, Site, stable_uuid
from . import client
from .control import Control
from .sdk import Managed, Session, vim

GB = 1024**3
GUESTS = {"Windows": "windows2019srv_64Guest", "Linux": "ubuntu64Guest"}
CONTROLLERS = {
    "lsilogic": vim.vm.device.VirtualLsiLogicController,
    "lsilogic-sas": vim.vm.device.VirtualLsiLogicSASController,
    "pvscsi": vim.vm.device.ParaVirtualSCSIController,
    "sata": vim.vm.device.VirtualAHCIController,
}
NETWORK = "VM Network"
#: Units of a SCSI controller that disks may take: 16 less the controller's own.
UNITS = tuple(n for n in range(16) if n != 7)
EXTRA_DISK_GB = 10
#: Machines whose creation is under way at once.
BATCH = 100


class SeedError(RuntimeError):
    """A fleet whose on-premises side contradicts itself; the text names the entry and the remedy."""


def seed(fleet: Fleet, si: Session, control: Control, data: Path) -> None:
    """Make the fleet's site, master targets and machines. ``data`` is the stand-in's directory for datastore files,
    on this machine."""
    check(fleet)
    site = fleet.site
    datacenter = client.content(si).rootFolder.CreateDatacenter(site.datacenter)
    cluster, hosts = make_cluster(si, datacenter, site)
    pools = dict.fromkeys(hosts, client.get(si, [cluster], ["resourcePool"])[0]["resourcePool"])
    for name in site.standalone_hosts:
        hosts[name], pools[name] = make_standalone(si, control, datacenter, cluster, name)
    stores = make_datastores(site, hosts, data)
    make_pod(si, datacenter, site)
    targets = [mt for vault in fleet.vaults for mt in vault.gateways]
    present = [m for m in fleet.machines if m.onprem == "present"]
    wanted = [(target_spec(mt), pools[mt.host], hosts[mt.host], True) for mt in targets]
    wanted += [(machine_spec(m), pools[m.host], hosts[m.host], m.at_home) for m in present]
    machines = make_machines(si, datacenter.vmFolder, wanted)
    snapshots = [vm for vm, mt in zip(machines, targets, strict=False) if mt.snapshot]
    client.wait_all(si, [vm.CreateSnapshot_Task("before-update", "Left behind.", False, False) for vm in snapshots])
    # Last, so that the free space is the fleet's, whatever the machines took.
    for store in site.datastores:
        control.set(*datastore_settings(store, stores[store.name], str(data / client.escaped(store.name))))
    control.set(*volume_settings(si, site, hosts))
    reached = [{"_typeName": "ManagedObjectReference", "type": h._wsdlName, "value": h._moId} for h in hosts.values()]
    control.set(*((network, "host", reached) for network in client.names(si, vim.Network).values()))
    if site.states:
        control.play(*site.states)


def check(fleet: Fleet) -> None:
    """Refuse names that lead nowhere before anything is made."""
    site = fleet.site
    stores = {d.name: d for d in site.datastores}
    used: list[tuple[str, str, str]] = [(m.name, m.host, m.datastore) for m in fleet.machines if m.onprem == "present"]
    used += [(mt.name, mt.host, mt.datastores[0]) for v in fleet.vaults for mt in v.gateways]
    for name, host, store in used:
        if host not in site.all_hosts:
            raise SeedError(f"{name}: host {host!r} is not one of the site's hosts ({', '.join(site.all_hosts)}).")
        if store not in stores:
            raise SeedError(f"{name}: datastore {store!r} is not one of the site's datastores ({', '.join(stores)}).")
        if stores[store].hosts and host not in stores[store].hosts:
            raise SeedError(f"{name}: its host {host!r} does not mount its datastore {store!r}; name it under hosts.")

    for store in site.pod_stores:
        if store not in stores:
            raise SeedError(f"pod_members: {store!r} is not one of the site's datastores ({', '.join(stores)}).")


def make_cluster(si: Session, datacenter: Managed, site: Site) -> tuple[Managed, dict[str, Managed]]:
    drs = vim.cluster.DrsConfigInfo(enabled=site.drs, defaultVmBehavior="fullyAutomated")
    cluster = datacenter.hostFolder.CreateClusterEx(site.cluster, vim.cluster.ConfigSpecEx(drsConfig=drs))
    hosts = {}
    for name in site.hosts:
        spec = vim.host.ConnectSpec(hostName=name, userName="root", force=True)
        hosts[name] = client.wait(si, cluster.AddHost_Task(spec, True, None, None))
    return cluster, hosts


def make_standalone(
    si: Session, control: Control, datacenter: Managed, cluster: Managed, name: str
) -> tuple[Managed, Managed]:
    """A host outside every cluster, with the cluster's networks, and its resource pool."""
    spec = vim.host.ConnectSpec(hostName=name, userName="root", force=True)
    host = client.wait(si, datacenter.hostFolder.AddStandaloneHost_Task(spec, None, True))
    (above,) = client.get(si, [host], ["parent"])
    (seen,) = client.get(si, [cluster], ["network"])
    networks = [{"_typeName": "ManagedObjectReference", "type": n._wsdlName, "value": n._moId} for n in seen["network"]]
    control.set((host, "network", networks), (above["parent"], "network", networks))
    return host, client.get(si, [above["parent"]], ["resourcePool"])[0]["resourcePool"]


def make_datastores(site: Site, hosts: dict[str, Managed], data: Path) -> dict[str, Managed]:
    made: dict[str, Managed] = {}
    for store in site.datastores:
        # The simulator takes the datastore's name from its directory.
        directory = data / client.escaped(store.name)
        directory.mkdir(mode=0o700, exist_ok=True)
        # The volume's type is a plain word to the simulator, so VMFS is made the way NFS is and completed below.
        spec = vim.host.NasVolume.Specification(
            remoteHost="filer", remotePath="/" + store.name, localPath=str(directory), accessMode="readWrite"
        )
        spec.type = store.type
        for name in store.hosts or site.all_hosts:
            try:
                answer = hosts[name].configManager.datastoreSystem.CreateNasDatastore(spec)
                made.setdefault(store.name, answer)
            except KeyError:
                # The simulator answers a further host's mount with an empty reference, which pyVmomi refuses (SEEN).
                pass
    return made


def datastore_settings(store: Datastore, made: Any, url: str) -> list[tuple[Any, str, Any]]:
    """What the API cannot set: sizes, shared access, and for VMFS the volume itself."""
    capacity, free = int(store.capacity_gb * GB), int(store.free_gb * GB)
    settings: list[tuple[Any, str, Any]] = [
        (made, "summary.type", store.type),
        (made, "summary.capacity", capacity),
        (made, "summary.freeSpace", free),
        (made, "summary.multipleHostAccess", len(store.hosts) != 1),
    ]
    if store.type == "VMFS":
        info = {
            "_typeName": "VmfsDatastoreInfo",
            "name": client.escaped(store.name),
            "url": url,
            "freeSpace": free,
            "maxFileSize": 64 * 1024 * GB,
            "vmfs": volume_of(store),
        }
        settings.append((made, "info", info))
    return settings


def volume_of(store: Datastore) -> dict[str, Any]:
    """The volume behind a datastore."""
    capacity = int(store.capacity_gb * GB)
    if store.type != "VMFS":
        kind, at = "HostNasVolume", {"remoteHost": "filer", "remotePath": "/" + store.name}
        return {"_typeName": kind, "type": store.type, "name": store.name, "capacity": capacity, **at}
    uuid = stable_uuid("vmfs", store.name)
    return {
        "_typeName": "HostVmfsVolume",
        "type": "VMFS",
        "name": client.escaped(store.name),
        "capacity": capacity,
        "blockSizeMb": 1,
        "blockSize": 1024,
        "maxBlocks": 63963136,
        "majorVersion": 6,
        "version": "6.82",
        "uuid": uuid,
        "vmfsUpgradable": False,
        "extent": [{"_typeName": "HostScsiDiskPartition", "diskName": f"naa.{uuid[:8]}", "partition": 1}],
    }


def volume_settings(si: Session, site: Site, hosts: dict[str, Managed]) -> list[tuple[Any, str, Any]]:
    """Each host's list of the volumes it mounts."""
    settings: list[tuple[Any, str, Any]] = []
    for seen in client.get(si, list(hosts.values()), ["name", "configManager.storageSystem"]):
        mounts = [
            {
                "_typeName": "HostFileSystemMountInfo",
                "mountInfo": {
                    "_typeName": "HostMountInfo",
                    "path": "/vmfs/volumes/" + store.name,
                    "accessMode": "readWrite",
                    "mounted": True,
                    "accessible": True,
                },
                "volume": volume_of(store),
            }
            for store in site.datastores
            if not store.hosts or seen["name"] in store.hosts
        ]
        told = {
            "_typeName": "HostFileSystemVolumeInfo",
            "volumeTypeList": sorted({s.type for s in site.datastores}),
            "mountInfo": mounts,
        }
        settings.append((seen["configManager.storageSystem"], "fileSystemVolumeInfo", told))
        settings.append((seen["obj"], "config.fileSystemVolume", told))
    return settings


def make_pod(si: Session, datacenter: Managed, site: Site) -> None:
    """The datastore cluster with Storage DRS on, fully automated: the setting that moves a master target's disks."""
    if not site.datastore_cluster:
        return
    pod = datacenter.datastoreFolder.CreateStoragePod(site.datastore_cluster)
    stores = client.names(si, vim.Datastore)
    members = [stores[name] for name in site.pod_stores]
    if members:
        client.wait(si, pod.MoveIntoFolder_Task(members))
    config = vim.storageDrs.PodConfigSpec(enabled=True, defaultVmBehavior="automated")
    spec = vim.storageDrs.ConfigSpec(podConfigSpec=config)
    client.wait(si, client.content(si).storageResourceManager.ConfigureStorageDrsForPod_Task(pod, spec, True))


def make_machines(
    si: Session,
    folder: Managed,
    wanted: list[tuple[Managed, Managed, Managed, bool]],
) -> list[Managed]:
    """Create machines in batches and power on those that run; returns them in the order wanted. Each is a spec, a
    resource pool, a host, and whether it runs."""
    made: list[Managed] = []
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        created = client.wait_all(si, [folder.CreateVM_Task(spec, pool, host) for spec, pool, host, _on in batch], 600)
        running = [vm for vm, (_spec, _pool, _host, on) in zip(created, batch, strict=True) if on]
        client.wait_all(si, [vm.PowerOnVM_Task() for vm in running], 600)
        made += created
    return made


def machine_spec(machine: Machine) -> Managed:
    return vm_spec(
        name=machine.name,
        os=machine.os,
        uuids=(machine.bios_uuid, machine.uuid),
        datastore=machine.datastore,
        disks_gb=machine.disks_gb,
        disk_uuids=machine.disk_uuids,
        memory_mb=machine.memory_mb,
        ip=machine.ip,
        uuid_enabled=machine.uuid_enabled,
        tools=machine.tools,
    )


def target_spec(mt: MasterTarget) -> Managed:
    return vm_spec(
        name=mt.name,
        os=mt.os,
        uuids=(stable_uuid("bios", "master-target", mt.name), mt.uuid),
        datastore=mt.datastores[0],
        # Everything but the system is on the last datastore: in the standard site a member of the datastore
        # cluster, so that Storage DRS has something to move.
        disks_datastore=mt.datastores[-1],
        disks_gb=mt.disks_gb + (EXTRA_DISK_GB,) * mt.extra_disks,
        memory_mb=8192,
        cpus=4,
        ip=mt.ip,
        uuid_enabled=mt.uuid_enabled,
        controller=mt.controller,
        tools=mt.tools_running,
    )


def vm_spec(
    *,
    name: str,
    os: str,
    uuids: tuple[str, str],
    datastore: str,
    disks_gb: tuple[int, ...],
    memory_mb: int,
    ip: str,
    uuid_enabled: bool,
    disks_datastore: str | None = None,
    cpus: int = 2,
    controller: str = "lsilogic",
    tools: bool = True,
    disk_uuids: tuple[str, ...] = (),
) -> Managed:
    """A machine that is to be made; ``uuids`` are the BIOS UUID and the instance UUID. Disks without a UUID get one."""
    extra = {"SET.guest.hostName": name, "SET.guest.ipAddress": ip}
    if tools:
        # Installed; whether they run follows the machine's power.
        extra["SET.guest.toolsStatus"] = "toolsNotRunning"
        extra["SET.summary.guest.toolsStatus"] = "toolsNotRunning"
    else:
        extra["SET.guest.toolsStatus"] = "toolsNotInstalled"
        extra["SET.guest.toolsRunningStatus"] = "guestToolsNotRunning"
        extra["SET.guest.toolsVersionStatus2"] = "guestToolsNotInstalled"
    if uuid_enabled:
        extra["disk.EnableUUID"] = "TRUE"
    return vim.vm.ConfigSpec(
        name=name,
        guestId=GUESTS[os],
        numCPUs=cpus,
        memoryMB=memory_mb,
        uuid=uuids[0],
        instanceUuid=uuids[1],
        files=vim.vm.FileInfo(vmPathName=file_path(datastore, name, ".vmx")),
        deviceChange=[
            *disk_changes(name, datastore, disks_datastore or datastore, disks_gb, controller, disk_uuids),
            nic_change(),
        ],
        extraConfig=[vim.option.OptionValue(key=k, value=v) for k, v in extra.items()],
    )


def file_name(name: str) -> str:
    """A machine's name as its files bear it: what a path or vCenter cannot hold becomes an underscore (as vSphere does)."""
    return re.sub(r"[/\\%]", "_", name)


def file_path(datastore: str, name: str, ending: str) -> str:
    """Where a machine keeps a file of its own."""
    return f"[{client.escaped(datastore)}] {file_name(name)}/{file_name(name)}{ending}"


def disk_changes(
    name: str,
    datastore: str,
    disks_datastore: str,
    disks_gb: tuple[int, ...],
    controller: str,
    disk_uuids: tuple[str, ...] = (),
) -> list[Any]:
    """As many controllers as the disks need, and the disks: the first beside the machine's own file, the others on
    ``disks_datastore``; files are named as vSphere names them."""
    kind = CONTROLLERS.get(controller)
    if kind is None:
        raise SeedError(f"{name}: controller {controller!r} is not one of {', '.join(CONTROLLERS)}.")
    changes = []
    for bus in range(-(-len(disks_gb) // len(UNITS))):
        made = kind(key=-(100 + bus), busNumber=bus)
        if isinstance(made, vim.vm.device.VirtualSCSIController):
            made.sharedBus = "noSharing"
        changes.append(add(made))
    for n, size in enumerate(disks_gb):
        file = file_path(datastore, name, f"{f'_{n}' if n else ''}.vmdk")
        if n and disks_datastore != datastore:
            file = f"[{client.escaped(disks_datastore)}]"  # vCenter makes the directory and the name
        place = (-(100 + n // len(UNITS)), UNITS[n % len(UNITS)])
        made_disk = disk(file, -(1000 + n), place, size, disk_uuids[n] if disk_uuids else None)
        changes.append(add(made_disk, "create"))
    return changes


def disk(file: str, key: int, place: tuple[int, int], size_gb: int, uuid: str | None) -> Managed:
    """A disk that is to be made; ``place`` are the controller's key and the unit on it."""
    return vim.vm.device.VirtualDisk(
        key=key,
        controllerKey=place[0],
        unitNumber=place[1],
        capacityInKB=size_gb * 1024**2,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            fileName=file, diskMode="persistent", thinProvisioned=True, uuid=uuid
        ),
    )


def nic_change() -> Any:
    backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=NETWORK)
    return add(vim.vm.device.VirtualVmxnet3(key=-2000, backing=backing, addressType="generated"))


def add(device: Any, file_operation: str | None = None) -> Managed:
    return vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation=file_operation, device=device)
