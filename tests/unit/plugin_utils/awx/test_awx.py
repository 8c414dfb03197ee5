# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects for AWX, and what an approval says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.filter.awx_announcement import awx_announcement
from ansible_collections.homeward.asr.plugins.filter.awx_objects import awx_objects
from ansible_collections.homeward.asr.plugins.plugin_utils.awx import objects as awx
from ansible_collections.homeward.asr.plugins.plugin_utils.awx.announcement import announcement
from ansible_collections.homeward.asr.plugins.plugin_utils.awx.survey import survey
from ansible_collections.homeward.asr.plugins.plugin_utils.awx.templates import TEMPLATES, WITHOUT_TEMPLATE, Template
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.given import read

ROOT = Path(__file__).resolve().parents[4]
DEFAULTS = yaml.safe_load((ROOT / "roles" / "awx_setup" / "defaults" / "main.yml").read_text(encoding="utf-8"))


def objects(**given: Any) -> dict[str, list[dict[str, Any]]]:
    settings = {name.removeprefix("awx_setup_"): value for name, value in DEFAULTS.items()}
    return awx.objects({**settings, **given})


def test_every_playbook_has_a_template_and_every_template_a_playbook() -> None:
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert {template.playbook for template in TEMPLATES} == playbooks - WITHOUT_TEMPLATE
    made = {t["playbook"] for t in objects(controller_credential="c")["controller_templates"]}
    assert all((ROOT / name).is_file() for name in made)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: str(t.playbook))
def test_surveys_ask_for_what_the_playbooks_know_and_a_blank_answer_is_the_default(template: Template) -> None:
    spec = survey(template.asked, template.required)["spec"]
    assert {q["variable"] for q in spec} <= set(VARIABLES)
    assert len({q["variable"] for q in spec}) == len(spec)
    given, wrong = read({q["variable"]: q["default"] for q in spec})
    assert wrong == []
    # Only what must be answered has a default of its own, and that is no.
    assert not any(given.values())
    assert all(set(q["choices"]) or q["type"] != "multiplechoice" for q in spec)


def test_what_is_set_for_every_job_is_asked_only_where_an_answer_is_required() -> None:
    made = objects(variables={"asr_machines": ["a"], "asr_policy": "home"})
    asked = {t["name"]: [q["variable"] for q in t["survey_spec"].get("spec", ())] for t in made["controller_templates"]}
    assert not {"asr_machines", "asr_policy"} & set(asked["asr failback"])
    assert "asr_machines" in asked["asr stage 1 failover to azure"]


def test_moves_are_never_started_side_by_side_and_nothing_is_confirmed_beforehand() -> None:
    for template in objects()["controller_templates"]:
        moves = any(word in template["name"] for word in ("failback", "stage"))
        assert template["allow_simultaneous"] is not moves, template["name"]
        assert not any("confirm" in name for name in template["extra_vars"])


def test_without_a_credential_of_the_controller_the_approval_says_whom_it_means() -> None:
    (workflow,) = objects()["controller_workflows"]
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    assert "announce" not in nodes
    assert nodes["failback"]["success_nodes"] == ["approve"]
    assert nodes["commit"]["extra_data"] == {"asr_approved": "held"}
    assert "deletes its Azure VM" in nodes["approve"]["approval_node"]["description"]


@pytest.mark.parametrize("credential", ["", "this-controller"])
def test_nodes_lead_only_to_nodes_before_them_in_the_list_and_no_commit_without_the_approval(credential: str) -> None:
    (workflow,) = objects(controller_credential=credential)["controller_workflows"]
    known: list[str] = []
    parents: dict[str, list[str]] = {}
    for node in workflow["simplified_workflow_nodes"]:
        for other in [*node["success_nodes"], *node["failure_nodes"], *node["always_nodes"]]:
            if node.get("approval_node") is None:
                assert other in known
            parents.setdefault(other, []).append(node["identifier"])
        known.append(node["identifier"])
    assert parents["commit"] == ["approve"]


@pytest.mark.parametrize(
    ("result", "waiting", "approved", "text"),
    [
        ({}, 0, [], ""),
        ({"counts": {"awaiting_approval": 1}, "awaiting_approval": ["a"]}, 1, ["a"], "1 machine waits"),
        ({"counts": {"awaiting_approval": 2}, "awaiting_approval": ["a", "b"]}, 2, ["a", "b"], "a, b. Approving"),
        ({"counts": {"awaiting_approval": 40}, "awaiting_approval": ["a"]}, 40, ["held"], "a and 39 more. "),
    ],
)
def test_the_approval_names_who_waits(result: dict[str, Any], waiting: int, approved: list[str], text: str) -> None:
    found = announcement(result)
    assert (found["waiting"], found["approved"]) == (waiting, approved)
    assert text in found["text"]


def test_the_next_job_takes_what_the_workflow_gives_it() -> None:
    given, wrong = read({"asr_result": {"code": ""}, "asr_approved": ["a"]})
    assert (given, wrong) == ({"asr_approved": ["a"]}, [])
    assert read({"asr_resul": 1})[1]


def test_variables_that_the_playbooks_would_refuse_are_refused() -> None:
    settings = {name.removeprefix("awx_setup_"): value for name, value in DEFAULTS.items()}
    for variables in ({"asr_machine": "a"}, {"asr_commit_when": "never"}, {"machines": "a"}):
        with pytest.raises(ValueError, match="awx_setup_variables"):
            awx_objects({**settings, "variables": variables})


@pytest.mark.parametrize("result", [{}, None, "held", 7, ["app-01"]])
def test_a_result_that_is_none_of_ours_approves_nobody(result: Any) -> None:
    assert awx_announcement(result) == {"waiting": 0, "text": "", "approved": []}
