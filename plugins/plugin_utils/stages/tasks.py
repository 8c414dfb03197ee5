# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage as a module and its arguments, from the settings of the role ``stage``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError

Settings = Mapping[str, Any]

#: The stages by name. ``failback`` runs all of them in one task.
STAGES = (
    "failover_to_azure",
    "commit_to_azure",
    "reprotect_to_onprem",
    "failover_to_onprem",
    "commit_to_onprem",
    "reprotect_to_azure",
    "failback",
)

#: Stages before which the master targets are checked: the machines' disks are attached to them.
WATCHED = ("failover_to_onprem", "commit_to_onprem", "failback")

#: The stage that deletes Azure VMs. The user's own checks are made before it.
COMMIT_HOME = "commit_to_onprem"

#: Settings that decide what is committed. They are those that the chain began with: of what a hook or a check sets as a fact
#: between the stages, only ``refuse`` counts.
DECISIVE = (
    "commit_when",
    "approved",
    "accept",
    "split_groups",
    "rpo_limit",
    "recovery_point",
    "allowed_failures",
    "verify_age",
)

#: Codes of a check of the master targets that found nothing to check.
NO_TARGETS = ("no_configuration_server", "master_target_not_found", "vcenter_missing")

#: Stages that are no part of a failback.
OUTWARD = ("failover_to_azure", "commit_to_azure")

#: When hooks run, in order around the stage.
PLACES = ("before", "after")


@dataclass(frozen=True)
class StageRequest:
    """The arguments of one stage. ``choice`` are its machines and how they were selected; ``judged`` what the stage before has
    read; ``lost_places`` the master targets that moved."""

    stage: str
    choice: Mapping[str, Any]
    approved: Sequence[str] = ()
    lost_places: Sequence[Any] = ()
    judged: Sequence[Any] = ()
    until: str = "reprotect_to_azure"
    #: Whether the failover shows its commit, too: in check mode nothing moves, and a separate commit would find no failover.
    shows_commit: bool = False
    #: What the user's own checks have found, before the commit home.
    verifications: Sequence[Any] = ()


def module_of(stage: str) -> str:
    """The module of a stage, without its collection."""
    return f"asr_{verb(stage)}"


def verb(stage: str) -> str:
    return stage.partition("_to_")[0]


def commits_home(route: Iterable[str]) -> bool:
    """Whether a route deletes Azure VMs: alone, or as a part of the failback that is one stage."""
    return not {COMMIT_HOME, "failback"}.isdisjoint(route)


def chooses(settings: Settings) -> dict[str, Any]:
    """The user's own choice of machines."""
    return {key: settings.get(key) or [] for key in ("machines", "groups", "recovery_plans", "exclude")}


def arguments(ask: StageRequest, settings: Settings) -> dict[str, Any]:
    """The arguments of a stage's module. Empty settings are left out."""
    kind, direction = verb(ask.stage), ask.stage.partition("_to_")[2]
    home = kind == "failback" or direction == "onprem"
    found: dict[str, Any] = {
        **_common(settings),
        **ask.choice,
        "split_groups": settings.get("split_groups") or False,
        "wait_timeout": settings.get("wait_timeout"),
        "retries": settings.get("retries"),
        "allowed_failures": settings.get("allowed_failures"),
        "on_failure": "report",
        "on_timeout": "ok",
        "poll_interval": _told(settings.get("poll_interval")),
        "approved": list(ask.approved),
        "accept": settings.get("accept") or {},
    }
    if kind != "failback":
        found["direction"] = f"to_{direction}"
    if kind != "reprotect":
        found.update(
            rpo_limit=_told(settings.get("rpo_limit")),
            recovery_point=settings.get("recovery_point"),
            lost_places=list(ask.lost_places),
            commit_when=settings.get("commit_when"),
        )
    if kind == "failover":
        found["confirm_failover_to_azure"] = settings.get("confirm_failover_to_azure") or False
        found["commit_when"] = settings.get("commit_when") if ask.shows_commit else "never"
    if kind == "commit":
        found["judged"] = list(ask.judged)
        if ask.verifications:
            found["verifications"] = list(ask.verifications)
            found["verification_age"] = _told(settings.get("verify_age"))
    if kind in ("failover", "failback"):
        found["shut_down_source"] = settings.get("shut_down_source")
    if kind in ("reprotect", "failback"):
        found["master_targets"] = (settings.get("master_targets") or []) if home else []
        found["process_server"] = settings.get("process_server" if home else "process_server_onprem")
        found["policy"] = settings.get("policy" if home else "policy_to_azure")
        for key in ("datastore", "retention_volume"):
            found[key] = settings.get(key) if home else None
        for key in ("run_as_account", "run_as_account_windows", "run_as_account_linux", "log_storage_account"):
            found[key] = settings.get(key)
    if kind == "failback":
        for key in ("process_server_onprem", "policy_to_azure", "advance"):
            found[key] = settings.get(key)
        found["until"] = ask.until
    return {key: value for key, value in found.items() if not _blank(value)}


def listing(settings: Settings) -> dict[str, Any]:
    """The arguments of the cheapest list of all machines."""
    found = {**_common(settings), "full": False, "azure_machines": False}
    found.pop("validate_certs", None)
    return found


def watch_arguments(settings: Settings) -> dict[str, Any]:
    """The arguments of the check that the master targets did not move."""
    return {
        **_common(settings),
        "state": "registered",
        "enable_uuid": False,
        "vmotion_exclusion": "watched",
        # A move in progress may end soon; the machines of the others do not wait long for it.
        "ready_timeout": 120,
        "on_failure": "report",
    }


def look_stage(route: Sequence[str]) -> str:
    """The stage whose module plans the whole route in check mode."""
    alone = (
        len(route) == 1
        or route[0] == "failover_to_azure"
        or list(route[1:]) == [route[0].replace("failover_", "commit_")]
    )
    return route[0] if alone else "failback"


def until(route: Sequence[str]) -> str:
    """The last step of a route for asr_failback."""
    return "reprotect_to_azure" if route[-1] == "failback" else route[-1]


def commit_after(stage: str, route: Iterable[str]) -> bool:
    """Whether a route commits what this stage fails over."""
    return stage.startswith("failover_") and stage.replace("failover_", "commit_") in route


def stages_to_run(route: Sequence[str], check: bool) -> list[str]:
    """The stages that run. In check mode nothing moves, so the failover's task shows its commit as well."""
    shown = {s.replace("failover_", "commit_") for s in route if s.startswith("failover_")} if check else set()
    return [stage for stage in route if stage not in shown]


def checked_route(value: Any) -> list[str]:
    """The route as a list of stages. Raises InputError."""
    route = [str(word) for word in ([value] if isinstance(value, str) else value or ())]
    # Later stages get machines by id from earlier ones, and a failover to Azure is only for machines named by the user.
    if not route or set(route) - set(STAGES) or "failover_to_azure" in route[1:]:
        raise InputError(
            "wrong_value",
            f"stage_route is {', '.join(route) or 'empty'}.",
            f"Choose among {', '.join(STAGES)}; failover_to_azure can only be the first, because its machines are named one by one.",
        )
    return route


def hooks_of(value: Any) -> dict[str, dict[str, list[str]]]:
    """Hooks by stage and place, without those that are empty. Raises InputError for a stage or place there is not.

    A misspelt name must not surface in the middle of a failback, and a gate of a misspelt stage would not exist at all.
    """
    given = value if isinstance(value, Mapping) else {}
    places = [place for told in given.values() if isinstance(told, Mapping) for place in told]
    strange = [str(word) for word in given if word not in STAGES] + [str(p) for p in places if p not in PLACES]
    if strange or (value and not isinstance(value, Mapping)):
        raise InputError(
            "wrong_value",
            f"stage_hooks names {', '.join(strange) or repr(value)}, and there is no such stage or place.",
            f"Its keys are the stages ({', '.join(STAGES)}), and each has before and after.",
        )
    found: dict[str, dict[str, list[str]]] = {}
    for stage, told in given.items():
        for place in PLACES:
            files = [str(f) for f in _flat((told or {}).get(place)) if f]
            if files:
                found.setdefault(stage, {})[place] = files
    return found


def steps(route: Iterable[str], hooks: Mapping[str, Mapping[str, Sequence[str]]]) -> list[dict[str, str]]:
    """The stages with their hooks, in order: ``stage``, ``hook`` with its ``place`` where it is a hook's turn, and the task file of
    the role that does it."""

    def step(stage: str, place: str = "", file: str = "") -> dict[str, str]:
        return {"stage": stage, "place": place, "hook": file, "tasks_from": "hook" if file else "one"}

    found: list[dict[str, str]] = []
    for stage in route:
        told = hooks.get(stage, {})
        found += [step(stage, "before", file) for file in told.get("before", ())]
        found.append(step(stage))
        found += [step(stage, "after", file) for file in told.get("after", ())]
    return found


#: The step that finds who awaits the commit home.
PAUSE: dict[str, str] = {"stage": "", "place": "pause", "hook": "", "tasks_from": "pause"}


def _common(settings: Settings) -> dict[str, Any]:
    found = {"vaults": settings.get("vaults") or None, "validate_certs": settings.get("validate_certs")}
    return {key: value for key, value in found.items() if not _blank(value)}


def _told(number: Any) -> Any:
    """A number; None for zero and for an empty value, also as a string."""
    return None if str(number or "").strip() in ("", "0", "0.0") else number


def _blank(value: Any) -> bool:
    return value is None or value == {} or (isinstance(value, str) and not value.strip())


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [entry for part in value for entry in _flat(part)]
    return [value]
