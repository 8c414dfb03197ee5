# SPDX-License-Identifier: GPL-3.0-or-later
"""One unlucky thing never ends the others' run: odd entries, reads that fail, a vault that is dark, slices that break."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from builders import VAULT, item_id, of, order, stage
from world import STEPS, Port, Site, World

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.table import Position
from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.run import run_slice
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    ConnectionFailed,
    FailbackError,
    NotFound,
    ReadFailed,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import Item, VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.jobs import Job
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock, Sent
from ansible_collections.homeward.asr.plugins.module_utils.failback.tracking import patience
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order

P = Position

#: Values of every kind that a field may wrongly hold.
WRONG: tuple[Any, ...] = (None, "none", 7, True, [], [None], ["x"], {}, {"x": None})


class Rewritten(Port):
    """The vault, with what it says of one machine changed on the way."""

    def __init__(self, world: World, name: str, change: Any) -> None:
        super().__init__(world)
        self.name, self.change = name, change

    def _altered(self, entry: Any) -> Any:
        if entry["name"] != f"rpi-{self.name}":
            return entry
        changed = copy.deepcopy(entry)
        return self.change(changed)

    def list_items(self, vault: VaultRef) -> list[Any]:
        return [self._altered(entry) for entry in super().list_items(vault)]

    def get_item(self, wanted: str) -> Any:
        return self._altered(super().get_item(wanted))


def walk(world: World, port: Any, wanted: Order, limit: int = 400) -> dict[str, Any]:
    """Slices through one port until all is done."""
    cursor = None
    clock = Clock(monotonic=lambda: world.spent, sleep=world.sleep)
    for _slice in range(limit):
        port.requests.reads = port.requests.writes = 0
        result = run_slice(wanted, port, Site(world), clock, cursor)
        if result["finished"]:
            return result
        cursor = json.loads(json.dumps(result["cursor"]))
    raise AssertionError(f"not finished: {result['machines']}")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, its own top left out."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield (*path, key)
        yield from places(part, (*path, key))


def put(entry: Any, path: tuple[Any, ...], value: Any) -> Any:
    held = entry
    try:
        for key in path[:-1]:
            held = held[key]
        held[path[-1]] = value
    except (IndexError, KeyError):
        # It is not there in every state of the machine.
        return entry
    return entry


def _entry() -> Any:
    world = World()
    world.add("web")
    return world.show("web", world.state("web"))


@pytest.mark.parametrize("path", list(places(_entry())), ids=lambda path: ".".join(map(str, path)))
def test_whatever_one_entry_holds_the_others_are_read_as_ever(path: tuple[Any, ...]) -> None:
    for value in WRONG:
        world = World()
        world.add("web", "db")
        port = Rewritten(world, "web", lambda entry, value=value: put(entry, path, value))
        result = walk(world, port, stage(2, "all", wait=False))
        told = of(result, "db")
        assert (told["done"], told["code"], told["errors"]) == ("started", None, []), value
        others = [m for m in result["machines"] if m["name"] != "db"]
        if path[-1] == "instanceType" and isinstance(value, (str, int)) and value is not True:
            # A provider that is not driven: such machines are met only when they are named.
            assert not others, value
            continue
        assert len(others) == 1, value
        assert others[0]["done"] in ("started", "unchanged", "refused", "failed", "waiting"), value


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("properties",), None, "properties"),
        (("properties",), "none", "properties"),
        (("properties", "providerSpecificDetails"), None, "properties.providerSpecificDetails"),
        (("properties", "providerSpecificDetails"), "none", "properties.providerSpecificDetails"),
        (("properties", "currentScenario"), "None", "properties.currentScenario"),
        (("properties", "allowedOperations"), "Commit", "properties.allowedOperations"),
        (
            ("properties", "providerSpecificDetails", "protectedDisks"),
            [None],
            "properties.providerSpecificDetails.protectedDisks[0]",
        ),
    ],
)
def test_a_machine_whose_entry_is_not_understood_is_refused_with_the_field(
    path: tuple[Any, ...], value: Any, field: str
) -> None:
    world = World()
    world.add("web", "db")
    port = Rewritten(world, "web", lambda entry: put(entry, path, value))
    result = walk(world, port, stage(2, "all"))
    bad = next(m for m in result["machines"] if m["name"] != "db")
    assert (bad["done"], bad["code"]) == ("refused", "not_understood")
    assert field in bad["reason"]
    assert bad["remedy"]
    assert world.steps_sent() == [("db", "reprotect_to_onprem")]


def test_numbers_as_text_are_numbers_and_nulls_are_absent() -> None:
    entry = _entry()
    disk = entry["properties"]["providerSpecificDetails"]["protectedDisks"][0]
    disk.update(diskCapacityInBytes="10737418240", resyncProgressPercentage="100", diskName=None)
    entry["properties"].update(policyId=None, healthErrors=[None], allowedOperations=["Commit", None])
    item = Item.parse(entry, VAULT)
    assert item.odd == ()
    assert item.disks[0].size_bytes == 10737418240
    assert item.sync_percentage == 100
    assert item.allowed == {"Commit"}


def test_a_job_with_odd_errors_reports_what_it_can() -> None:
    job = Job.parse(
        {"properties": {"state": "Failed", "errors": [None, {"serviceErrorDetails": "oops"}], "tasks": [None, "x"]}}
    )
    assert [p.message for p in job.errors] == ["oops"]
    assert not Job.parse({"properties": "x"}).told


def test_an_entry_that_is_odd_for_a_while_only_makes_its_machine_wait() -> None:
    world = World()
    world.add("web", "db")
    port = Rewritten(
        world, "web", lambda entry: put(entry, ("properties",), None) if 300 < world.spent < 900 else entry
    )
    result = walk(world, port, stage(2, "all"))
    assert {m["after"] for m in result["machines"]} == {"ready"}


# -- reads that fail ---------------------------------------------------------------------------------------------


class Failing(Port):
    """The vault; ``fails(method, subject)`` gives the error of a read, or None."""

    def __init__(self, world: World, fails: Any) -> None:
        super().__init__(world)
        self.fails = fails

    def _try(self, method: str, subject: str) -> None:
        error = self.fails(method, subject)
        if error is not None:
            raise error

    def list_items(self, vault: VaultRef) -> list[Any]:
        self._try("list_items", vault.name)
        return super().list_items(vault)

    def get_item(self, wanted: str) -> Any:
        self._try("get_item", wanted)
        return super().get_item(wanted)

    def get_job(self, vault: VaultRef, name: str) -> Any:
        self._try("get_job", self.world.jobs[name].machine if name in self.world.jobs else name)
        return super().get_job(vault, name)

    def list_jobs(self, vault: VaultRef, odata_filter: str | None = None) -> list[Any]:
        self._try("list_jobs", vault.name)
        return super().list_jobs(vault, odata_filter)

    def list_azure_machines(self, subscription_id: str) -> list[Any]:
        self._try("list_azure_machines", subscription_id)
        return super().list_azure_machines(subscription_id)

    def list_fabrics(self, vault: VaultRef) -> list[Any]:
        self._try("list_fabrics", vault.name)
        return super().list_fabrics(vault)


BROKEN = [
    pytest.param(lambda: ReadFailed("read_failed", "No answer (HTTP 503)."), id="503"),
    pytest.param(lambda: ConnectionFailed("unreachable", "No way to Azure."), id="unreachable"),
    pytest.param(lambda: ConnectionFailed("forbidden", "Not allowed.", "Give the role."), id="forbidden"),
]


@pytest.mark.parametrize("error", BROKEN)
@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_cannot_be_read_holds_its_machine_alone(step: str, error: Any) -> None:
    number, position, _verb = STEPS[step]
    world = World()
    world.add("web", "db", position=position)
    port = Failing(world, lambda method, subject: error() if (method, subject) == ("get_job", "web") else None)
    result = walk(world, port, stage(number, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", error().code)
    assert error().message in told["reason"]
    assert of(result, "db")["done"] == "started"
    assert not of(result, "db")["errors"]


@pytest.mark.parametrize("what", ["list_jobs", "list_azure_machines"])
@pytest.mark.parametrize("length", [200.0, 1e9])
def test_proofs_that_cannot_be_read_hold_the_commits_until_patience_is_used_up(what: str, length: float) -> None:
    """Machines that have no commit to make are not held by it."""
    world = World()
    world.add("web", position=P.HOME_UNCOMMITTED)
    world.add("db", position=P.OUT)
    port = Failing(
        world,
        lambda method, subject: (
            ReadFailed("read_failed", "No answer.") if method == what and world.spent < length else None
        ),
    )
    result = walk(
        world,
        port,
        order(("reprotect_to_onprem", "failover_to_onprem", "commit_to_onprem"), "web", "db", agent_timeout=9.0),
    )
    web = of(result, "web")
    if length < patience.PATIENCE:
        assert web["done"] == "started"
        assert of(result, "db")["after"] == "home_unprotected"
    else:
        assert (web["done"], web["code"]) == ("failed", "read_failed")
        assert ("web", "commit_to_onprem") not in world.steps_sent()
        assert ("db", "failover_to_onprem") in world.steps_sent()


def test_a_permission_missing_for_proofs_refuses_the_commit_at_once() -> None:
    world = World()
    world.add("web", position=P.HOME_UNCOMMITTED)
    port = Failing(
        world,
        lambda method, s: ConnectionFailed("forbidden", "Not allowed.") if method == "list_azure_machines" else None,
    )
    told = of(walk(world, port, stage(3)), "web")
    assert (told["done"], told["code"]) == ("failed", "forbidden")
    assert world.spent < 100


def test_a_vcenter_that_is_away_holds_the_commits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.add("web", position=P.HOME_UNCOMMITTED)
    world.add("db", position=P.READY)
    usual = Site.machines

    def away(self: Site, *args: Any, **more: Any) -> Any:
        if world.spent < 300:
            raise ConnectionFailed("vcenter_unreachable", "vCenter is away.")
        return usual(self, *args, **more)

    monkeypatch.setattr(Site, "machines", away)
    result = world.go(stage(3, "web", "db"))
    assert {m["after"] for m in result["machines"]} == {"home_unprotected"}
    assert sorted(world.steps_sent()) == [
        ("db", "commit_to_onprem"),
        ("db", "failover_to_onprem"),
        ("web", "commit_to_onprem"),
    ]


def test_a_machine_nobody_chose_never_ends_the_run() -> None:
    """One that reprotects is read for its master target; when that fails, room is left for it everywhere."""
    world = World()
    world.add("web", "other")
    world.accept("other", "reProtect")
    port = Failing(
        world,
        lambda method, subject: (
            ReadFailed("read_failed", "No.") if method == "get_item" and "other" in subject else None
        ),
    )
    result = walk(world, port, stage(2, "web"))
    assert of(result, "web")["done"] == "started"


def test_a_machine_that_is_missing_and_cannot_be_read_waits_by_its_name() -> None:
    world = World()
    world.add("web", "db")
    world.become("web", listed=False, when=world.now.replace(hour=9))
    port = Failing(
        world,
        lambda method, subject: (
            ReadFailed("read_failed", "No answer for replicationProtectedItems 'rpi-web'.")
            if method == "get_item"
            else None
        ),
    )
    result = walk(world, port, stage(2, "web", "db"))
    told = of(result, "web")
    assert (told["done"], told["code"]) == ("failed", "read_failed")
    assert "'web'" in told["reason"]
    assert "rpi-web" not in told["reason"]
    assert of(result, "db")["after"] == "ready"


# -- a vault that is dark ----------------------------------------------------------------------------------------

TWO = VaultRef(VAULT.subscription_id, VAULT.resource_group, "vault-two")


class Pair:
    """Two vaults: what one of two worlds says, under the name of each."""

    def __init__(self, one: World, two: World, dark: Any) -> None:
        self.first, self.second, self.dark = Port(one), Port(two), dark
        self.requests = self.first.requests
        self.second.requests = self.requests

    @property
    def now(self) -> Any:
        return self.first.now

    def write_tokens(self) -> int:
        return 1000

    def _of(self, subject: str) -> tuple[Port, bool]:
        second = TWO.name in subject.lower()
        if second and (error := self.dark()) is not None:
            raise error
        return (self.second if second else self.first), second

    def _say(self, second: bool, found: Any) -> Any:
        return json.loads(json.dumps(found).replace(VAULT.name, TWO.name)) if second else found

    def __getattr__(self, method: str) -> Any:
        def call(subject: Any, *rest: Any) -> Any:
            name = subject.name if isinstance(subject, VaultRef) else subject
            port, second = self._of(name)
            if not isinstance(subject, VaultRef):
                subject = subject.replace(TWO.name, VAULT.name)
            found = getattr(port, method)(subject, *rest)
            return found if isinstance(found, Sent) else self._say(second, found)

        return call


@pytest.mark.parametrize("error", BROKEN)
@pytest.mark.parametrize("length", [400.0, 1e9])
def test_one_vaults_outage_does_not_hold_up_anothers_machines(length: float, error: Any) -> None:
    one, two = World(), World()
    one.add("web")
    two.add("app")
    began: list[float] = []

    def dark() -> FailbackError | None:
        if not two.accepted:
            return None
        began.append(one.spent)
        return error() if one.spent - began[0] < length else None

    def sleep(seconds: float) -> None:
        one.sleep(seconds)
        two.advance(seconds)

    clock = Clock(monotonic=lambda: one.spent, sleep=sleep)
    pair, cursor = Pair(one, two, dark), None
    wanted = Order(vaults=(VAULT, TWO), route=order().route, machines=("all",), commit_when="verified")
    for _slice in range(2000):
        pair.requests.reads = pair.requests.writes = 0
        result = run_slice(wanted, pair, Site(one), clock, cursor)  # type: ignore[arg-type]
        cursor = json.loads(json.dumps(result["cursor"]))
        if result["finished"]:
            break
    assert result["finished"]
    assert of(result, "web")["after"] == "home"
    told = of(result, "app")
    if length < patience.PATIENCE:
        assert ("app", "failover_to_onprem") in two.steps_sent()
    else:
        assert (told["done"], told["code"]) == ("failed", error().code)
        assert error().message in told["reason"]
        assert two.steps_sent() == [("app", "reprotect_to_onprem")]


def test_a_vault_that_is_dark_in_the_beginning_ends_the_run_before_the_first_write() -> None:
    one, two = World(), World()
    one.add("web")
    two.add("app")
    pair = Pair(one, two, lambda: ReadFailed("read_failed", "No answer."))
    clock = Clock(monotonic=lambda: one.spent, sleep=one.sleep)
    wanted = Order(vaults=(VAULT, TWO), route=order().route, machines=("all",), commit_when="verified")
    with pytest.raises(ReadFailed):
        run_slice(wanted, pair, Site(one), clock, None)  # type: ignore[arg-type]
    assert not one.accepted


# -- what a broken slice has sent comes back with its error ------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReadFailed("read_failed", "No answer."), "read_failed"),
        (ConnectionFailed("login_failed", "The secret has expired."), "login_failed"),
        (KeyError("oops"), "defect"),
    ],
)
def test_whatever_a_slice_has_sent_comes_back_with_its_error(error: Exception, code: str) -> None:
    world = World()
    world.add("web", "db")
    port = Failing(world, lambda method, subject: error if method == "list_items" and world.accepted else None)
    clock = Clock(monotonic=lambda: world.spent, sleep=world.sleep)
    with pytest.raises(FailbackError) as caught:
        run_slice(stage(2, "web", "db"), port, Site(world), clock, None)
    assert caught.value.code == code
    story = caught.value.story
    assert story is not None
    assert story["requests"]["writes"] == 2
    assert [m["done"] for m in story["machines"]] == ["started", "started"]
    # The cursor of a broken slice is good: nothing is sent again.
    port.fails = lambda method, subject: None
    result = run_slice(stage(2, "web", "db"), port, Site(world), clock, json.loads(json.dumps(story["cursor"])))
    assert [m["done"] for m in result["machines"]] == ["started", "started"]
    assert len(world.accepted) == 2


def test_a_job_that_is_not_there_yet_is_no_trouble() -> None:
    world = World(lag=40.0)
    world.add("web")
    port = Failing(
        world, lambda method, s: NotFound("not_found", "No job.") if method == "get_job" and world.spent < 100 else None
    )
    assert of(walk(world, port, stage(2)), "web")["after"] == "ready"


@pytest.mark.parametrize("answer", ["gone", "odd"])
def test_a_job_whose_end_is_never_reported_is_given_up_in_its_own_words(answer: str) -> None:
    world = World()
    world.add("web", "db")

    def fails(method: str, subject: str) -> Exception | None:
        return (
            NotFound("not_found", "No job.") if (method, subject) == ("get_job", "web") and answer == "gone" else None
        )

    class Silent(Failing):
        def get_job(self, vault: VaultRef, name: str) -> Any:
            found = super().get_job(vault, name)
            return {**found, "properties": 7} if answer == "odd" and self.world.jobs[name].machine == "web" else found

    result = walk(world, Silent(world, fails), stage(2, "web", "db"))
    web = of(result, "web")
    assert (web["done"], web["code"]) == ("failed", "read_failed" if answer == "gone" else "not_understood")
    assert "the job job-" in web["reason"].lower()
    assert of(result, "db")["after"] == "ready"


class OddAzure(Port):
    """A stranger beside the machines, or the machine itself, is reported in odd words."""

    def __init__(self, world: World, change: Any, where: str) -> None:
        super().__init__(world)
        self.change, self.where = change, where

    def list_azure_machines(self, subscription_id: str) -> list[Any]:
        found = super().list_azure_machines(subscription_id)
        return [*found, {"id": "/x/stranger", "properties": self.change}] if self.where == "list" else found

    def get_azure_machine(self, vm_id: str) -> Any:
        found = super().get_azure_machine(vm_id)
        if self.where == "machine" and vm_id.lower().endswith("/web"):
            found["properties"] = (
                {**found["properties"], **self.change} if isinstance(self.change, dict) else self.change
            )
        return found


ODD_VMS: tuple[Any, ...] = (
    7,
    "x",
    {"networkProfile": "x"},
    {"networkProfile": {"networkInterfaces": [None]}},
    {"storageProfile": {"dataDisks": [None]}},
    {"storageProfile": {"osDisk": {"managedDisk": "x"}}},
    {"instanceView": ["x"]},
)


@pytest.mark.parametrize("change", ODD_VMS, ids=str)
def test_an_azure_vm_of_nobody_here_reported_in_odd_words_stops_no_commit(change: Any) -> None:
    world = World()
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    result = walk(world, OddAzure(world, change, "list"), stage(3, "web", "db"))
    assert [m["done"] for m in result["machines"]] == ["started", "started"]


@pytest.mark.parametrize("change", ODD_VMS, ids=str)
def test_an_azure_vm_that_is_not_understood_stops_its_own_commit_alone(change: Any) -> None:
    """What a commit would delete must be known whole: a disk that is not understood may be nowhere else."""
    world = World()
    world.add("web", "db", position=P.HOME_UNCOMMITTED)
    result = walk(world, OddAzure(world, change, "machine"), stage(3, "web", "db"))
    assert (of(result, "web")["done"], of(result, "web")["code"]) == ("failed", "not_understood")
    assert world.steps_sent() == [("db", "commit_to_onprem")]


def test_a_dark_vault_in_which_no_chosen_machine_lies_ends_no_run() -> None:
    one, two = World(), World()
    one.add("web")
    two.add("app")
    pair = Pair(one, two, lambda: ReadFailed("read_failed", "No answer."))
    clock = Clock(monotonic=lambda: one.spent, sleep=one.sleep)
    wanted = Order(vaults=(VAULT, TWO), route=order().route, machines=(item_id("web"),), commit_when="verified")
    result = run_slice(wanted, pair, Site(one), clock, None)  # type: ignore[arg-type]
    assert one.steps_sent() == [("web", "reprotect_to_onprem")]
    assert [m["name"] for m in result["machines"]] == ["web"]


def test_a_pattern_says_what_it_could_not_look_at() -> None:
    world = World()
    world.add("web", "db")
    port = Rewritten(world, "web", lambda entry: {**entry, "properties": None})
    result = walk(world, port, stage(2, "d*"))
    assert [m["name"] for m in result["machines"]] == ["db"]
    assert "rpi-web" in result["warnings"][0]
