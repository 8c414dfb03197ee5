# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domain asks of the world: the vault, the on-premises site, and time. Adapters implement these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from .items import Json, VaultRef


@dataclass(frozen=True)
class Sent:
    """A write the service accepted (202): the job's name and, where given, the pace in seconds (Retry-After)."""

    job: str
    pace: float | None = None


@dataclass
class Requests:
    """ARM requests spent so far. Every request that left counts, repeated ones too."""

    writes: int = 0
    reads: int = 0


class VaultPort(Protocol):
    """The Site Recovery service and the Azure VMs beside it.

    Every list is complete or raises ReadFailed: a cut body, a repeated page and a repeated link are never taken for
    the truth. 401 and 429 are dealt with inside (refresh or wait, then send again). Reads are tried again on 5xx and
    resets; writes never are: they raise Unknown.
    """

    requests: Requests

    @property
    def now(self) -> datetime:
        """The service's clock: the Date header of its latest answer (aware, UTC)."""

    def list_items(self, vault: VaultRef) -> list[Json]:
        """Every replicated item of a vault (ReplicationProtectedItems_List)."""

    def get_item(self, item_id: str) -> Json:
        """One replicated item; NotFound where it is gone (ReplicationProtectedItems_Get)."""

    def list_recovery_points(self, item_id: str) -> list[Json]:
        """The recovery points of one item (RecoveryPoints_ListByReplicationProtectedItems)."""

    def list_fabrics(self, vault: VaultRef) -> list[Json]:
        """Configuration servers and sites of a vault (ReplicationFabrics_List)."""

    def get_fabric(self, fabric_id: str) -> Json:
        """One fabric with what lists leave out (ReplicationFabrics_Get)."""

    def list_policies(self, vault: VaultRef) -> list[Json]:
        """Replication policies of a vault (ReplicationPolicies_List)."""

    def list_recovery_plans(self, vault: VaultRef) -> list[Json]:
        """Recovery plans of a vault with their groups (ReplicationRecoveryPlans_List)."""

    def list_vcenters(self, vault: VaultRef) -> list[Json]:
        """vCenters that the configuration servers know (ReplicationvCenters_List)."""

    def list_jobs(self, vault: VaultRef, odata_filter: str | None = None) -> list[Json]:
        """Entries without details: they have state and target, but no errors and tasks (SEEN JL)."""

    def get_job(self, vault: VaultRef, name: str) -> Json:
        """One job in full: its tasks and errors (ReplicationJobs_Get)."""

    def list_azure_machines(self, subscription_id: str) -> list[Json]:
        """The subscription's Azure VMs with their power state (VirtualMachines_ListAll, statusOnly=true)."""

    def get_azure_machine(self, vm_id: str) -> Json:
        """One Azure VM whole: disks, NICs and power state (VirtualMachines_Get, $expand=instanceView). A list that reports
        power states may leave out the others. Raises NotFound."""

    def act(self, resource_id: str, operation: str, body: Json | None) -> Sent:
        """POST an operation on a resource. Raises Rejected or Unknown; waits for the write bucket's tokens."""

    def write_tokens(self) -> int:
        """How many writes may leave at once now without overdrawing the service's bucket."""


@dataclass(frozen=True)
class SiteDisk:
    """A virtual disk: its file ("[datastore] folder/file.vmdk"), its UUID and its controller's kind."""

    file: str
    uuid: str = ""
    size_bytes: int = 0
    controller: str = ""
    raw_device: bool = False


@dataclass(frozen=True)
class SiteMachine:
    """A VM in vCenter, leaf properties only.

    ``powered_on`` is None where that is not known: suspended, or not reported. ``connection`` and ``host_connection`` are
    vCenter's words for the VM (connected, disconnected, orphaned, inaccessible, invalid) and for its host (connected,
    disconnected, notResponding), empty where it does not report (DOC VirtualMachineConnectionState,
    HostSystemConnectionState). ``power`` is its own word for the power state.
    """

    moid: str
    name: str
    uuid: str = ""
    bios_uuid: str = ""
    powered_on: bool | None = False
    host: str = ""
    datastores: tuple[str, ...] = ()
    disks: tuple[SiteDisk, ...] = ()
    controllers: tuple[str, ...] = ()
    has_snapshot: bool = False
    tools_running: bool = False
    #: running, not_running or not_installed; empty where vCenter does not report it (DOC toolsRunningStatus,
    #: toolsVersionStatus2).
    tools: str = ""
    template: bool = False
    extra_config: Mapping[str, str] = field(default_factory=dict)
    connection: str = "connected"
    host_connection: str = "connected"
    power: str = ""
    #: 0 where vCenter does not report it.
    memory_mb: int = 0
    #: Addresses of the guest as VMware Tools report them.
    addresses: tuple[str, ...] = ()

    @property
    def identified(self) -> bool:
        """Whether vCenter reports any UUID of it. It does not for a VM whose files it cannot read."""
        return bool(self.uuid or self.bios_uuid)

    @property
    def doubt(self) -> str:
        """Why vCenter's data about it is stale, as a clause; empty if it is current.

        For a host that does not respond vCenter shows the last known state; whether the VM runs there
        now, vCenter does not know.
        """
        if self.connection != "connected":
            return (
                f"vCenter calls it {self.connection}"
                if self.connection
                else ("vCenter does not report its connection state")
            )
        if self.host_connection != "connected":
            host = f"its host {self.host}" if self.host else "its host"
            return f"{host} is {self.host_connection or 'in an unknown state'}"
        return ""

    @property
    def uuid_enabled(self) -> bool:
        """disk.EnableUUID is TRUE; keys and values are compared case-insensitively (DOC S2 against MT18)."""
        return any(k.lower() == "disk.enableuuid" and str(v).upper() == "TRUE" for k, v in self.extra_config.items())


class SitePort(Protocol):
    """vCenter. A constant number of SOAP calls for any number of machines."""

    def machines(
        self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False
    ) -> Sequence[SiteMachine]:
        """Machines whose instance or BIOS UUID is in ``uuids`` or whose name is in ``names``; disks only with ``devices``.

        Where UUIDs are asked for, machines of which vCenter reports no UUID (``identified`` is False) come along: any of
        them may be the machine in question.
        """


@dataclass(frozen=True)
class Clock:
    """The clock: ``monotonic`` in seconds, ``sleep`` in seconds. Tests pass their own."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


Result = dict[str, Any]
