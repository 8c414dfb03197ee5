# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command that a run prints is typed into a shell as it stands, and may touch the run's own machines alone.

Beside them stand bystanders at every place of the way: whatever acts on more than was chosen reaches one of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from scene import Outcome, Scene, linux, vault

BYSTANDERS = {"by-home": "home", "by-out": "out_uncommitted", "by-azure": "out", "by-ready": "ready"}

FLEET: dict[str, Any] = {
    "name": "printed",
    "description": "Machines for each run below, and bystanders",
    "speed": 1200,
    "vaults": [vault("vault-printed", recovery_plans={"till": ["till-db", "till-web"]})],
    "machines": [
        *(linux(name, state=state) for name, state in BYSTANDERS.items()),
        linux("s1-held"),
        linux("s1-late"),
        linux("s2-refused", state="out_uncommitted"),
        linux("s2-late", state="out"),
        linux("pat-1", state="ready"),
        linux("pat-2", state="ready"),
        linux("shop-db", state="ready", group="shop"),
        linux("shop-web", state="ready", group="shop"),
        linux("till-db", state="ready"),
        linux("till-web", state="ready"),
        linux("from-inventory", state="ready"),
        linux("s4-refused", state="ready"),
        linux("whole-way", state="ready"),
        linux("each-1", state="ready"),
        linux("each-2", state="out"),
    ],
}

HOME = ["failover_to_onprem", "commit_to_onprem"]
PLACES = {"asr_process_server": "ps-azure-01", "asr_datastore": "datastore-1"}


@dataclass(frozen=True)
class Case:
    """A run, what it prints, and what the chosen machines have been through once all of that was typed."""

    playbook: str
    #: Words behind the playbook; ``{choice}`` is a file that holds ``variables``.
    words: Sequence[str]
    machines: Mapping[str, list[str]]
    about: Sequence[str] = ("approve",)
    variables: Mapping[str, Any] = field(default_factory=dict)
    #: Speed of the rehearsal's time during the first run.
    speed: int = 1200


def case(name: str, *args: Any, marks: Any = (), **more: Any) -> Any:
    return pytest.param(Case(*args, **more), id=name, marks=marks)


LATE = ("-e", "asr_wait_timeout=2", "-e", "asr_on_timeout=ok")


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    scene = rehearse(FLEET)
    # The rehearsal's own file chooses every machine; here nothing is chosen but by the runs themselves.
    known = yaml.safe_load((scene.directory / "vars.yml").read_text())
    (scene.directory / "known.yml").write_text(yaml.safe_dump({k: v for k, v in known.items() if k != "asr_machines"}))
    return scene


def printed(run: Outcome) -> list[str]:
    """The commands that a run printed, as the lines they stand on."""
    return [line for line in run.text.splitlines() if line.startswith("ansible-playbook ")]


def touched(scene: Scene, since: int) -> set[str]:
    return {str(body["machine"]) for body in scene.bodies[since:]}


@pytest.mark.parametrize(
    "case",
    [
        case(
            "stage 1 held, by name",
            "stage_1_failover_to_azure",
            ["-e", "asr_machines=s1-held", "-e", "asr_confirm_failover_to_azure=true"],
            {"s1-held": ["failover_to_azure", "commit_to_azure"]},
            marks=pytest.mark.further,
        ),
        case(
            "stage 1 out of time, and then held",
            "stage_1_failover_to_azure",
            ["-e", '{"asr_machines": ["s1-late"], "asr_confirm_failover_to_azure": true}', *LATE],
            {"s1-late": ["failover_to_azure"]},
            about=("continue",),
            speed=5,
        ),
        case(
            "stage 2 refused and out of time, by a file",
            "stage_2_reprotect_to_onprem",
            ["-e", "@{choice}", *LATE],
            {"s2-refused": [], "s2-late": ["reprotect_to_onprem"]},
            about=("continue",),
            variables={"asr_machines": ["s2-refused", "s2-late"], **PLACES},
            speed=5,
        ),
        case(
            "stage 3 held, by pattern, beside a secret",
            "stage_3_failover_to_onprem",
            ["-e", "asr_machines=pat-* token=s3cret"],
            {"pat-1": HOME, "pat-2": HOME},
        ),
        case(
            "stage 3 held, by group in a file and by plan",
            "stage_3_failover_to_onprem",
            ["-e", "@{choice}", "-e", "{asr_recovery_plans: [till]}"],
            {"shop-db": HOME, "shop-web": HOME, "till-db": HOME, "till-web": HOME},
            variables={"asr_groups": ["shop"]},
        ),
        case(
            "stage 3 held, by a variable of the inventory",
            "stage_3_failover_to_onprem",
            ["-i", "{choice}"],
            {"from-inventory": HOME},
            variables={"all": {"hosts": {"localhost": {"asr_machines": ["from-inventory"]}}}},
            marks=pytest.mark.further,
        ),
        case(
            "stage 4 refused",
            "stage_4_reprotect_to_azure",
            ["-e", "asr_machines=s4-refused"],
            {"s4-refused": []},
            about=("again",),
        ),
        case(
            "the failback together, held",
            "failback",
            ["-e", "asr_machines=whole-way", "-e", json.dumps(PLACES)],
            {"whole-way": [*HOME, "reprotect_to_azure"]},
        ),
        case(
            "the failback each on its own, one held and one under way",
            "failback",
            [
                "-e",
                "asr_machines='each-1,each-2' asr_advance=each",
                "-e",
                json.dumps(PLACES),
                "-e",
                "asr_wait_timeout=20",
            ],
            {"each-1": [*HOME, "reprotect_to_azure"], "each-2": ["reprotect_to_onprem", "failover_to_onprem"]},
            about=("approve", "continue"),
            speed=60,
            marks=pytest.mark.further,
        ),
    ],
)
def test_a_printed_command_touches_the_runs_own_machines(scene: Scene, case: Case) -> None:
    choice = scene.directory / "choice.yml"
    choice.write_text(yaml.safe_dump(dict(case.variables)), encoding="utf-8")
    words = [word.replace("{choice}", str(choice)) for word in case.words]
    known = ["-e", f"@{scene.directory / 'known.yml'}"]
    start = len(scene.bodies)
    scene.control("/clock", {"speed": case.speed})
    try:
        first = scene.command(["ansible-playbook", f"homeward.asr.{case.playbook}", *known, *words])
    finally:
        scene.control("/clock", {"speed": 1200})
    report = first.of("asr_report")[-1]
    assert [entry["about"] for entry in report["onward"]] == list(case.about), first.text
    commands = printed(first)
    assert commands == [entry["command"] for entry in report["onward"]]
    assert not any("commit" in step for name in case.machines for step in scene.sent(name))
    scene.registered(*case.machines)
    for command in commands:
        assert "confirm" not in command
        assert "s3cret" not in command
        scene.command(["sh", "-c", command.replace("asr_wait_timeout=20", "asr_wait_timeout=900")])
    assert touched(scene, start) <= set(case.machines)
    assert {name: scene.sent(name) for name in case.machines} == dict(case.machines)


def test_held_for_many_means_those_that_waited_when_the_run_began(scene: Scene) -> None:
    """s1-late was brought to its commit above; by-ready is no part of the run, and by-out waits, too."""
    start = len(scene.bodies)
    run = scene.playbook("stage_1_failover_to_azure", asr_machines=["s1-late", "by-azure"], asr_approved="held")
    assert run.rc == 0, run.text
    assert [(b["machine"], b["step"]) for b in scene.bodies[start:]] == [("s1-late", "commit_to_azure")]


def test_what_this_run_brings_to_its_commit_is_not_held_at_its_beginning(scene: Scene) -> None:
    start = len(scene.bodies)
    run = scene.playbook("stage_3_failover_to_onprem", asr_machines=["s4-refused"], asr_approved=["held"])
    assert run.rc == 0, run.text
    assert [b["step"] for b in scene.bodies[start:]] == ["failover_to_onprem"]
    assert run.of("asr_report")[-1]["awaiting_approval_machines"] == ["s4-refused"]


def test_a_misspelt_approval_stops_the_run_before_anything_is_sent(scene: Scene) -> None:
    before = scene.writes
    for playbook in ("failback", "stage_3_failover_to_onprem"):
        run = scene.playbook(playbook, asr_machines=["by-ready"], asr_approved=["by-raedy"], **PLACES)
        assert run.rc == 2, run.text
        assert "'by-raedy'" in run.text
    assert scene.writes == before


def test_nobody_touched_the_bystanders(scene: Scene) -> None:
    assert {name: scene.sent(name) for name in BYSTANDERS} == {name: [] for name in BYSTANDERS}
