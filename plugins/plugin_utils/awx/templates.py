# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates: the playbook of each and what its survey asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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
