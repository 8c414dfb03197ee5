# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the hints in the domain's sentences (failback/model/hints.py) into words: names what users set and ran as they know
it, by variable and playbook where the task is one of our playbooks', by variable where a role is used without them, by
option and module elsewhere. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Union
from urllib.parse import unquote

from ...module_utils.failback.model.hints import HINT
from ...module_utils.failback.report.rows import folded
from ..variables.catalogue import VARIABLES

#: Options whose variable has another name.
CALLED = {
    "master_target": "asr_master_targets",
    "names": "asr_master_targets",
    "name": "asr_process_server",
    "guests": "asr_probe_guests",
    "datastores": "asr_datastore",
    "deploy": "asr_process_server_deploy",
    "move_machines_to": "asr_process_server_onprem",
}

#: What takes a machine over a step, in the playbooks and in tasks.
IN_PLAYBOOKS: Mapping[str, str] = {
    "commit_to_azure": "run stage_1_failover_to_azure for this machine and approve it there (asr_approved)",
    "reprotect_to_onprem": "run stage_2_reprotect_to_onprem for this machine",
    "failover_to_onprem": "run stage_3_failover_to_onprem for this machine",
    "commit_to_onprem": "run stage_3_failover_to_onprem for this machine and approve it there (asr_approved)",
    "reprotect_to_azure": "run stage_4_reprotect_to_azure for this machine",
    "failover_to_azure": "run stage_1_failover_to_azure for this machine",
    "failback": "run failback for this machine",
    "prepare": "run the playbook prepare",
    "without_reprotect": "run stages 2 and 3 alone",
    "item_info": "look with asr_replicated_item_info",
}
IN_TASKS: Mapping[str, str] = {
    "commit_to_azure": "use asr_commit with direction to_azure and its name in 'approved'",
    "reprotect_to_onprem": "use asr_reprotect with direction to_onprem",
    "failover_to_onprem": "use asr_failover with direction to_onprem",
    "commit_to_onprem": "use asr_commit with direction to_onprem and its name in 'approved'",
    "reprotect_to_azure": "use asr_reprotect with direction to_azure",
    "failover_to_azure": "use asr_failover with direction to_azure",
    "failback": "use asr_failback",
    "prepare": "use asr_master_target and asr_process_server",
    "without_reprotect": "use asr_reprotect, asr_failover and asr_commit",
    "item_info": "use asr_replicated_item_info",
}


@dataclasses.dataclass(frozen=True)
class RoleNames:
    """How a role that is used without our playbooks calls its variables: their prefix, and those that there are."""

    prefix: str
    known: frozenset[str]

    def of(self, option: str) -> str:
        names = (self.prefix + option, self.prefix + CALLED.get(option, option).removeprefix("asr_"))
        return next((name for name in names if name in self.known), option)


#: Who is spoken to: users of our playbooks (True), of a role, or of a task (False).
Listener = Union[bool, RoleNames]


def variable(option: str, listener: Listener = True) -> str:
    """The variable for an option; the option itself where there is none."""
    if isinstance(listener, RoleNames):
        return listener.of(option)
    name = CALLED.get(option, f"asr_{option}")
    return name if listener and name in VARIABLES else option


def worded(value: Any, playbooks: Listener) -> Any:
    """A result, or a part of one, with its hints turned into words; lines that have hints are divided then."""
    if isinstance(value, str):
        return HINT.sub(lambda hint: _words(hint[1], hint[2], playbooks), value) if "{" in value else value
    if isinstance(value, Mapping):
        return {
            key: entry if key in ("cursor", "invocation") else worded(entry, playbooks) for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [part for entry in value for part in folded(worded(entry, playbooks))]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Warnings of a module, from ansible-core 2.19 on.
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **{name: _kept_shape(entry, playbooks) for name, entry in fields.items()})
    return value


def _kept_shape(value: Any, playbooks: Listener) -> Any:
    """Like ``worded``, but a tuple stays a tuple: Ansible's classes check the types of their fields."""
    new = worded(value, playbooks)
    return tuple(new) if isinstance(value, tuple) else new


def _words(kind: str, text: str, playbooks: Listener) -> str:
    if kind == "option":
        return variable(text, playbooks)
    if kind == "set":
        name, _equals, value = text.partition("=")
        return f"{variable(name, playbooks)}: {value}"
    if kind == "accept":
        reasons = json.dumps(
            {k: unquote(v) for k, _equals, v in (entry.partition("=") for entry in text.split(";"))}, ensure_ascii=False
        )
        if playbooks is True:
            return f"-e '{{\"asr_accept\": {reasons}}}'"
        return f"{variable('accept', playbooks)}: {reasons}"
    return (IN_PLAYBOOKS if playbooks is True else IN_TASKS).get(text, text)
