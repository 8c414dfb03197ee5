# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the variables that users set for the playbooks (``asr_*``; docs/variables.md explains each).

None of them is a secret: secrets come from the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.moments import MOMENTS
from ansible_collections.homeward.asr.plugins.module_utils.shell.specs import deployment


class Kind(Enum):
    """What the value of a variable is."""

    LIST = "a list of names"
    HOOKS = "a list of task files"
    VAULTS = "a list of vaults"
    TEXT = "a string"
    NUMBER = "a number"
    FLAG = "true or false"
    MAPPING = "a mapping"
    #: One text for all machines, or a mapping from machines or operating systems to texts.
    BY_MACHINE = "a string, or a mapping from machines to strings"


@dataclass(frozen=True)
class Variable:
    """A variable of the playbooks. ``repeated``: whether a printed command that goes on with a run may carry it;
    ``choices``: the words it takes, where they are few; ``parts``: the keys of a mapping, where they are known."""

    name: str
    kind: Kind
    repeated: bool = True
    choices: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


#: Hooks are named by the step that they run before or after.
_HOOKED = (
    "failover_to_azure",
    "commit_to_azure",
    "reprotect",
    "failover",
    "commit",
    "reprotect_to_azure",
    "failback",
)

_ALL = (
    # Which machines, where.
    Variable("asr_hosts", Kind.LIST),
    Variable("asr_vaults", Kind.VAULTS),
    Variable("asr_vault", Kind.VAULTS),
    Variable("asr_machines", Kind.LIST),
    Variable("asr_groups", Kind.LIST),
    Variable("asr_recovery_plans", Kind.LIST),
    Variable("asr_exclude", Kind.LIST),
    # What may happen. A printed command approves machines by name and never confirms a failover to Azure.
    Variable("asr_commit_when", Kind.TEXT, choices=("manual", "verified")),
    Variable("asr_approved", Kind.LIST, repeated=False),
    Variable("asr_accept", Kind.MAPPING),
    Variable("asr_rpo_limit", Kind.NUMBER),
    Variable("asr_verify", Kind.MAPPING),
    Variable("asr_verify_addresses", Kind.MAPPING),
    Variable("asr_verify_timeout", Kind.NUMBER),
    Variable("asr_verify_age", Kind.NUMBER),
    Variable("asr_refuse", Kind.MAPPING),
    # Before anything is sent.
    Variable("asr_moments", Kind.LIST, choices=tuple(MOMENTS)),
    Variable("asr_report_file", Kind.TEXT),
    Variable("asr_probe", Kind.FLAG),
    Variable("asr_probe_azure", Kind.FLAG),
    Variable("asr_probe_guests", Kind.FLAG),
    Variable("asr_configuration_server_backups", Kind.MAPPING),
    Variable("asr_split_groups", Kind.FLAG),
    Variable("asr_confirm_failover_to_azure", Kind.FLAG, repeated=False),
    Variable("asr_confirm_cancel", Kind.FLAG, repeated=False),
    Variable("asr_advance", Kind.TEXT, choices=("together", "each")),
    Variable("asr_recovery_point", Kind.BY_MACHINE),
    Variable("asr_shut_down_source", Kind.FLAG),
    Variable("asr_power_off", Kind.FLAG),
    Variable("asr_vmotion_exclusion", Kind.TEXT, choices=("excluded", "restored", "unchanged")),
    Variable("asr_process_server_deploy", Kind.MAPPING, parts=("name", *deployment())),
    Variable("asr_process_server_remove", Kind.FLAG),
    Variable("asr_watch", Kind.FLAG),
    Variable("asr_refresh", Kind.FLAG),
    Variable("asr_validate_certs", Kind.FLAG),
    # In the guest.
    Variable("asr_guest", Kind.TEXT, choices=("record", "restore", "off")),
    Variable("asr_record_dir", Kind.TEXT),
    # Through which servers.
    Variable("asr_master_targets", Kind.LIST),
    Variable("asr_process_server", Kind.TEXT),
    Variable("asr_process_server_onprem", Kind.TEXT),
    Variable("asr_datastore", Kind.BY_MACHINE),
    Variable("asr_retention_volume", Kind.BY_MACHINE),
    Variable("asr_policy", Kind.TEXT),
    Variable("asr_policy_to_azure", Kind.TEXT),
    Variable("asr_run_as_account", Kind.TEXT),
    Variable("asr_run_as_account_windows", Kind.TEXT),
    Variable("asr_run_as_account_linux", Kind.TEXT),
    Variable("asr_log_storage_account", Kind.TEXT),
    # Time and failures.
    Variable("asr_allowed_failures", Kind.NUMBER),
    Variable("asr_wait_timeout", Kind.NUMBER),
    Variable("asr_on_timeout", Kind.TEXT, choices=("fail", "ok")),
    Variable("asr_poll_interval", Kind.NUMBER),
    Variable("asr_retries", Kind.NUMBER),
    Variable("asr_ready_timeout", Kind.NUMBER),
    Variable("asr_await_registration", Kind.FLAG),
    Variable("asr_rehearsal_control", Kind.TEXT),
    Variable("asr_resource_groups", Kind.LIST),
    Variable("asr_remove", Kind.LIST, repeated=False),
    Variable("asr_remove_unknown", Kind.FLAG, repeated=False),
    Variable("asr_snapshot_file", Kind.TEXT),
    Variable("asr_snapshot_pseudonyms", Kind.FLAG),
    *(Variable(f"asr_hooks_{when}_{what}", Kind.HOOKS) for what in _HOOKED for when in ("before", "after")),
)

#: Every variable by its name.
VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _ALL}
