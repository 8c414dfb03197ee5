# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    azure_probes,
    azure_vms,
    built_servers,
    configuration_servers,
    consistency_groups,
    guests,
    master_target_systems,
    master_targets,
    next_step,
    onprem_hosts,
    onprem_vms,
    process_servers,
    replicated_items,
    tcp_ports,
)
from .rule import Rule

RULES: tuple[Rule, ...] = (
    *configuration_servers.RULES,
    *process_servers.RULES,
    *built_servers.RULES,
    *tcp_ports.RULES,
    *azure_probes.RULES,
    *guests.RULES,
    *master_targets.RULES,
    *master_target_systems.RULES,
    *consistency_groups.RULES,
    *next_step.RULES,
    *azure_vms.RULES,
    *onprem_vms.RULES,
    *onprem_hosts.RULES,
    *replicated_items.RULES,
)

BY_ID: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in RULES})

#: Rules that nobody overrides -> why: a run would not go on either, and a preflight must not promise that it does.
FIRM: Mapping[str, str] = MappingProxyType(
    {
        "machine_read": "what cannot be read is not moved",
        "operation_allowed": "the service does not allow the step",
        "busy": "two operations on one machine exclude each other",
        "placement": "without servers, datastore and policy nothing can be sent",
        "placement_to_azure": "without servers and policy nothing can be sent",
        "group_split": "{set:split_groups=true} decides that",
        "group_mixes_systems": "a master target serves one operating system",
        "azure_vm_stopped": "the commit deletes the Azure VM, which must not be in use",
        "commit_approved": "a commit is approved with {option:approved}, machine by machine",
        "ps_deployable": "Azure does not take it",
        "mt_guest_retention": "what is on that disk would be overwritten",
        "mt_guest_sources": "nothing can be installed from nowhere",
        "onprem_running": "the commit deletes the Azure VM, so that only the machine on-premises is left",
    }
)
