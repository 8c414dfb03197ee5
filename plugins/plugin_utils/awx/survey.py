# SPDX-License-Identifier: GPL-3.0-or-later
"""The surveys of job templates, from the playbooks' variables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..variables.catalogue import VARIABLES, Kind


@dataclass(frozen=True)
class SurveyQuestion:
    """What a survey asks, and the sentence below it."""

    title: str
    text: str = ""


#: Survey questions by variable, where its name alone does not say it.
QUESTIONS: Mapping[str, SurveyQuestion] = {
    "asr_machines": SurveyQuestion(
        "Machines", "Names, patterns or item ids, one a line, or the word all. Blank selects none."
    ),
    "asr_groups": SurveyQuestion("Consistency groups", "Names, one a line."),
    "asr_recovery_plans": SurveyQuestion("Recovery plans", "Names, one a line."),
    "asr_exclude": SurveyQuestion("Machines to leave out", "Names or patterns, one a line."),
    "asr_split_groups": SurveyQuestion(
        "Split consistency groups",
        "Allow a part of a consistency group. It loses its common recovery point.",
    ),
    "asr_approved": SurveyQuestion(
        "Approved commits",
        "Machines whose commit you approve, one a line. A commit to on-premises deletes the Azure VM.",
    ),
    "asr_commit_when": SurveyQuestion(
        "Commit",
        "manual commits approved machines; verified commits every machine that passes every proof.",
    ),
    "asr_accept": SurveyQuestion(
        "Rules to override",
        'JSON: each rule with the reason, such as {"mt_snapshot": "it is removed tonight"}.',
    ),
    "asr_confirm_failover_to_azure": SurveyQuestion("Really fail over to Azure", "true fails the machines over."),
    "asr_confirm_cancel": SurveyQuestion(
        "Really cancel", "true cancels. All data written on-premises since the failover is lost."
    ),
    "asr_datastore": SurveyQuestion("Datastore", "For machines that are recreated: a name, or JSON by machine."),
    "asr_retention_volume": SurveyQuestion("Retention volume", "A name, or JSON by machine."),
    "asr_recovery_point": SurveyQuestion(
        "Recovery point",
        "latest, latest_processed, latest_app_consistent, latest_crash_consistent or a name; or JSON by machine.",
    ),
    "asr_wait_timeout": SurveyQuestion("Seconds to wait", "Its expiry cancels nothing."),
    "asr_snapshot_file": SurveyQuestion("File", "File for the fleet, on a volume that outlives the job."),
}


def survey(
    asked: Sequence[str], required: Sequence[str] = (), given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The survey of a template. A variable that ``given`` has for every job is not asked for, unless it must be."""
    questions = [_question(name, name in required) for name in asked if name in required or name not in (given or {})]
    return {"name": "", "description": "", "spec": questions}


def _question(name: str, required: bool) -> dict[str, Any]:
    variable = VARIABLES[name]
    asked = QUESTIONS.get(name, SurveyQuestion(name.removeprefix("asr_").replace("_", " ").capitalize()))
    question: dict[str, Any] = {
        "question_name": asked.title,
        "question_description": asked.text,
        "required": required,
        "type": "text",
        "variable": name,
        "default": "",
        "min": 0,
        "max": 1024,
        "choices": [],
    }
    if variable.kind in (Kind.LIST, Kind.HOOKS, Kind.VAULTS, Kind.MAPPING, Kind.BY_MACHINE):
        question |= {"type": "textarea", "max": 32768}
    elif variable.kind is Kind.NUMBER:
        question |= {"type": "float", "max": 31536000}
    elif variable.kind is Kind.FLAG:
        question |= {"type": "multiplechoice", "choices": ["true", "false"], "default": "false" if required else ""}
    elif variable.choices:
        question |= {"type": "multiplechoice", "choices": list(variable.choices)}
    return question
