# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role awx_setup makes in AWX or Automation Platform, as plain data. Pure.

The keys of an object are options of the module that makes it (awx.awx and ansible.controller document them alike), and the lists are named
as roles for configuration as code name them (``controller_projects`` and so on).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .survey import survey
from .templates import PLACES, RUN, SELECTION, TEMPLATES, Template

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
