# SPDX-License-Identifier: GPL-3.0-or-later
"""A process server in Azure from nothing: one deployment, found again by its name. One slice per call.

A slice reads what exists, starts the deployment or joins the one in progress, and waits a little. It relies only on
what Azure reports of the deployment and of its resources, so a killed run and the next slice are the same case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.errors import InputError, NotFound, Rejected, Unknown, certain
from ..model.items import Json, iso, parse_time
from ..model.ports import Clock
from ..model.refusal import Refusal
from ..model.resource_ports import ResourcePort
from ..model.servers import Fabric, ProcessServer
from ..readiness.rules.rule import PASS
from ..servers.by_name import classic_fabrics, find_server
from ..servers.entries import entry_of, settle, warning
from ..servers.process_server import READY, ProcessServerOrder, ensure_process_server
from ..servers.reassign import UNSURE_SECONDS
from ..servers.server_slice import ServerSlice
from .choosing import Chooser, choose_fabric, unwanted_differences
from .scripts import SETUP_COMMAND
from .spec import GALLERY, MARK, Wish
from .template import Picked, made_ids, request, without_secrets

#: A deployment that still works (DOC); every other word means that it has ended.
WORKING = frozenset({"accepted", "running", "creating", "created", "updating", "validating", "ready"})


@dataclass(frozen=True)
class Secrets:
    """What must not show anywhere: the new machine's password and the configuration server's passphrase."""

    admin_password: str = ""
    passphrase: str = ""

    def __repr__(self) -> str:
        return "Secrets(...)"


@dataclass(frozen=True)
class Deployed:
    """The state of the deployment: ``reason`` is why it is not finished (None: it is); ``state`` in one word."""

    state: str
    reason: Refusal | None = None
    plan: tuple[dict[str, Any], ...] = ()


def ensure_present(
    order: ProcessServerOrder,
    wish: Wish,
    secrets: Secrets,
    vaults: ResourcePort,
    clock: Clock,
    cursor: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One slice. Raises InputError before anything is written when the wish cannot be carried out."""
    wish.check()
    return ProcessServerDeployment(order, wish, secrets, vaults, clock, dict(cursor or {})).run()


class ProcessServerDeployment(ServerSlice[Deployed]):
    """One read finds the state of the deployment and starts it if needed."""

    order: ProcessServerOrder
    vaults: ResourcePort

    def __init__(
        self,
        order: ProcessServerOrder,
        wish: Wish,
        secrets: Secrets,
        vaults: ResourcePort,
        clock: Clock,
        cursor: dict[str, Any],
    ) -> None:
        super().__init__(order, vaults, clock, cursor)
        self.wish = wish
        self.secrets = secrets
        self.memory: dict[str, Any] = self.cursor.setdefault("deploy", {})
        self.fabric: Fabric | None = None
        self.server: ProcessServer | None = None
        self.warnings: tuple[str, ...] = ()
        self.choice: Picked | None = None
        self.chooser: Chooser | None = None

    def look(self) -> Deployed:
        if self.memory.get("stands"):
            # Seen finished earlier in this run; only its registration is missing.
            return Deployed(str(self.memory["stands"]))
        return self.step()

    def rests(self, seen: Deployed) -> bool:
        return seen.reason is None or not seen.reason.waits or self.order.check or not self.order.wait

    def result(self, seen: Deployed) -> dict[str, Any]:
        if seen.reason is not None:
            return self.unfinished(seen)
        self.memory["stands"] = seen.state
        return self.registration(seen)

    # the deployment

    def step(self) -> Deployed:
        raw = {v: self.vaults.list_fabrics(v) for v in self.order.vaults}
        fabrics = classic_fabrics(raw)
        known = [(f, s) for f in fabrics for s in f.process_servers]
        found = find_server(self.wish.name, known, "process server", "name")
        self.fabric = found[0] if found else choose_fabric(self.wish, fabrics)
        self.server = found[1] if found else None
        record = resource(self.vaults, self.wish.deployment_id)
        state = _state(record)
        if state in WORKING:
            return Deployed("deploying", _deploying(self.wish))
        machine = resource(self.vaults, self.wish.vm_id)
        if machine is None and record is None and self.server is not None:
            # Somebody set it up by other means: it is used as it is.
            return Deployed("not deployed here")
        if machine is not None and (machine.get("tags") or {}).get(MARK) != self.wish.name:
            raise InputError(
                "name_taken",
                f"Resource group {self.wish.resource_group} already has a virtual machine {self.wish.name} that was not "
                "deployed by this collection.",
                "Choose another name, or remove that VM first.",
            )
        if record is not None and state != "succeeded" and self.memory.get("sent"):
            return Deployed("failed", self.failed(record))
        repair = False
        # Azure drops old deployments; a registered server needs none.
        if machine is not None and (state == "succeeded" or (record is None and self.server is not None)):
            parts = {i: resource(self.vaults, i) for i in (self.wish.nic_id, self.wish.nsg_id)}
            differing, repair = unwanted_differences(self.wish, machine, parts)
            if differing:
                return Deployed("differs", _differs(self.wish, differing))
            if not repair:
                return Deployed("deployed")
        return self.deploy(network_only=repair, machine=machine)

    def deploy(self, network_only: bool, machine: Json | None) -> Deployed:
        """Check everything that can be checked first, then send the deployment once."""
        sent = parse_time(self.memory.get("unsure"))
        if sent is not None and (self.vaults.now - sent).total_seconds() <= UNSURE_SECONDS:
            return Deployed("deploying", _deploying(self.wish))
        fabric = certain(self.fabric)
        chooser = self.chooser = Chooser(self.wish, self.vaults, fabric, self.order.vaults, self.order.accept)
        choice = replace(chooser.choose(machine), network_only=network_only, attempt=iso(self.vaults.now) or "")
        self.warnings = choice.warnings
        self.choice = choice
        self.demand(choice)
        body = request(self.wish, choice, self.secrets.admin_password, self.secrets.passphrase)
        if self.order.check:
            return self.predict(chooser, choice, body)
        self.sent += 1
        try:
            self.vaults.put(self.wish.deployment_id, body)
        except Rejected as refusal:
            if str(refusal.details.get("service_code")) == "DeploymentActive":
                # Another run was faster: theirs is joined.
                return Deployed("deploying", _deploying(self.wish))
            return self.refused(chooser, refusal)
        except Unknown:
            self.memory["unsure"] = iso(self.vaults.now)
        self.memory["sent"] = True
        self.memory.pop("stands", None)
        return Deployed("deploying", _deploying(self.wish))

    def demand(self, choice: Picked) -> None:
        """Secrets that a deployment of this kind needs."""
        wanted = [] if choice.network_only else ["admin_password"]
        if choice.unattended and not choice.network_only:
            wanted.append("passphrase")
        missing = [w for w in wanted if not getattr(self.secrets, w)]
        if missing:
            raise InputError(
                "secret_missing",
                f"The process server {self.wish.name} has to be deployed, but `{missing[0]}` is empty.",
                "Set admin_password (ASR_ADMIN_PASSWORD) for the new VM, and passphrase (ASR_PASSPHRASE) to what "
                "genpassphrase.exe -v prints on the configuration server.",
            )

    def refused(self, chooser: Chooser, rejected: Rejected) -> Deployed:
        """Azure does not take it."""
        reason = _refused(rejected)
        chooser.ask("ps_deployable", lambda: reason, None)
        return Deployed("refused", reason)

    def predict(self, chooser: Chooser, choice: Picked, body: Json) -> Deployed:
        """Check mode: the service validates the deployment and returns what it would change."""
        try:
            self.vaults.ask(self.wish.deployment_id, "validate", body)
            told = self.vaults.ask(self.wish.deployment_id, "whatIf", body)
        except Rejected as refusal:
            return self.refused(chooser, refusal)
        changes = (told.get("properties") or {}).get("changes") or ()
        entry = {
            "machine": self.wish.name,
            "vault": certain(self.fabric).vault.name,
            "operation": "deployment",
            "body": without_secrets(body),
            "changes": [
                {"id": str(c.get("resourceId") or ""), "change": str(c.get("changeType") or "")} for c in changes
            ],
        }
        self.memory["sent"] = True
        return Deployed("would be deployed", None, (entry,))

    def failed(self, record: Json) -> Refusal:
        """Why a deployment of this run ended badly, in the service's words and those of its set-up."""
        error = (record.get("properties") or {}).get("error") or {}
        said = _said(error)
        where = f"{self.wish.vm_id}/runCommands/{SETUP_COMMAND}"
        try:
            view = (self.vaults.get_with(where, odata_expand="instanceView").get("properties") or {}).get(
                "instanceView"
            )
        except NotFound:
            view = None
        if view and str(view.get("executionState")) not in ("Succeeded", "Running", "Pending"):
            told = str(view.get("error") or "").strip()[-500:].replace(self.secrets.passphrase or "\0", "(secret)")
            said = f"{said}; the setup reported: {told or view.get('exitCode')}"
        return Refusal(
            "deployment_failed",
            f"The deployment of {self.wish.name} ended as {(record.get('properties') or {}).get('provisioningState')}: {said}.",
            f"Check deployment {self.wish.deployment_id.rpartition('/')[2]} in resource group "
            f"{self.wish.resource_group} and at C:\\ProgramData\\ASRSetupLogs on the VM, fix the cause and rerun. "
            "The deployment continues from what already exists.",
        )

    # afterwards

    def registration(self, deployed: Deployed) -> dict[str, Any]:
        """It is deployed: wait until the vault lists it and it is healthy, and machines were moved to it if requested."""
        before = self.cursor.setdefault("before", {})
        key = f"server {self.server.name if self.server else self.wish.name}"
        if self.memory.get("sent"):
            before.setdefault(key, "not deployed")
        if self.order.check and self.memory.get("sent"):
            return self.predicted(deployed)
        wanted = replace(
            self.order, name=self.wish.name, state=READY, await_registration=True, slice_seconds=self.left()
        )
        result = ensure_process_server(wanted, self.vaults, self.clock, self.cursor)
        self.cursor = result["cursor"]
        entry = result["machines"][0]
        if self.memory.get("sent"):
            entry["changed"] = result["changed"] = True
            entry["done"] = "started" if entry["done"] == "unchanged" else entry["done"]
        if entry["code"] == "not_registered":
            entry["remedy"] = self.how_to_register(str(entry["remedy"]))
        result["next_slice_seconds"] = self.order.slice_seconds
        result["deployment"] = self.facts(deployed)
        result |= self.findings()
        return result

    def how_to_register(self, remedy: str) -> str:
        if self.memory.get("unattended", True):
            return f"{remedy} Its setup logs are in C:\\ProgramData\\ASRSetupLogs."
        return (
            f"The gallery image must be registered by hand: log on to {self.wish.name} ({self.wish.address}) by "
            "remote desktop and enter the configuration server's address and passphrase in the window that opens "
            f"(cspsconfigtool.exe), port 443, data port {self.wish.data_port}. It then appears in the vault after 10 "
            "to 15 minutes."
        )

    def entry(self, deployed: Deployed, reason: Refusal | None) -> dict[str, Any]:
        fabric = self.fabric
        before = self.cursor.setdefault("before", {}).setdefault(f"server {self.wish.name}", "not deployed")
        entry = entry_of(self.wish.name, "process_server", fabric.vault.name if fabric else "", before, deployed.state)
        entry["changed"] = bool(self.memory.get("sent"))
        entry["warnings"] = [warning(w) for w in self.warnings]
        return settle(entry, (), reason, late=False)

    def predicted(self, deployed: Deployed) -> dict[str, Any]:
        entry = self.entry(Deployed("ready"), None)
        return self.shape(entry, deployed, list(deployed.plan))

    def unfinished(self, deployed: Deployed) -> dict[str, Any]:
        entry = self.entry(deployed, deployed.reason)
        if certain(deployed.reason).code == "deployment_failed":
            entry["done"] = "failed"
        return self.shape(entry, deployed, [])

    def shape(self, entry: dict[str, Any], deployed: Deployed, plan: list[dict[str, Any]]) -> dict[str, Any]:
        if self.choice is not None:
            self.memory["unattended"] = self.choice.unattended
        reads = len(self.order.vaults) + 4
        return self.shaped(
            [entry], self.sent, reads, process_servers=[], plan=plan, deployment=self.facts(deployed), **self.findings()
        )

    def findings(self) -> dict[str, Any]:
        """What rules of readiness found against the deployment, or could not find out; kept for the slices that only wait for it."""
        if self.chooser is not None:
            self.memory["findings"] = [f.result() for f in self.chooser.findings() if f.verdict != PASS]
        found = self.memory.get("findings")
        return {"findings": found} if found else {}

    def facts(self, deployed: Deployed) -> dict[str, Any]:
        wish, choice = self.wish, self.choice
        return {
            "name": wish.deployment_id.rpartition("/")[2],
            "id": wish.deployment_id,
            "state": deployed.state,
            "address": wish.address,
            "size": choice.size if choice else "",
            "source": "" if choice is None else "windows" if choice.unattended else GALLERY,
            "resources": made_ids(wish, choice) if choice else [],
        }


def resource(vaults: ResourcePort, resource_id: str) -> Json | None:
    """A resource of Azure by its id; None where it does not exist."""
    try:
        return vaults.get(resource_id)
    except NotFound:
        return None


def _state(record: Json | None) -> str:
    return str(((record or {}).get("properties") or {}).get("provisioningState") or "").lower()


def _said(error: Mapping[str, Any]) -> str:
    """The innermost messages of an error of Resource Manager."""
    details = [d for d in error.get("details") or () if isinstance(d, Mapping)]
    if details:
        return "; ".join(_said(d) for d in details)
    return f"{error.get('message') or 'no reason given'} ({error.get('code') or 'no code'})".replace(
        ".. ", ". "
    ).replace(". (", " (")


def _deploying(wish: Wish) -> Refusal:
    return Refusal(
        "deploying",
        f"The deployment of {wish.name} is running.",
        "Wait for it to finish. The VM and the setup on it take about half an hour.",
        waits=True,
    )


def _differs(wish: Wish, differing: list[str]) -> Refusal:
    return Refusal(
        "deployed_differently",
        f"The process server {wish.name} differs from '{{option:deploy}}': {'; '.join(differing)}.",
        "Correct '{option:deploy}', or remove it with `state: absent` and deploy it again.",
    )


def _refused(refusal: Rejected) -> Refusal:
    return Refusal(
        "deployment_refused",
        refusal.message,
        refusal.remedy or "Fix the cause and rerun.",
    )
