# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables and options as people and surveys give them, through ansible-playbook: what is blank chooses nothing, what is
misspelt is said before anything is asked of the vault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "given",
    "description": "Machines with and without a group, to be chosen by what a survey leaves",
    "speed": 600,
    "vaults": [vault("vault-one")],
    "machines": [
        linux("app-01", state="out"),
        linux("files-01", state="out"),
        linux("till-01", state="out", group="till"),
        linux("SQL [prod]", state="out"),
    ],
}

#: A survey that nobody filled in, but for the machines.
SURVEY: dict[str, Any] = {
    "asr_groups": "",
    "asr_recovery_plans": "",
    "asr_exclude": " ",
    "asr_master_targets": "",
    "asr_recovery_point": "",
    "asr_commit_when": "",
    "asr_shut_down_source": "",
    "asr_wait_timeout": "",
    "asr_poll_interval": "",
    "asr_datastore": "datastore-1",
    "asr_hooks_before_failback": "",
    "asr_user_ticket": 4711,
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def test_a_survey_chooses_the_machines_it_names(scene: Scene) -> None:
    run = scene.playbook("failback", "--check", **SURVEY, asr_machines="app-01\nfiles-01\n")
    assert run.rc == 0, run.text
    assert sorted(run.machines("asr_failback")) == ["app-01", "files-01"]


def test_a_survey_that_names_nobody_chooses_nobody(scene: Scene) -> None:
    run = scene.playbook("failback", "--check", **SURVEY, asr_machines="")
    assert run.rc == 2, run.text
    said = " ".join(run.text.split())
    assert "Choose from: app-01, files-01, SQL [prod], till-01" in said
    assert "machines: all" in said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"asr_hooks_before_comit": ["gate.yml"]}, ("no variable asr_hooks_before_comit", "asr_hooks_before_commit")),
        ({"asr_exclude": "{{ nobody_defined_this }}"}, ("asr_exclude cannot be read", "nobody_defined_this")),
        ({"asr_verify": "{{ broken"}, ("asr_verify cannot be read", "or leave asr_verify out")),
        (
            {"asr_machines": {"app-01": True}, "asr_retries": "few"},
            ("asr_machines must be a list", "asr_retries must be a number"),
        ),
        (
            {"asr_advance": "each", "asr_hooks_before_commit": "gate.yml"},
            ("asr_hooks_before_commit would not run", "asr_advance"),
        ),
    ],
    ids=["misspelt", "undefined", "broken", "wrong type", "gate without a place"],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(
    scene: Scene, variables: dict[str, Any], words: tuple[str, ...]
) -> None:
    before = scene.control("/counters")
    run = scene.playbook("failback", **{"asr_machines": "app-01", **variables})
    assert run.rc == 2, run.text
    said = " ".join(run.text.split())
    for word in words:
        assert word in said
    assert scene.control("/counters") == before


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        ([], {"asr_hosts": "nobody"}, ("asr_hosts is nobody", "nothing would be done")),
        (["-i", "app-01,", "--limit", "app-01"], {}, ("--limit app-01 leaves out localhost", "asr_machines")),
        # The machines are hosts of a later play, which the limit would leave without them.
        (
            ["-i", "localhost,", "--limit", "localhost"],
            {"asr_verify": {"app-01": [{"tcp": 22}]}},
            ("--limit localhost leaves out app-01", "localhost,asr_failed_over"),
        ),
        # The first task is skipped, which reads the variables.
        (["--start-at-task", "Plan, run the stages, report"], {"asr_exclude": 7}, ("asr_exclude must be a list",)),
    ],
    ids=["nobody", "limit to a machine", "limit without the machines", "start at a later task"],
)
def test_a_run_without_its_hosts_or_variables_is_refused(
    scene: Scene, options: list[str], variables: dict[str, Any], words: tuple[str, ...]
) -> None:
    before = scene.writes
    run = scene.playbook(
        "failback", *options, **{"asr_machines": "app-01", "asr_datastore": "datastore-1", **variables}
    )
    assert run.rc not in (0, None), run.text
    said = " ".join(run.text.split())
    for word in words:
        assert word in said
    assert scene.writes == before


def test_options_of_modules_are_read_alike(scene: Scene) -> None:
    info = "homeward.asr.asr_replicated_item_info"
    tasks = [
        {"name": "text", info: {"machines": "app-01, files-01", "groups": ""}},
        {"name": "lines", info: {"machines": "app-01\n\nfiles-01"}},
        {"name": "json", info: {"machines": '["sql [prod]"]'}},
        {"name": "list", info: {"machines": [" app-01 ", ""]}},
        {"name": "blank", info: {"machines": [" "]}},
        {"name": "mapping", info: {"machines": {"app-01": 1}}},
        {"name": "number", info: {"machines": [7]}},
        {"name": "stranger", info: {"machines": ["app-01"], "wait_timeout": 5}},
        {
            "name": "stranger of the group",
            info: {"machines": ["app-01"]},
            "module_defaults": {"group/homeward.asr.asr": {"wait_timeout": 5}},
        },
    ]
    run = scene.tasks(tasks)
    chosen = {r["task"]: [m["name"] for m in r["result"].get("machines", [])] for r in run.results}
    assert chosen["text"] == chosen["lines"] == ["app-01", "files-01"]
    assert chosen["json"] == ["SQL [prod]"]
    assert chosen["list"] == chosen["stranger of the group"] == ["app-01"]
    for name, code in (
        ("blank", "no_machines"),
        ("mapping", "wrong_type"),
        ("number", "wrong_type"),
        ("stranger", "option_not_supported"),
    ):
        assert run.task(name)["code"] == code, run.task(name)
