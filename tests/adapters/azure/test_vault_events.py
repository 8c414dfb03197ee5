# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source vault_events as ansible-rulebook runs it, against the vault stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from stand_in_azure import StandIn

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from rehearsal import processes, tls
from rehearsal.fleet_file import load

Event = dict[str, Any]
Args = dict[str, Any]

ROOT = Path(__file__).resolve().parents[3]
COLLECTION = ROOT / ".build" / "tree" / "ansible_collections" / "homeward" / "asr"
SOURCE = COLLECTION / "extensions" / "eda" / "plugins" / "event_source" / "vault_events.py"
PATIENCE = 60.0
GROUP = "rg-homeward"

FLEET: dict[str, Any] = {
    "name": "watched",
    "description": "Two vaults of both generations, one machine of each kind of event",
    "speed": 600,
    "vaults": [
        {
            "name": "vault-old",
            "process_servers": [{"name": "ps-azure-01"}, {"name": "CS-01", "ip": "10.20.1.5", "in_azure": False}],
            "master_targets": [{"name": "mt-linux-01", "os": "Linux", "host": "esx-01"}],
            "recovery_plans": {"shop": ["shop-01", "shop-02"]},
        },
        {
            "name": "vault-new",
            "generation": "modernized",
            "appliances": [{"name": "appliance-01", "fqdn": "a.home.example", "ip": "10.20.3.10", "host": "esx-01"}],
        },
    ],
    "machines": [
        *(
            {"name": name, "vault": "vault-old", "os": "Linux", "disks_gb": [10], "state": state, "ip": f"10.20.0.{n}"}
            for n, (name, state) in enumerate((("shop-01", "ready"), ("shop-02", "ready"), ("lone-01", "home")), 21)
        ),
        {
            "name": "mail-01",
            "vault": "vault-new",
            "os": "Windows",
            "disks_gb": [10],
            "state": "out",
            "ip": "10.20.0.31",
        },
    ],
}


@pytest.fixture(scope="module", name="running")
def a_running_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    folder = tmp_path_factory.mktemp("watched")
    fleet = folder / "fleet.yml"
    fleet.write_text(yaml.safe_dump(FLEET), encoding="utf-8")
    certificates, ready = tls.make(folder / "tls"), folder / "ready.json"
    command = [sys.executable, "-m", "rehearsal.azure", "--fleet", str(fleet), "--dir", str(folder)]
    command += ["--ready", str(ready), "--page-size", "2"]
    command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--ca", str(certificates.ca)]
    spec = load(str(fleet)).vaults[0]
    vault = VaultRef(spec.subscription_id, spec.resource_group, spec.name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "extensions")}
    server = processes.start("vault stand-in", command, environment, ready, folder / "log")
    try:
        yield StandIn(server, certificates, vault, folder / "requests.jsonl")
    finally:
        processes.stop(server)


@pytest.fixture(name="watched")
def what_is_watched(running: StandIn) -> Iterator[StandIn]:
    yield running
    running.control("DELETE", "/faults")
    for name in ("shop-01", "shop-02"):
        changed(running, name, allowed_operations=None, replication_health=None, health_error=None)


def changed(watched: StandIn, machine: str, **words: Any) -> None:
    watched.control("POST", f"/items/{machine}", words)


@pytest.fixture(name="args")
def some_args(watched: StandIn, tmp_path: Path) -> Args:
    """Options of a source that waits for the machines of a recovery plan."""
    account = watched.account()
    return {
        "tenant": account.tenant,
        "client_id": account.client_id,
        "secret": account.secret,
        "resource_manager_endpoint": account.resource_manager_endpoint,
        "authority_host": account.authority_host,
        "ca_path": account.ca_path,
        "subscription_id": watched.vault.subscription_id,
        "vaults": [f"{GROUP}/vault-old", {"name": "vault-new", "resource_group": GROUP}],
        "recovery_plans": "shop",
        # Texts as templates of a rulebook give them, and an answer that is blank.
        "machines": "",
        "interval": "1",
        "request_budget": "1500",
        "state_file": str(tmp_path / "state.json"),
    }


class Reader:
    """The events of a source that runs."""

    def __init__(self, task: asyncio.Task[None], queue: asyncio.Queue[Event], state: Path) -> None:
        self.task = task
        self.queue = queue
        self.state = state
        self.seen: list[Event] = []

    async def until(self, wanted: Callable[[Event], bool]) -> Event:
        """The next event that is wanted; what comes before it is in ``seen``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                got = asyncio.create_task(self.queue.get())
                await asyncio.wait({got, self.task}, return_when=asyncio.FIRST_COMPLETED)
                if not got.done():
                    got.cancel()
                    self.task.result()
                event = await got
                self.seen.append(event)
                if wanted(event):
                    return event

    async def readings(self, more: int) -> None:
        """Let it read so many times more."""
        last = self.seq() + more
        async with asyncio.timeout(PATIENCE):
            while self.seq() < last:
                await asyncio.wait({self.task}, timeout=0.05)
        while not self.queue.empty():
            self.seen.append(self.queue.get_nowait())

    def seq(self) -> int:
        return int(json.loads(self.state.read_text(encoding="utf-8"))["seq"]) if self.state.exists() else 0


@asynccontextmanager
async def source(args: Args) -> AsyncIterator[Reader]:
    queue: asyncio.Queue[Event] = asyncio.Queue()
    main = runpy.run_path(str(SOURCE))["main"]
    task = asyncio.create_task(main(queue, dict(args)))
    try:
        yield Reader(task, queue, Path(args["state_file"]))
    finally:
        task.cancel()
        await asyncio.wait({task})


def of(events: list[Event], kind: str) -> list[tuple[Any, ...]]:
    return [(e.get("name") or e.get("vault"), e["state"]) for e in events if e["kind"] == kind]


def is_selection(event: Event) -> bool:
    return bool(event["kind"] == "selection")


def test_changes_are_reported_once_and_over_a_restart(watched: StandIn, args: Args) -> None:
    changed(watched, "shop-02", allowed_operations=[])

    async def walk() -> None:
        async with source(args) as reader:
            chosen = await reader.until(is_selection)
            assert sorted(of(reader.seen, "machine"))[:2] == [("lone-01", "home"), ("mail-01", "out")]
            assert ("shop-01", "ready") in of(reader.seen, "machine")
            roles = {e["role"]: e["state"] for e in reader.seen if e["kind"] == "server"}
            assert roles == dict.fromkeys(
                ("configuration_server", "process_server", "master_target", "appliance"), "connected"
            )
            assert not of(reader.seen, "job")
            assert not [e for e in reader.seen if e["kind"] == "vault"]
            assert (chosen["machines"], chosen["ready"], chosen["held"]) == (["shop-01", "shop-02"], False, False)
            told = len(reader.seen)
            await reader.readings(2)
            assert len(reader.seen) == told, reader.seen[told:]
        # While nobody reads, the last machine gets ready.
        changed(watched, "shop-02", allowed_operations=None)
        async with source({**args, "report_current": False}) as reader:
            chosen = await reader.until(is_selection)
            assert of(reader.seen, "machine") == [("shop-02", "ready")]
            assert (chosen["state"], chosen["ready"]) == ("ready", True)
            await reader.readings(1)
            assert len(reader.seen) == 2
        text = Path(args["state_file"]).read_text(encoding="utf-8")
        assert args["secret"] not in text

    asyncio.run(walk())


def test_critical_health_and_a_lost_configuration_server_hold_the_selection(watched: StandIn, args: Args) -> None:
    async def walk() -> None:
        async with source(args) as reader:
            assert (await reader.until(is_selection))["ready"]

            changed(
                watched,
                "shop-01",
                replication_health="Critical",
                health_error={
                    "code": "78026",
                    "level": "Error",
                    "message": "The agent has not replicated for {{ hours }}.",
                },
            )
            ill = await reader.until(lambda e: e["kind"] == "machine")
            assert (ill["name"], ill["changes"], ill["was"]) == ("shop-01", ["health"], {"health": "Normal"})
            # No text of the service is a template for the playbooks that a rulebook starts.
            assert ill["health_errors"][0]["message"] == "The agent has not replicated for { { hours }}."
            chosen = await reader.until(is_selection)
            assert not chosen["ready"]
            assert "shop-01" in chosen["holds"][0]
            changed(watched, "shop-01", replication_health=None, health_error=None)
            assert (await reader.until(is_selection))["ready"]

            silent = {"properties": {"customDetails": {"lastHeartbeat": "2020-01-01T00:00:00Z"}}}
            watched.fault("garbage", {"path": "vault-old/replicationFabrics\\?"}, patch_entries=silent, times=None)
            lost = await reader.until(lambda e: e["kind"] == "server")
            assert (lost["role"], lost["state"], lost["was"]) == (
                "configuration_server",
                "lost",
                {"state": "connected"},
            )
            assert "CS-01" in lost["reason"]
            chosen = await reader.until(is_selection)
            assert (chosen["ready"], chosen["held"], chosen["machines"]) == (False, True, ["shop-01", "shop-02"])
            await reader.readings(1)
            assert [e["name"] for e in reader.seen if e.get("state") == "lost"] == ["CS-01"]
            watched.control("DELETE", "/faults")
            assert (await reader.until(lambda e: e["kind"] == "server"))["state"] == "connected"
            assert (await reader.until(is_selection))["ready"]

    asyncio.run(walk())


def test_a_vault_that_cannot_be_read_is_reported_and_nothing_in_it_is_gone(watched: StandIn, args: Args) -> None:
    async def walk() -> None:
        async with source(args) as reader:
            assert (await reader.until(is_selection))["ready"]
            told = len(reader.seen)
            watched.fault("status", {"path": "vault-old/replicationProtectedItems"}, code=403, times=None)
            closed = await reader.until(lambda e: e["kind"] == "vault")
            assert (closed["vault"], closed["readable"]) == ("vault-old", False)
            chosen = await reader.until(is_selection)
            assert not chosen["ready"]
            assert chosen["total"] == 2
            assert "vault-old" in chosen["holds"][0]
            await reader.readings(1)
            watched.control("DELETE", "/faults")
            assert (await reader.until(lambda e: e["kind"] == "vault"))["readable"]
            assert (await reader.until(is_selection))["ready"]
            assert {e["kind"] for e in reader.seen[told:]} == {"vault", "selection"}

    asyncio.run(walk())


def test_a_job_is_reported_when_it_begins_and_when_it_ends(watched: StandIn, args: Args) -> None:
    body = {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": {"instanceType": "InMageAzureV2"},
        }
    }

    async def walk() -> None:
        async with source(args) as reader:
            await reader.until(is_selection)
            (lone,) = [e for e in reader.seen if e.get("name") == "lone-01"]
            watched.control("POST", "/clock", {"speed": 1})
            vaults = watched.connect()
            sent = vaults.act(lone["item_id"], "unplannedFailover", body)
            vaults.close()
            await reader.until(lambda e: e["kind"] == "job" and e["job"] == sent.job and e["alive"])
            watched.control("POST", "/clock/advance", {"seconds": 7200})
            ended = await reader.until(lambda e: e["kind"] == "job" and e["job"] == sent.job and not e["alive"])
            assert (ended["name"], ended["succeeded"], ended["errors"]) == ("lone-01", True, [])
            arrived = ("lone-01", "out_uncommitted")
            if arrived not in of(reader.seen, "machine"):
                await reader.until(lambda e: e["kind"] == "machine" and (e["name"], e["state"]) == arrived)

    asyncio.run(walk())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"recovery_plans": [], "machines": ["shop-01", "shop-99"]}, "shop-99"),
        ({"vaults": [f"{GROUP}/vault-else"]}, "vault-else"),
        ({"secret": "wrong"}, "secret"),
        ({"intervall": 5}, "intervall"),
        ({"interval": 0}, "interval"),
        ({"request_budget": 5000}, "request_budget"),
        ({"state_file": "/nowhere/state.json"}, "directory does not exist"),
    ],
)
def test_what_waiting_does_not_cure_ends_the_source(args: Args, options: Args, sentence: str) -> None:
    async def walk() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        main = runpy.run_path(str(SOURCE))["main"]
        with pytest.raises(Exception, match=sentence) as caught:
            await asyncio.wait_for(main(queue, {**args, **options}), PATIENCE)
        assert type(caught.value).__name__ == "EventSourceError"
        assert queue.empty()

    asyncio.run(walk())


def test_a_file_that_is_not_its_own_is_left_alone(args: Args) -> None:
    state = Path(args["state_file"])
    state.write_text('{"mine": 1}', encoding="utf-8")

    async def walk() -> None:
        async with source(args) as reader:
            with pytest.raises(Exception, match="was not written by"):
                await reader.until(is_selection)
        assert state.read_text(encoding="utf-8") == '{"mine": 1}'
        state.unlink()
        async with source(args) as reader:
            await reader.until(is_selection)
            async with source(args) as second:
                with pytest.raises(Exception, match="another source uses it"):
                    await second.until(is_selection)

    asyncio.run(walk())
