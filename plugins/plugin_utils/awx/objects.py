# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role awx_setup makes in AWX or Automation Platform, as plain data. Pure.

The keys of an object are options of the module that makes it (awx.awx and ansible.controller document them alike), and the lists are named
as roles for configuration as code name them (``controller_projects`` and so on).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES, Kind

Data = dict[str, Any]

#: Identifiers of the workflow's nodes.
PREFLIGHT, FAILBACK, ANNOUNCE, APPROVE, COMMIT, STATUS = (
    "preflight",
    "failback",
    "announce",
    "approve",
    "commit",
    "status",
)

SELECTION = ("asr_machines", "asr_groups", "asr_recovery_plans", "asr_exclude", "asr_split_groups")
PLACES = (
    "asr_master_targets",
    "asr_process_server",
    "asr_process_server_onprem",
    "asr_datastore",
    "asr_retention_volume",
    "asr_policy",
    "asr_policy_to_azure",
)
RUN = ("asr_accept", "asr_rpo_limit", "asr_allowed_failures", "asr_wait_timeout", "asr_on_timeout")
COMMITS = ("asr_approved", "asr_commit_when")


@dataclass(frozen=True)
class Template:
    """A job template: ``playbook`` by its short name, the variables its survey asks for, and those of them that must be answered."""

    playbook: str
    text: str
    asked: tuple[str, ...]
    required: tuple[str, ...] = ()
    #: Whether the playbook moves machines: two such jobs of one template are never started side by side.
    moves: bool = False

    @property
    def name(self) -> str:
        return self.playbook.replace("_", " ")


TEMPLATES = (
    Template("preflight", "Checks everything before anything is sent; changes nothing.", (*SELECTION, *PLACES, "asr_moments", "asr_accept")),
    Template(
        "prepare",
        "Checks process server and master targets and excludes master targets from DRS and Storage DRS.",
        ("asr_master_targets", "asr_process_server", "asr_datastore", "asr_vmotion_exclusion", "asr_power_off", "asr_refresh"),
    ),
    Template("failback", "Stages 2 to 4: fails machines back, and commits those that are approved.",
             (*SELECTION, *COMMITS, *PLACES, *RUN, "asr_advance", "asr_recovery_point"), moves=True),
    Template("stage_1_failover_to_azure", "Fails machines over to Azure; only machines named one by one.",
             ("asr_machines", "asr_confirm_failover_to_azure", *COMMITS, *RUN, "asr_recovery_point", "asr_shut_down_source"),
             ("asr_machines", "asr_confirm_failover_to_azure"), moves=True),
    Template("stage_2_reprotect_to_onprem", "Replicates to on-premises and waits until machines are synchronized.",
             (*SELECTION, *PLACES, *RUN), moves=True),
    Template("stage_3_failover_to_onprem", "Fails over to on-premises, verifies, and commits what is approved.",
             (*SELECTION, *COMMITS, "asr_recovery_point", *RUN), moves=True),
    Template("stage_4_reprotect_to_azure", "Protects machines to Azure again.",
             (*SELECTION, "asr_process_server_onprem", "asr_policy_to_azure", *RUN), moves=True),
    Template("status", "Shows every machine's state and next step; changes nothing.", SELECTION[:4]),
    Template("cancel_failback", "Modernized vaults: cancels a failover to on-premises before its commit. Data written since is lost.",
             ("asr_machines", "asr_confirm_cancel"), ("asr_machines", "asr_confirm_cancel"), moves=True),
    Template("release", "After the failback: restores DRS and Storage DRS, removes a deployed process server on request.",
             ("asr_master_targets", "asr_process_server_remove", "asr_process_server_onprem")),
    Template("leftovers", "After the failback: lists what is still in Azure and costs money; removes only what asr_remove names by id.",
             ("asr_remove", "asr_remove_unknown")),
    Template("snapshot", "Writes the fleet to a file for a rehearsal. The file must be on a volume that outlives the job.",
             ("asr_snapshot_file", "asr_snapshot_pseudonyms"), ("asr_snapshot_file",)),
)  # fmt: skip

#: Playbooks without a template of that kind: the rehearsal needs its stand-ins, and the announcement has a template of its own.
WITHOUT_TEMPLATE = frozenset({"rehearse", "awx_announce", "awx_setup"})


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
        "Machines whose commit you approve, one a line. A commit home deletes the Azure VM.",
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

#: The credential type for clouds and authorities that AWX's own type cannot name, and for a CA file.
ENDPOINTS: Data = {
    "kind": "cloud",
    "description": "Endpoints of Azure and a CA certificate, beside Microsoft Azure Resource Manager",
    "inputs": {
        "fields": [
            {"id": "resource_manager_endpoint", "type": "string", "label": "URL of Azure Resource Manager"},
            {"id": "authority_host", "type": "string", "label": "URL of the Microsoft Entra authority"},
            {"id": "ca_certificates", "type": "string", "label": "CA certificates to trust (PEM)", "multiline": True},
        ],
        "required": ["ca_certificates"],
    },
    "injectors": {
        "file": {"template.ca": "{{ ca_certificates }}"},
        "env": {
            "AZURE_RESOURCE_MANAGER_ENDPOINT": "{{ resource_manager_endpoint }}",
            "AZURE_AUTHORITY_HOST": "{{ authority_host }}",
            "AZURE_CA_PATH": "{{ tower.filename.ca }}",
        },
    },
}


def objects(settings: Mapping[str, Any]) -> dict[str, list[Data]]:
    """Everything, in the order in which it is made. ``settings`` are the role's variables without ``awx_setup_``."""
    prefix, organization = str(settings["prefix"]), str(settings["organization"])
    hooks = _hooks(settings)
    return {
        "controller_credential_types": [{"name": f"{prefix} endpoints", **ENDPOINTS}],
        "controller_execution_environments": _environments(settings),
        "controller_notifications": [{**entry, "organization": organization} for entry in settings["notifications"]],
        "controller_projects": [_project(settings)],
        "controller_inventories": [{"name": f"{prefix} controller", "organization": organization, "kind": ""}],
        "controller_hosts": [
            {
                "name": "localhost",
                "inventory": f"{prefix} controller",
                "variables": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                },
            }
        ],
        "controller_templates": [*(_template(t, settings, hooks) for t in TEMPLATES), *_announcing(settings, hooks)],
        "controller_workflows": [_workflow(settings)],
        "controller_schedules": _schedules(settings),
    }


def survey(asked: Sequence[str], required: Sequence[str] = (), given: Mapping[str, Any] | None = None) -> Data:
    """The survey of a template. A variable that ``given`` has for every job is not asked for, unless it must be."""
    questions = [_question(name, name in required) for name in asked if name in required or name not in (given or {})]
    return {"name": "", "description": "", "spec": questions}


def _question(name: str, required: bool) -> Data:
    variable = VARIABLES[name]
    asked = QUESTIONS.get(name, SurveyQuestion(name.removeprefix("asr_").replace("_", " ").capitalize()))
    question: Data = {
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


def _hooks(settings: Mapping[str, Any]) -> Data:
    """Which notifications a job template sends."""
    names = [str(entry["name"]) for entry in settings["notifications"]]
    return {
        f"notification_templates_{when}": names if when in settings["notify_on"] else []
        for when in ("started", "success", "error")
    }


def _environments(settings: Mapping[str, Any]) -> list[Data]:
    image = settings["execution_environment_image"]
    return [{"name": f"{settings['prefix']} execution environment", "image": image, "pull": "missing"}] if image else []


def _project(settings: Mapping[str, Any]) -> Data:
    found: Data = {
        "name": f"{settings['prefix']} project",
        "organization": settings["organization"],
        "scm_type": "git",
        "scm_url": settings["scm_url"],
        "scm_branch": settings["scm_branch"],
        "scm_update_on_launch": False,
    }
    return {**found, "credential": settings["scm_credential"]} if settings["scm_credential"] else found


def _job(playbook: str, name: str, text: str, settings: Mapping[str, Any], hooks: Data) -> Data:
    prefix = settings["prefix"]
    found: Data = {
        "name": f"{prefix} {name}",
        "description": text,
        "organization": settings["organization"],
        "job_type": "run",
        "inventory": f"{prefix} controller",
        "project": f"{prefix} project",
        "playbook": "/".join(part for part in (settings["playbook_directory"].strip("/"), f"{playbook}.yml") if part),
        "credentials": list(settings["credentials"]),
        # A synchronization takes days; asr_wait_timeout ends a job without harm.
        "timeout": 0,
        **hooks,
    }
    if settings["execution_environment_image"]:
        found["execution_environment"] = f"{prefix} execution environment"
    return found


def _template(template: Template, settings: Mapping[str, Any], hooks: Data) -> Data:
    asked = survey(template.asked, template.required, settings["variables"])
    return {
        **_job(template.playbook, template.name, template.text, settings, hooks),
        "extra_vars": dict(settings["variables"]),
        # So that a launch may carry asr_approved, asr_verify and whatever else the survey does not ask for.
        "ask_variables_on_launch": True,
        "ask_job_type_on_launch": True,
        "allow_simultaneous": not template.moves,
        "survey_enabled": bool(asked["spec"]),
        "survey_spec": asked if asked["spec"] else {},
    }


def _announcing(settings: Mapping[str, Any], hooks: Data) -> list[Data]:
    if not settings["controller_credential"]:
        return []
    prefix = settings["prefix"]
    text = "In the workflow: writes into the approval which machines wait for their commit, and approves those in the next job."
    return [
        {
            **_job("awx_announce", "announce", text, settings, hooks),
            "credentials": [settings["controller_credential"]],
            "extra_vars": {
                "awx_announce_collection": settings["collection"],
                "awx_announce_organization": settings["organization"],
                "awx_announce_workflow": f"{prefix} failback with approval",
                "awx_announce_node": APPROVE,
                "awx_announce_name": approval_name(settings),
            },
            # The workflow's own answers come along.
            "ask_variables_on_launch": True,
            "ask_job_type_on_launch": False,
            "allow_simultaneous": False,
            "survey_enabled": False,
            "survey_spec": {},
        }
    ]


def announcement(result: Mapping[str, Any]) -> Data:
    """From ``asr_result`` to the approval's ``text`` and the value of ``asr_approved`` for the job after it; ``waiting`` is how many wait.

    The result names at most so many machines; where more wait, those that wait when the next job begins are meant.
    """
    names = [str(name) for name in result.get("awaiting_approval") or ()]
    waiting = max(int((result.get("counts") or {}).get("awaiting_approval") or 0), len(names))
    machines = f"{waiting} machine{'' if waiting == 1 else 's'}"
    more = waiting - len(names)
    text = f"{machines} wait{'s' if waiting == 1 else ''} for the commit home, which deletes the Azure VM: {', '.join(names)}"
    if more:
        text += (
            f" and {more} more. Approving commits every machine of the selection that waits when the next job begins."
        )
    else:
        text += ". Approving commits these."
    return {"waiting": waiting, "text": text if waiting else "", "approved": ["held"] if more else names}


def approval_name(settings: Mapping[str, Any]) -> str:
    """What the approval is called."""
    return f"{settings['prefix']} commit home"


def _workflow(settings: Mapping[str, Any]) -> Data:
    """Preflight, failback up to the commit, the approval, and the commit of those that waited; the state, where nobody waits."""
    prefix, organization = settings["prefix"], settings["organization"]
    announces = bool(settings["controller_credential"])

    def node(identifier: str, template: str, **more: Any) -> Data:
        links = {key: more.get(key, []) for key in ("success_nodes", "failure_nodes", "always_nodes")}
        job = {"unified_job_template": f"{prefix} {template}", "lookup_organization": organization}
        return {"identifier": identifier, **job, **{k: v for k, v in more.items() if k not in links}, **links}

    approve: Data = {
        "identifier": APPROVE,
        "approval_node": {"name": approval_name(settings), "timeout": settings["approval_timeout"]},
        "success_nodes": [COMMIT],
        "failure_nodes": [],
        "always_nodes": [],
    }
    commit = node(COMMIT, "failback")
    if not announces:
        # Nobody can be named: whoever waits when the job begins is meant, as the approval's text says.
        approve["approval_node"]["description"] = (
            "Approving commits every machine of the selection that waits for its commit when the next job begins, and deletes its Azure VM. "
            "The report of the failback job names them."
        )
        commit["extra_data"] = {"asr_approved": "held"}
    names = [str(entry["name"]) for entry in settings["notifications"]]
    return {
        "name": f"{prefix} failback with approval",
        "description": "Fails machines back, waits for a person before the commits, then commits.",
        "organization": organization,
        "ask_variables_on_launch": True,
        "allow_simultaneous": False,
        "survey_enabled": True,
        "survey_spec": survey((*SELECTION, *PLACES, *RUN), (), settings["variables"]),
        **{
            f"notification_templates_{when}": names if when in settings["notify_on"] else []
            for when in ("started", "success", "error", "approvals")
        },
        # From the last to the first: a node is linked to nodes that exist.
        "simplified_workflow_nodes": [
            commit,
            node(STATUS, "status"),
            approve,
            *([node(ANNOUNCE, "announce", success_nodes=[APPROVE], failure_nodes=[STATUS])] if announces else []),
            node(FAILBACK, "failback", success_nodes=[ANNOUNCE if announces else APPROVE]),
            node(PREFLIGHT, "preflight", success_nodes=[FAILBACK]),
        ],
    }


def _schedules(settings: Mapping[str, Any]) -> list[Data]:
    if not settings["preflight_rrule"]:
        return []
    return [
        {
            "name": f"{settings['prefix']} preflight",
            "unified_job_template": f"{settings['prefix']} preflight",
            "organization": settings["organization"],
            "rrule": settings["preflight_rrule"],
            "extra_data": {"asr_machines": settings["preflight_machines"]},
        }
    ]
