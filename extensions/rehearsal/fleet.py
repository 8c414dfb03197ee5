# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets: who is in the vault and in vCenter, read from YAML or generated.

Both stand-ins and the launcher read the same :class:`Fleet`, so a machine has one name, one UUID and one set of disks
on both sides. Identifiers are derived from names (UUID version 5), never drawn at random: two starts of one fleet agree.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

FLEETS = Path(__file__).resolve().parent / "fleets"
NAMESPACE = uuid.UUID("6f0d3a52-8c1e-5b7a-9d44-7a1f5c2b9e10")

#: Attached disks a master target may carry at one moment (support limit of the service).
MASTER_TARGET_DISKS = 60
#: Machines' disks an appliance may carry at one moment (DOC: 60 disks for each appliance).
APPLIANCE_DISKS = 60

GENERATIONS = ("classic", "modernized")
#: What a fleet may say about a phase whose words no recording holds (see Vault.words).
WORDS = ("state", "description", "location", "allowed")
HEALTH = ("Normal", "Warning", "Critical")

SYSTEMS = ("Windows", "Linux")
ONPREM = ("present", "gone", "physical")


class FleetError(ValueError):
    """A fleet file that cannot be used; the text names the file, the key and the remedy."""


def stable_uuid(*parts: str) -> str:
    """The UUID that belongs to a path of names, the same at every start."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


@dataclass(frozen=True)
class Fault:
    """An operation's job that fails (or only warns) for a machine.

    ``operation`` is reprotect, failover, commit; ``direction`` is to_azure or to_onprem; ``times`` is how often it happens
    before the operation works; ``level`` is Error (the job fails) or Warning (it succeeds and says so).
    """

    operation: str
    direction: str
    code: str
    message: str
    causes: str = ""
    action: str = ""
    times: int = 1
    level: str = "Error"


@dataclass(frozen=True)
class Machine:
    """One machine of the fleet. ``onprem`` is present, gone (deleted on-premises) or physical."""

    name: str
    vault: str
    os: str = "Windows"
    disks_gb: tuple[int, ...] = (40,)
    memory_mb: int = 4096
    onprem: str = "present"
    group: str | None = None
    state: str = "home"
    ip: str = "10.20.0.10"
    datastore: str = "datastore-1"
    host: str = "esx-01"
    uuid_enabled: bool = True
    #: VMware Tools are installed; they run with the machine.
    tools: bool = True
    #: The failover home leaves the last disk on the master target, as one does that cannot detach it.
    leaves_disk: bool = False
    #: Service seconds after a failover until the agent has registered again.
    agent_registers_after: float = 120.0
    #: The failover to Azure finds the name taken and gives the Azure VM another one (modernized, warning 28175).
    azure_name_taken: bool = False
    faults: tuple[Fault, ...] = ()
    #: What the vault says over the truth from the start: keys of the control endpoint's items, such as replication_health.
    overrides: dict[str, Any] = field(default_factory=dict)
    #: Extra or overriding keys of providerSpecificDetails, for words the service never said yet.
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def uuid(self) -> str:
        """instanceUuid of the on-premises machine in vCenter, infrastructureVmId in the vault."""
        return stable_uuid("machine", self.vault, self.name)

    @property
    def at_home(self) -> bool:
        """Whether the machine runs on-premises at first."""
        return self.state in ("home", "failed_out")

    @property
    def bios_uuid(self) -> str:
        return stable_uuid("bios", self.vault, self.name)

    @property
    def disk_uuids(self) -> tuple[str, ...]:
        """UUIDs of the disks as vCenter reports them, in the order of ``disks_gb``."""
        return tuple(self.disk_uuid(n) for n in range(len(self.disks_gb)))

    def disk_uuid(self, number: int) -> str:
        return stable_uuid("disk-uuid", self.item_name, str(number))

    @property
    def item_name(self) -> str:
        """Name of the replicated item; it stays the same through the whole life cycle."""
        return stable_uuid("item", self.vault, self.name)


@dataclass(frozen=True)
class MasterTarget:
    """A master target: a registered server in the vault and a VM in vCenter."""

    name: str
    os: str = "Linux"
    ip: str = "10.20.1.10"
    host: str = "esx-01"
    datastores: tuple[str, ...] = ("datastore-1", "datastore-2")
    retention_volumes: tuple[str, ...] = ("/mnt/retention",)
    uuid_enabled: bool = True
    tools_running: bool = True
    snapshot: bool = False
    controller: str = "lsilogic"
    #: Its own disks in GB: the operating system's and the retention disk (DOC: 100 GB and 1 TB).
    disks_gb: tuple[int, ...] = (100, 1024)
    #: Disks beside those (they take slots too).
    extra_disks: int = 0
    #: Keys of its entry in the vault that say something else.
    says: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def id(self) -> str:
        """Host id as the configuration server writes it (upper case)."""
        return stable_uuid("master-target", self.name).upper()

    @property
    def uuid(self) -> str:
        return stable_uuid("machine", "master-target", self.name)

    @property
    def limit(self) -> int:
        """Attached disks at one moment; a master target's own count (SPEC: diskCount counts them all; INFER)."""
        return MASTER_TARGET_DISKS


@dataclass(frozen=True)
class _ApplianceVm(MasterTarget):
    """An appliance as vCenter has it: disks are attached to it as to a master target."""

    @property
    def id(self) -> str:
        return stable_uuid("appliance", self.name)

    @property
    def uuid(self) -> str:
        return stable_uuid("machine", "appliance", self.name)

    @property
    def limit(self) -> int:
        """The cap is on machines' disks; the appliance's own are on a separate controller (INFER)."""
        return APPLIANCE_DISKS + len(self.disks_gb) + self.extra_disks


@dataclass(frozen=True)
class Appliance:
    """A replication appliance of a modernized vault, and its VM in vCenter.

    ``datastores`` are those it reaches; ``health`` is what all its components say; ``heartbeat_age`` is in service
    seconds (SEEN: one to five minutes).
    """

    name: str
    fqdn: str = ""
    ip: str = "10.20.3.10"
    host: str = "esx-01"
    datastores: tuple[str, ...] = ("datastore-1", "datastore-2")
    health: str = "Normal"
    heartbeat_age: float = 200.0
    #: Name of the vCenter as the appliance's discovery knows it.
    vcenter: str = "vcenter-home"
    uuid_enabled: bool = True
    tools_running: bool = True
    snapshot: bool = False

    @property
    def id(self) -> str:
        """One id for every component of the appliance (SEEN)."""
        return self.vm.id

    @property
    def vm(self) -> MasterTarget:
        """Its VM: Windows, with the two disks of an appliance (DOC: 80 GB and 620 GB) on a SATA controller."""
        return _ApplianceVm(
            name=self.name,
            os="Windows",
            ip=self.ip,
            host=self.host,
            datastores=self.datastores,
            retention_volumes=(),
            uuid_enabled=self.uuid_enabled,
            tools_running=self.tools_running,
            snapshot=self.snapshot,
            controller="sata",
            disks_gb=(80, 620),
        )


@dataclass(frozen=True)
class Refusal:
    """How a retired vault refuses a write; the service's real words are not recorded (INFER)."""

    status: int = 400
    code: str = "ClassicRetired"
    message: str = "Operations on machines of the classic experience are no longer supported."
    causes: str = "Support for the classic experience ended in March 2026."
    action: str = "Migrate to the modernized experience."


@dataclass(frozen=True)
class ProcessServer:
    name: str
    ip: str = "10.50.0.4"
    in_azure: bool = True
    #: Keys of its entry in the vault that say something else.
    says: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def id(self) -> str:
        """GUID of four groups in upper case, as recorded from a real configuration server."""
        a, b, c, d, e = stable_uuid("process-server", self.name).upper().split("-")
        return "-".join((a, b, c, d + e))


@dataclass(frozen=True)
class Vault:
    name: str
    resource_group: str = "rg-homeward"
    subscription_id: str = "11111111-2222-4333-8444-555555555555"
    generation: str = "classic"
    location: str = "westeurope"
    configuration_server: str = "CS-01"
    #: Keys of its entry among the fabrics that say something else.
    configuration_server_says: dict[str, Any] = field(default_factory=dict)
    process_servers: tuple[ProcessServer, ...] = ()
    master_targets: tuple[MasterTarget, ...] = ()
    run_as_accounts: tuple[str, ...] = ("vm-admin",)
    policy: str = "daily-dr"
    #: Recovery plans: name -> machine names.
    recovery_plans: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Where failed-over machines live.
    target_resource_group: str = "rg-homeward-dr"
    #: Name of a process server that the playbook `prepare` is to deploy into the second virtual network.
    deploys: str = ""
    #: A classic vault whose writes the service refuses, and in which words.
    retired: bool = False
    refusal: Refusal = Refusal()
    #: Modernized only.
    appliances: tuple[Appliance, ...] = ()
    #: Names of log storage accounts; machines use the first.
    log_storage_accounts: tuple[str, ...] = ("homewardlogs",)
    #: Whether items on their way out say which log storage account they use (SEEN: they do).
    shows_log_storage: bool = True
    #: Items in lists without disks and without what was discovered; whether they are is not recorded for modernized.
    thin_lists: bool = False
    #: Words over the life cycle's own, by phase: state, description, location, allowed.
    words: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def gateways(self) -> tuple[MasterTarget, ...]:
        """Everything on-premises that machines' disks are attached to: master targets and appliances' VMs."""
        return self.master_targets + tuple(appliance.vm for appliance in self.appliances)


@dataclass(frozen=True)
class Datastore:
    name: str
    type: str = "VMFS"
    capacity_gb: float = 4096.0
    free_gb: float = 2048.0
    #: Hosts that mount it; empty = every host of the fleet.
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """The vCenter side: one datacenter, one cluster of hosts, datastores and a datastore cluster."""

    datacenter: str = "dc-home"
    cluster: str = "cluster-1"
    hosts: tuple[str, ...] = ("esx-01", "esx-02", "esx-03")
    datastores: tuple[Datastore, ...] = (Datastore("datastore-1"), Datastore("datastore-2"))
    datastore_cluster: str = "pod-1"
    #: None: of the usual datastores the second one, where the site has it.
    pod_members: tuple[str, ...] | None = None
    drs: bool = True
    username: str = "administrator"
    #: Hosts outside the cluster, each on its own.
    standalone_hosts: tuple[str, ...] = ()
    #: States that are applied once everything has started: mappings with ``state``, ``name`` and what the state needs
    #: (vcenter/states.go).
    states: tuple[dict[str, Any], ...] = ()

    @property
    def all_hosts(self) -> tuple[str, ...]:
        return self.hosts + self.standalone_hosts

    @property
    def pod_stores(self) -> tuple[str, ...]:
        """The members of the datastore cluster."""
        if self.pod_members is not None:
            return self.pod_members
        return tuple(d.name for d in self.datastores if d.name == "datastore-2")


@dataclass(frozen=True)
class Fleet:
    name: str
    description: str
    vaults: tuple[Vault, ...]
    machines: tuple[Machine, ...]
    site: Site = Site()
    #: Service seconds that pass in one real second.
    speed: float = 120.0
    #: Entries of a page of a list answer.
    page_size: int = 100
    #: Service seconds by which lists and jobs lag behind an accepted operation.
    lag: float = 5.0
    #: Durations in service seconds, merged over the measured table (see azure/durations.py).
    durations: dict[str, float] = field(default_factory=dict)
    #: With a seed each machine's durations are drawn from ranges around the table's; without one they are the table's.
    seed: int | None = None
    #: Machines of different vaults may share a name (to see how an ambiguous name is refused).
    ambiguous_names: bool = False

    def of_vault(self, vault: str) -> tuple[Machine, ...]:
        return tuple(m for m in self.machines if m.vault == vault)


Kind = TypeVar("Kind")


def _build(kind: type[Kind], data: dict[str, Any], where: str) -> Kind:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - known)
    if unknown:
        raise FleetError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(sorted(known))}.")
    tupled = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    try:
        return kind(**tupled)
    except TypeError as exc:
        raise FleetError(f"{where}: {exc}") from exc


def parse(data: dict[str, Any], where: str = "fleet") -> Fleet:
    """Build a :class:`Fleet` from the mapping a YAML file holds."""
    data = dict(data)
    vaults = []
    for raw in data.pop("vaults", []):
        raw = dict(raw)
        raw["process_servers"] = tuple(_build(ProcessServer, dict(x), where) for x in raw.get("process_servers", []))
        raw["master_targets"] = tuple(_build(MasterTarget, dict(x), where) for x in raw.get("master_targets", []))
        raw["appliances"] = tuple(_build(Appliance, dict(x), where) for x in raw.get("appliances", []))
        if "refusal" in raw:
            raw["refusal"] = _build(Refusal, dict(raw["refusal"]), where)
        raw["recovery_plans"] = {k: tuple(v) for k, v in raw.get("recovery_plans", {}).items()}
        vaults.append(_build(Vault, raw, where))
    machines = []
    for raw in data.pop("machines", []):
        raw = dict(raw)
        raw["faults"] = tuple(_build(Fault, dict(x), where) for x in raw.get("faults", []))
        raw.setdefault("vault", vaults[0].name if vaults else "")
        machines.append(_build(Machine, raw, where))
    site = dict(data.pop("site", {}))
    if "datastores" in site:
        site["datastores"] = tuple(_build(Datastore, dict(x), where) for x in site["datastores"])
    for played in site.get("states", ()):
        if not isinstance(played, dict) or not {"state", "name"} <= set(played):
            raise FleetError(f"{where}: site: each of the states is a mapping with at least state and name.")
    fleet = _build(
        Fleet,
        {
            **data,
            "vaults": vaults,
            "machines": machines,
            "site": _build(Site, site, where),
        },
        where,
    )
    _check(fleet, where)
    return fleet


def _check(fleet: Fleet, where: str) -> None:
    """Refuse words and names that would only surface as an odd failure later."""
    vaults = [v.name for v in fleet.vaults]
    for m in fleet.machines:
        for key, value, words in (("vault", m.vault, vaults), ("os", m.os, SYSTEMS), ("onprem", m.onprem, ONPREM)):
            if value not in words:
                raise FleetError(f"{where}: {m.name}: {key} {value!r} is not one of {', '.join(words)}.")
    for v in fleet.vaults:
        _check_vault(v, where)
    counted = Counter(m.name if not fleet.ambiguous_names else (m.vault, m.name) for m in fleet.machines)
    twice = [name for name, times in counted.items() if times > 1]
    if twice:
        raise FleetError(
            f"{where}: the machine name {twice[0]!r} occurs twice. Give each machine its own name, or set "
            "ambiguous_names and put them in different vaults."
        )


def _check_vault(vault: Vault, where: str) -> None:
    """A vault has the servers of its generation and no others."""
    if vault.generation not in GENERATIONS:
        raise FleetError(
            f"{where}: {vault.name}: generation {vault.generation!r} is not one of {', '.join(GENERATIONS)}."
        )
    modernized = vault.generation == "modernized"
    for key, given, fits in (
        ("appliances", vault.appliances, modernized),
        ("process_servers", vault.process_servers, not modernized),
        ("master_targets", vault.master_targets, not modernized),
        ("retired", vault.retired, not modernized),
    ):
        if given and not fits:
            raise FleetError(
                f"{where}: {vault.name}: {key} do not belong to a {vault.generation} vault; leave them out."
            )
    for appliance in vault.appliances:
        if appliance.health not in HEALTH:
            raise FleetError(
                f"{where}: {appliance.name}: health {appliance.health!r} is not one of {', '.join(HEALTH)}."
            )
    for phase, words in vault.words.items():
        unknown = sorted(set(words) - set(WORDS))
        if unknown:
            raise FleetError(
                f"{where}: {vault.name}: words for {phase}: unknown key {unknown[0]!r}; known are {', '.join(WORDS)}."
            )


def generated_classic(count: int) -> Fleet:
    """``classic-N``: N machines in one classic vault, spread over as many master targets as the 60-disk cap asks.

    Half of the machines run Windows, half Linux; each has one or two disks. A master target keeps four slots for its
    own disks, so 56 disks of machines fit.
    """
    vault = f"vault-classic-{count}"
    machines = _generated_machines(vault, count)
    targets = []
    for os in SYSTEMS:
        total = sum(len(m.disks_gb) for m in machines if m.os == os)
        # One spare target per system: the packing is greedy and machines have up to two disks.
        for n in range(1, -(-total // 55) + 1):
            targets.append(
                MasterTarget(
                    name=f"mt-{os.lower()}-{n:02d}",
                    os=os,
                    ip=f"10.20.{1 if os == 'Linux' else 2}.{n + 9}",
                    retention_volumes=("/mnt/retention",) if os == "Linux" else ("R",),
                )
            )
    return Fleet(
        name=f"classic-{count}",
        description=f"{count} generated machines in one classic vault",
        vaults=(
            Vault(
                name=vault,
                process_servers=(ProcessServer("ps-azure-01"), ProcessServer("CS-01", ip="10.20.1.5", in_azure=False)),
                master_targets=tuple(targets),
            ),
        ),
        machines=machines,
    )


def generated_modernized(count: int) -> Fleet:
    """``modernized-N``: the same machines in one modernized vault, over as many appliances as the 60-disk cap asks."""
    vault = f"vault-modernized-{count}"
    machines = _generated_machines(vault, count)
    total = sum(len(m.disks_gb) for m in machines)
    # One spare: the packing is greedy and machines have up to two disks.
    appliances = tuple(
        Appliance(f"appliance-{n:02d}", ip=f"10.20.3.{n + 9}", host=f"esx-{n % 3 + 1:02d}")
        for n in range(1, -(-total // 55) + 2)
    )
    return Fleet(
        name=f"modernized-{count}",
        description=f"{count} generated machines in one modernized vault",
        vaults=(Vault(name=vault, generation="modernized", appliances=appliances),),
        machines=machines,
    )


def _generated_machines(vault: str, count: int) -> tuple[Machine, ...]:
    """Half Windows, half Linux, with one or two disks each."""
    return tuple(
        Machine(
            name=f"app-{n:04d}",
            vault=vault,
            os="Windows" if n % 2 else "Linux",
            disks_gb=(40,) if n % 4 < 2 else (40, 20),
            memory_mb=1024,
            ip=f"10.{21 + n // 62500}.{n // 250 % 250}.{n % 250 + 2}",
            host=f"esx-{n % 3 + 1:02d}",
        )
        for n in range(1, count + 1)
    )


#: Kinds of fleets that are generated for any number of machines.
GENERATED = {"classic": generated_classic, "modernized": generated_modernized}


def load(name: str) -> Fleet:
    """A fleet by name (a file under ``fleets/``), by path, or ``classic-N`` or ``modernized-N``
    generated for any N."""
    path = Path(name)
    if not path.is_file():
        path = FLEETS / f"{name}.yml"
    if path.is_file():
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as exc:
            raise FleetError(f"{path}: this is not YAML: {' '.join(str(exc).split())}") from exc
        if not isinstance(data, dict):
            raise FleetError(f"{path}: a fleet is a mapping with name, description, vaults and machines.")
        return parse(data, str(path))
    generated = re.fullmatch(rf"({'|'.join(GENERATED)})-([1-9][0-9]*)", name)
    if generated:
        return GENERATED[generated.group(1)](int(generated.group(2)))
    have = ", ".join(sorted(p.stem for p in FLEETS.glob("*.yml")))
    raise FleetError(
        f"FLEET={name}: there is no such fleet; use one of {have}, classic-N or modernized-N for any N, "
        "or a path to a YAML file."
    )
