# SPDX-License-Identifier: GPL-3.0-or-later
"""A process server in Azure taken away again: emptied, unregistered, and exactly what was deployed removed.

The order makes it safe to die anywhere: machines first, then the software, then the resources, and last the deployment's
record, which lists what there is to remove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ..model.errors import NotFound, Rejected, Unknown
from ..model.items import Item, Json, iso, parse_time
from ..model.ports import Clock
from ..model.refusal import Refusal
from ..model.resource_ports import ResourcePort
from ..model.servers import Fabric, ProcessServer
from ..servers.by_name import classic_fabrics, find_server
from ..servers.entries import entry_of, refresh_fabric, settle, warning
from ..servers.process_server import READY, ProcessServerOrder, ensure_process_server
from ..servers.reassign import process_server_id
from ..servers.server_slice import ServerSlice
from ..wanted.selection import listing
from .present import WORKING, resource
from .scripts import REMOVE_COMMAND, REMOVE_SCRIPT, REMOVE_SECONDS
from .spec import MARK, Wish

#: Providers whose machines use a process server of a classic vault (SEEN).
CLASSIC_PROVIDERS = frozenset({"InMageAzureV2", "InMage"})

#: Removed in this order: each is free when its turn comes. A VM takes its disks and its interface with it (deleteOption).
ORDER = (
    "microsoft.compute/virtualmachines",
    "microsoft.network/networkinterfaces",
    "microsoft.network/publicipaddresses",
    "microsoft.network/networksecuritygroups",
    "microsoft.compute/disks",
)

#: Service seconds until a server whose software was removed must have left the list (DOC: 15 minutes, or a refresh).
LEAVES_WITHIN = 1200.0


def ensure_absent(
    order: ProcessServerOrder,
    wish: Wish,
    move_machines_to: str | None,
    vaults: ResourcePort,
    clock: Clock,
    cursor: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One slice."""
    return ProcessServerRemoval(order, wish, move_machines_to, vaults, clock, dict(cursor or {})).run()


class ProcessServerRemoval(ServerSlice[Optional[Refusal]]):
    """One read does the next possible step and returns why no more can be done now; None when all is gone.

    It is long because the order of its steps makes it safe to die anywhere, and the order is best read in one piece.
    """

    order: ProcessServerOrder
    vaults: ResourcePort

    def __init__(
        self,
        order: ProcessServerOrder,
        wish: Wish,
        move_machines_to: str | None,
        vaults: ResourcePort,
        clock: Clock,
        cursor: dict[str, Any],
    ) -> None:
        super().__init__(order, vaults, clock, cursor)
        self.wish = wish
        self.goal = move_machines_to
        self.memory: dict[str, Any] = self.cursor.setdefault("remove", {})
        self.moved: list[dict[str, Any]] = []
        self.plan: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.vault = ""

    def rests(self, seen: Refusal | None) -> bool:
        return seen is None or not seen.waits or self.order.check or not self.order.wait

    def look(self) -> Refusal | None:
        fabric, server = self.find()
        record = resource(self.vaults, self.wish.deployment_id)
        state = str(((record or {}).get("properties") or {}).get("provisioningState") or "").lower()
        if state in WORKING:
            return Refusal(
                "deploying",
                f"The deployment of {self.wish.name} is still running.",
                "Wait for it to finish.",
                waits=True,
            )
        machine = resource(self.vaults, self.wish.vm_id)
        if record is None and (machine is None or (machine.get("tags") or {}).get(MARK) != self.wish.name):
            return None if server is None else self.not_ours(server)
        self.cursor.setdefault("before", {}).setdefault(self.wish.name, "deployed")
        if server is not None and fabric is not None:
            reason = self.empty(fabric, server)
            if reason is not None:
                return reason
            reason = self.unregister(fabric, server, machine)
            if reason is not None:
                return reason
        return self.remove(record)

    def find(self) -> tuple[Fabric | None, ProcessServer | None]:
        raw = {v: self.vaults.list_fabrics(v) for v in self.order.vaults}
        known = [(f, s) for f in classic_fabrics(raw) for s in f.process_servers]
        found = find_server(self.wish.name, known, "process server", "name")
        if found is None:
            return None, None
        self.vault = found[0].vault.name
        return found

    def not_ours(self, server: ProcessServer) -> Refusal:
        return Refusal(
            "not_deployed_here",
            f"The process server {server.name} is registered, but this collection did not deploy it in resource "
            f"group {self.wish.resource_group}.",
            "Correct `deploy.resource_group`, or remove it the way it was installed.",
        )

    # machines

    def empty(self, fabric: Fabric, server: ProcessServer) -> Refusal | None:
        """No machine may use it any more; they are moved away if requested."""
        if self.memory.get("empty"):
            return None
        items = [Item.parse(data, fabric.vault) for data in self.vaults.list_items(fabric.vault)]
        mine = [i for i in items if i.instance_type in CLASSIC_PROVIDERS and i.fabric_id.lower() == fabric.key]
        # List entries of machines being failed back do not report their process server (SEEN FB): asked one by one.
        whole = [i if process_server_id(i) else Item.parse(self.vaults.get_item(i.id), i.vault) for i in mine]
        users = [i.friendly_name for i in whole if process_server_id(i) == server.id.lower()]
        if not users:
            self.memory["empty"] = True
            return None
        if not self.goal:
            return Refusal(
                "in_use",
                f"{len(users)} machines still use the process server {server.name}: {listing(users)}.",
                "Fail them back first, or set '{option:move_machines_to}' to the process server that takes them over.",
            )
        wanted = replace(
            self.order,
            name=self.goal,
            state=READY,
            move_machines_from=server.name,
            machines=(),
            groups=(),
            recovery_plans=(),
            exclude=(),
            slice_seconds=self.left(),
        )
        result = ensure_process_server(wanted, self.vaults, self.clock, self.memory.get("move"))
        self.memory["move"] = result["cursor"]
        self.moved = [m for m in result["machines"] if m["role"] == "machine"]
        self.plan += result["plan"]
        wrong = next((e for e in result["machines"] if e["done"] in ("refused", "failed")), None)
        if wrong is not None:
            return Refusal(wrong["code"], wrong["reason"], wrong["remedy"])
        if self.order.check:
            return None
        if any(m["changed"] for m in self.moved):
            self.memory["changed"] = True
        return Refusal(
            "moving", f"Moving {len(users)} machines from {server.name} to {self.goal}.", "Wait for it.", waits=True
        )

    # its software

    def unregister(self, fabric: Fabric, server: ProcessServer, machine: Json | None) -> Refusal | None:
        """Have its software removed on the machine itself, which takes it off the list (DOC, section 2.5)."""
        if machine is None:
            self.notes.append(
                f"The VM of {server.name} is gone, but the vault still lists it. On the configuration server, in "
                "%ProgramData%\\ASR\\home\\svsystems\\bin, run: perl Unregister-ASRComponent.pl -IPAddress "
                f"{server.ip} -Component PS"
            )
            return None
        where = f"{self.wish.vm_id}/runCommands/{REMOVE_COMMAND}"
        if self.order.check:
            self.tell("unregister", where)
            return None
        try:
            view = (self.vaults.get_with(where, odata_expand="instanceView").get("properties") or {}).get(
                "instanceView"
            ) or {}
        except NotFound:
            return self.start_removal(machine, where)
        state = str(view.get("executionState") or "Pending")
        if state in ("Failed", "TimedOut", "Canceled"):
            if self.memory.get("asked"):
                return Refusal(
                    "unregister_failed",
                    f"The software of {server.name} could not be removed: {view.get('error') or state}.",
                    "Remove it on the machine by hand (Programs and Features: Configuration/Process Server, then "
                    "its Dependencies), then rerun.",
                )
            return self.start_removal(machine, where)
        if state != "Succeeded":
            return self.leaving(server)
        if self.order.refresh and not self.memory.get("refreshed"):
            self.memory["refreshed"] = True
            self.sent += refresh_fabric(self.vaults, fabric)
        since = parse_time(self.memory.setdefault("removed_at", iso(self.vaults.now)))
        if since is not None and (self.vaults.now - since).total_seconds() > LEAVES_WITHIN:
            return Refusal(
                "still_listed",
                f"The software of {server.name} is removed, but the vault still lists it.",
                "On the configuration server, in %ProgramData%\\ASR\\home\\svsystems\\bin, run: perl "
                f"Unregister-ASRComponent.pl -IPAddress {server.ip} -Component PS; then rerun.",
            )
        return self.leaving(server)

    def start_removal(self, machine: Json, where: str) -> Refusal:
        body: Json = {
            "location": machine.get("location"),
            "tags": {MARK: self.wish.name},
            "properties": {
                "source": {"script": REMOVE_SCRIPT},
                "asyncExecution": True,
                "timeoutInSeconds": REMOVE_SECONDS,
            },
        }
        refusal = self.write(lambda: self.vaults.put(where, body))
        self.memory["asked"] = True
        return refusal or Refusal("unregistering", f"Removing the software of {self.wish.name}.", "Wait.", waits=True)

    def leaving(self, server: ProcessServer) -> Refusal:
        return Refusal(
            "unregistering",
            f"{server.name} is being unregistered.",
            "It disappears from the vault after up to 15 minutes, or sooner with `{set:refresh=true}`.",
            waits=True,
        )

    # what was deployed

    def remove(self, record: Json | None) -> Refusal | None:
        """Remove what the deployment created and what has our tag, in order; its record last."""
        ids = self.made(record)
        there = {i: r for i in ids if (r := resource(self.vaults, i)) is not None}
        foreign = [i for i, r in there.items() if (r.get("tags") or {}).get(MARK) != self.wish.name]
        # The system disk is made by the VM without tags, and goes with it.
        foreign = [i for i in foreign if not i.endswith(f"/{self.wish.name}-os")]
        if foreign:
            return Refusal(
                "not_ours",
                f"{listing(foreign)} was deployed with {self.wish.name} but no longer has its tag {MARK}.",
                "Restore the tag, or remove it by hand.",
            )
        going = [i for i in sorted(there, key=_rank) if not i.endswith(f"/{self.wish.name}-os")]
        if self.order.check:
            for part in going:
                self.tell("delete", part)
            return None
        gone: dict[str, str] = self.memory.setdefault("gone", {})
        for part in going:
            asked = parse_time(gone.get(part))
            if asked is not None and (self.vaults.now - asked).total_seconds() <= LEAVES_WITHIN:
                continue
            # One kind at a time: what another still needs cannot be removed yet.
            if any(_rank(other) < _rank(part) for other in going):
                continue
            refusal = self.write(lambda p=part: self.vaults.delete(p))
            if refusal is not None:
                return refusal
            gone[part] = iso(self.vaults.now) or ""
        if going:
            return Refusal("removing", f"Removing {listing(i.rpartition('/')[2] for i in going)}.", "Wait.", waits=True)
        if record is not None:
            return self.write(lambda: self.vaults.delete(self.wish.deployment_id))
        return None

    def made(self, record: Json | None) -> Sequence[str]:
        """The resources of the deployment: its outputs or, if it failed, their fixed names."""
        outputs = ((record or {}).get("properties") or {}).get("outputs") or {}
        told = (outputs.get("made") or {}).get("value")
        wish = self.wish
        names = told or [
            wish.vm_id,
            wish.nic_id,
            wish.nsg_id,
            wish.network_part("publicIPAddresses", "pip"),
            wish.compute_id("disks", f"{wish.name}-cache"),
        ]
        return [str(i) for i in names if "/runcommands/" not in str(i).lower()]

    def write(self, send: Any) -> Refusal | None:
        self.sent += 1
        self.memory["changed"] = True
        try:
            send()
        except Rejected as refusal:
            return Refusal("removal_refused", refusal.message, refusal.remedy or "Fix the cause and rerun.")
        except Unknown:
            # The next read shows it; removing what is gone does no harm.
            return None
        return None

    def tell(self, operation: str, resource_id: str) -> None:
        entry = {"machine": self.wish.name, "vault": self.vault, "operation": operation, "body": {"id": resource_id}}
        self.plan.append(entry)
        self.memory["changed"] = True

    def result(self, seen: Refusal | None) -> dict[str, Any]:
        before = self.cursor.get("before", {}).get(self.wish.name, "absent")
        entry = entry_of(self.wish.name, "process_server", self.vault, before, before if seen else "absent")
        entry["changed"] = bool(self.memory.get("changed"))
        entry["warnings"] = [warning(n) for n in dict.fromkeys(self.notes)]
        entries = [settle(entry, (), seen, late=False), *self.moved]
        plan = self.plan if self.order.check else []
        return self.shaped(entries, self.sent, len(self.order.vaults) + 2, process_servers=[], plan=plan)


def _rank(resource_id: str) -> int:
    lower = resource_id.lower()
    return next((n for n, kind in enumerate(ORDER) if f"/providers/{kind}/" in lower), len(ORDER))
