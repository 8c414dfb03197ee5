# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a running chain: the arguments of each stage, what it passes to the next, and the results. Pure except for
the file that keeps it between two tasks.

Rows of a thousand machines are megabytes. A fact or a registered variable would carry them into every event, so they are kept in a
file of Ansible's own temporary directory, which ends with the process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.next_stage import (
    looked,
    used_approvals,
    who_continues,
)

from ..before_commit import failed_over, guests, verify
from ..output.wording import Listener, worded
from . import refusing, tasks
from .tasks import StageRequest

Result = dict[str, Any]

#: Code of a chain that a task between its stages ended.
HOOK_FAILED = "hook_failed"

#: Runs a module of ours: (name without collection, arguments, whether in check mode) -> its result.
Call = Callable[[str, "dict[str, Any]", bool], Result]

#: Keys of a result that no later stage and no report reads.
_UNREAD = ("invocation", "diff", "cursor", "next_slice_seconds", "progress", "exception", "deprecations")

#: What hooks are told of a machine.
_HOOKED = ("name", "vault", "item_id", "group", "before", "after", "done", "code", "reason", "approved")

#: What is kept of a machine's row in the look ahead.
_ROW = ("name", "vault", "item_id", "group", "before", "approved")


@dataclass
class Chain:
    """The state of a chain. ``spent`` are ids of machines whose approval was used for a commit in an earlier chain of this process:
    an approval is for one commit.

    It is long because all parts of the action share this one state, which is kept whole between two tasks.
    """

    results: list[Result] = field(default_factory=list)
    spent: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    #: Rows of the chosen machines, as far as the user's checks are told whose they are by.
    chosen_rows: list[Any] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    #: Notes about the vaults' generations that earlier chains have printed; they are not repeated.
    vaults: list[Any] = field(default_factory=list)
    lost_places: list[Any] = field(default_factory=list)
    #: The user's own checks and addresses by the id of the replicated item, the machines that a play checks now, and what it has found.
    checks: dict[str, Any] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    paused: list[Any] = field(default_factory=list)
    verifications: list[Any] = field(default_factory=list)
    #: Stages after the pause, and how many pauses this process has had.
    rest: list[str] = field(default_factory=list)
    pauses: int = 0
    #: Settings that decide what is committed, as they were when the chain began.
    settled: dict[str, Any] = field(default_factory=dict)
    looked: bool = False
    stopped: bool = False
    #: Whether a task of a hook failed, after which nothing of the chain runs.
    hook_failed: bool = False
    #: The result with which the chain's last task fails; empty where it does not.
    verdict: Result = field(default_factory=dict)
    #: What became of it, for workflows, the host that it ran for, and all hosts of the run where there are several.
    summary: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    hosts: list[str] = field(default_factory=list)

    @property
    def listener(self) -> Listener:
        """Who reads the sentences; the action sets it for each task."""
        return getattr(self, "_listener", True)

    def spoken_to(self, listener: Listener) -> None:
        self._listener = listener

    def begin(self) -> None:
        """A new chain, which knows of earlier ones only the used approvals."""
        used = [*self.spent, *used_approvals(self.results)]
        told = [*self.vaults, *(note for result in self.results for note in result.get("vaults") or ())]
        self.__init__(spent=used, vaults=told, pauses=self.pauses)  # type: ignore[misc]

    def settle(self, settings: tasks.Settings) -> None:
        """Keep what decides commits."""
        self.settled = {key: settings.get(key) for key in tasks.DECISIVE}

    def as_settled(self, settings: tasks.Settings) -> dict[str, Any]:
        """The settings of a later task of the chain, with what decides commits as it was. What a task has changed there is noted."""
        changed = [key for key, value in self.settled.items() if _text(settings.get(key)) != _text(value)]
        if changed:
            names = ", ".join(f"asr_{key}" for key in changed)
            note = f"A task changed {names} during the run. The change is ignored: the run continues with the values it started with."
            if not any(note in (result.get("notes") or ()) for result in self.results):
                self.results.append(_note("settings", [note]))
        return {**settings, **self.settled}

    # -- the plan ----------------------------------------------------------------------------------------------------

    def look(self, route: Sequence[str], settings: tasks.Settings, call: Call) -> None:
        """The whole route in check mode, before the first write: it shows the plan, and finds what a later stage would lack. What
        it chose are the machines of every stage that follows, by id."""
        stage = tasks.look_stage(route)
        ask = StageRequest(
            stage,
            tasks.chooses(settings),
            approved=settings.get("approved") or (),
            until=tasks.until(route),
            shows_commit=tasks.commit_after(stage, route),
        )
        result = self._call(call, tasks.module_of(stage), tasks.arguments(ask, settings), True)
        if result.get("failed"):
            self.results = [{**result, "stage": "look"}]
            self.stopped = True
            return
        found = looked(result, self.spent)
        self.chosen, self.approved, self.looked = list(found.machines), list(found.approved), True
        self.chosen_rows = [{**{k: m.get(k) for k in _ROW}, "looked": True} for m in result.get("machines") or ()]
        row = {
            "stage": "look",
            "left_out": True,
            "changed": False,
            "machines": worded(found.ended, self.listener),
            "plan": [],
        }
        # Once a machine replicates home, the vault no longer shows whether it existed there.
        places = {m.get("item_id"): (m.get("placement") or {}).get("location") for m in result.get("machines") or ()}
        row["locations"] = {item_id: place for item_id, place in places.items() if place}
        self.results = [{**result, **row}]

    # -- one stage ---------------------------------------------------------------------------------------------------

    @property
    def first(self) -> bool:
        """Whether no stage has run yet: the first one chooses, the later ones are for the very same replicated items, by id."""
        return not any("left_out" not in result for result in self.results)

    def goes(self, stage: str, check: bool) -> bool:
        """Whether any machine reaches a stage."""
        if self.stopped:
            return False
        if self.first:
            return bool(self.chosen) or not self.looked
        return bool(who_continues(self.results, stage, check).machines)

    def reaching(self, stage: str, check: bool) -> list[dict[str, Any]]:
        """The machines that a stage is for, as its hooks read them. Before the first stage of a chain that did not look ahead nobody
        is known."""
        told = who_continues(self.results, stage, check)
        ids = {id_.lower() for id_ in (self.chosen if self.first else told.machines)}
        rows = self.chosen_rows if self.first else told.last.get("machines") or ()
        return [_hooked(m) for m in rows if str(m.get("item_id") or "").lower() in ids]

    def went(self, stage: str) -> list[dict[str, Any]]:
        """The machines of the stage that has just run."""
        last = self.results[-1] if self.results else {}
        return [_hooked(m) for m in last.get("machines") or ()] if last.get("stage") == stage else []

    def run(self, stage: str, route: Sequence[str], settings: tasks.Settings, call: Call, check: bool) -> Result | None:
        """One stage for those that it is for; machines that stopped earlier are left out, and so are the other members of their
        consistency groups. Never raises for a machine. Returns the stage's result, None where it did not run."""
        self._refuse(stage, settings, check)
        told = who_continues(self.results, stage, check)
        if told.held:
            held = {
                "module": "",
                "left_out": True,
                "finished": True,
                "changed": False,
                "machines": worded(told.held, self.listener),
            }
            self.results.append({"stage": stage, **held})
        if not self.goes(stage, check):
            return None
        if settings.get("watch") and stage in tasks.WATCHED and not self._watch(stage, settings, call, check):
            return None
        first = self.first
        ask = StageRequest(
            stage,
            self._choice(settings) if first else _by_id(told.machines),
            approved=self._approvals(settings) if first else _approved(told.machines, told.last),
            lost_places=self.lost_places if settings.get("watch") else (),
            judged=told.last.get("machines") or (),
            shows_commit=check and tasks.commit_after(stage, route),
            verifications=self.verifications,
        )
        result = self._call(call, tasks.module_of(stage), tasks.arguments(ask, settings), check)
        self.results.append({**result, "stage": stage})
        # Not a machine's failure but the stage's: nothing after it can be relied on, so the chain goes straight to the report.
        self.stopped = bool(result.get("failed"))
        return self.results[-1]

    # -- before the commit home -----------------------------------------------------------------------------------------

    def learn_checks(
        self, checks: Mapping[str, Any], call: Call, settings: tasks.Settings, several: bool = False
    ) -> None:
        """Whose the user's own checks and addresses are. Raises InputError for a key that means nobody in the vaults; where
        ``several`` vaults are hosts of this run, it may mean a machine of another one."""
        rows = [m for result in self.results for m in result.get("machines") or ()] + self.chosen_rows
        self.checks = verify.by_machine(checks, rows)
        given = settings.get("verify_addresses") or {}
        self.addresses = verify.addresses(given, rows)
        if self.stopped:
            return

        def all_machines() -> Sequence[dict[str, Any]]:
            return self._call(call, "asr_replicated_item_info", tasks.listing(settings), True).get("machines") or ()

        keys = {"asr_verify": checks, "asr_verify_addresses": given}
        if notes := verify.strangers(keys, rows, None if several else all_machines):
            self.results.append(_note("verify", notes))

    def pause(
        self, settings: tasks.Settings, call: Call, known: Collection[str] | None = None
    ) -> list[failed_over.Entry]:
        """The machines that the commit home would go to now, with what proves it; a play checks them before it is sent. ``known``
        are the hosts of the inventory, where other vaults are hosts of this run as well."""
        self.paused = []
        if not self.goes(tasks.COMMIT_HOME, False):
            return []
        told = who_continues(self.results, tasks.COMMIT_HOME)
        ask = StageRequest(tasks.COMMIT_HOME, self._choice(settings) if self.first else _by_id(told.machines))
        arguments = {**tasks.arguments(ask, settings), "prove_only": True, "commit_when": "verified", "approved": []}
        result = self._call(call, tasks.module_of(tasks.COMMIT_HOME), arguments, False)
        if result.get("failed"):
            self.results.append({**result, "stage": tasks.COMMIT_HOME})
            self.stopped = True
            return []
        rows = result.get("machines") or ()
        self.paused = failed_over.entries(
            rows,
            self.checks,
            self.addresses,
            settings.get("verify_timeout"),
            known,
            settings.get("process_server_onprem"),
        )
        self.pauses += bool(self.paused)
        return self.paused

    @property
    def group(self) -> str:
        """The group of the machines that are checked now."""
        return failed_over.GROUP if self.pauses < 2 else f"{failed_over.GROUP}_{self.pauses}"

    def break_off(self, task: Mapping[str, Any]) -> None:
        """A task between the stages failed, one of a hook or of ours: the report says so and fails, and no stage follows."""
        action, name = str(task.get("action") or ""), str(task.get("name") or "")
        self.stopped = True
        self.hook_failed = action.rpartition(".")[2] != "asr_stages"
        what = f"The task {name or action!r}{' of a hook' if self.hook_failed else ''} failed"
        row = {"failed": True, "finished": True, "changed": False, "module": "", "machines": [], "code": HOOK_FAILED}
        text = f"{what}, and no stage was run after it. Its error is printed above. Fix its cause and rerun."
        self.results.append({**row, "stage": "hook", "msg": text})

    def resume(
        self, facts: Mapping[str, Mapping[str, Any]], now: float, guest: str = "", several: Collection[str] = ()
    ) -> None:
        """The play on those machines is over; ``facts`` are its hosts' variables, ``guest`` is what the run says of their networks, and
        ``several`` are the names that machines of several vaults have."""
        self.verifications = failed_over.verifications(self.checks, self.paused, facts, now, guest, several)
        asked = [entry for entry in self.paused if guests.restores(facts.get(str(entry["host"]), {}), guest)]
        if asked:
            self.results.append(guests.result(guests.rows(asked, facts, guests.RESTORE), guests.RESTORE))

    def _refuse(self, stage: str, settings: tasks.Settings, check: bool) -> None:
        """Leave out the machines that a person or a hook refuses by name, and the members of their groups."""
        given = settings.get("refuse")
        if not given or not (self.results or self.chosen_rows):
            # In check mode no machine is known before the stage's own module has looked.
            return
        first = self.first
        told = who_continues(self.results, stage, check)
        there = {id_.lower() for id_ in (self.chosen if first else told.machines)}
        rows = self.chosen_rows if first else told.last.get("machines") or ()
        going = [m for m in rows if str(m.get("item_id") or "").lower() in there]
        known = [m for result in self.results for m in result.get("machines") or ()] + self.chosen_rows
        found = refusing.rows(going, refusing.reasons(given, known), stage)
        if not found:
            return
        left = {str(m.get("item_id") or "").lower() for m in found}
        self.chosen = [id_ for id_ in self.chosen if id_.lower() not in left]
        row = {
            "module": "",
            "left_out": True,
            "finished": True,
            "changed": False,
            "machines": worded(found, self.listener),
        }
        self.results.append({"stage": stage, **row})

    def _watch(self, stage: str, settings: tasks.Settings, call: Call, check: bool) -> bool:
        """Look whether the master targets kept their place; False where the stage must not begin.

        A master target that was moved by Storage vMotion took the disks of machines along: the failover of those machines must not
        begin, and every other one goes on. Where there is no vCenter to ask, or no master target, there is nothing to look at.
        """
        result = self._call(call, "asr_master_target", tasks.watch_arguments(settings), check)
        # The report's table is about the machines being failed back, not about these.
        row = {"stage": stage, "machines": [], "targets": result.get("machines") or []}
        if result.get("failed") and result.get("code") not in tasks.NO_TARGETS:
            self.results.append({**result, **row})
            self.stopped = True
            return False
        self.lost_places = list(result.get("lost_places") or ())
        kept: Result = {key: result[key] for key in ("module", "lost_places", "warnings") if key in result}
        self.results.append({**kept, **row, "left_out": True, "changed": False})
        return True

    def _choice(self, settings: tasks.Settings) -> dict[str, Any]:
        return _by_id(self.chosen) if self.looked else tasks.chooses(settings)

    def _approvals(self, settings: tasks.Settings) -> Sequence[str]:
        """The first stage decides the approvals: machines that were waiting when the run began, not those that it fails over itself."""
        return self.approved if self.looked else settings.get("approved") or ()

    @property
    def told(self) -> list[Result]:
        """Notes that a stage's module need not repeat, and whether the service has answered before."""
        return [*([{"vaults": self.vaults}] if self.vaults else []), *self.results]

    @staticmethod
    def _call(call: Call, module: str, arguments: dict[str, Any], check: bool) -> Result:
        result = call(module, arguments, check)
        kept = {k: v for k, v in result.items() if k not in _UNREAD and not k.startswith("_ansible")}
        if kept.get("warnings"):
            kept["warnings"] = [warning_text(warning) for warning in kept["warnings"]]
        return {**kept, "module": module}

    # -- between two tasks -------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write it where the next task of this process finds it."""
        part = path.with_name(f"{path.name}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            # In one piece: written in parts, json leaves its C encoder, and asdict would copy every row.
            stream.write(json.dumps({part.name: getattr(self, part.name) for part in fields(self)}, default=str))
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Chain:
        """What the task before has left; a new chain where there was none."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()


def _hooked(machine: Mapping[str, Any]) -> dict[str, Any]:
    """A machine as hooks read it; what is not known yet is None."""
    return {key: machine.get(key) for key in _HOOKED}


def _note(stage: str, notes: Sequence[str]) -> dict[str, Any]:
    """A row of the results that is about no stage and only says something."""
    return {
        "stage": stage,
        "module": "",
        "left_out": True,
        "changed": False,
        "machines": [],
        "notes": list(notes),
    }


def _text(value: Any) -> str:
    """A setting as a text to compare, whatever Ansible has made of its type between two tasks."""
    return json.dumps(value, sort_keys=True, default=str) if value else ""


def warning_text(warning: Any) -> str:
    """A warning as text; since 2.19 ansible-core carries an object (RUN)."""
    return warning if isinstance(warning, str) else str(getattr(getattr(warning, "event", None), "msg", warning))


def _by_id(machines: Sequence[str]) -> dict[str, Any]:
    return {"machines": list(machines), "groups": [], "recovery_plans": [], "exclude": []}


def _approved(machines: Sequence[str], last: Mapping[str, Any]) -> list[str]:
    """Ids of those of them whose commit was approved when the run began."""
    approved = {str(m.get("item_id") or "").lower() for m in last.get("machines") or () if m.get("approved")}
    return [item_id for item_id in machines if item_id.lower() in approved]
