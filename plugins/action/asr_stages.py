# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs several stages as one task: the plan, each stage's module, the report."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.utils.path import unfrackpath

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import STAGES, stage_line
from ansible_collections.homeward.asr.plugins.module_utils.shell.clock import system_clock
from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import failed_over, guests, verify
from ansible_collections.homeward.asr.plugins.plugin_utils.output import bounded
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.report_file import check_snapshot, report_file
from ansible_collections.homeward.asr.plugins.plugin_utils.running.calling import Calling
from ansible_collections.homeward.asr.plugins.plugin_utils.stages import several_vaults, tasks
from ansible_collections.homeward.asr.plugins.plugin_utils.stages.chain import HOOK_FAILED, Chain
from ansible_collections.homeward.asr.plugins.plugin_utils.stages.role_variables import RoleVariables
from ansible_collections.homeward.asr.plugins.plugin_utils.variables import given, play_hosts


def verify_unheard(route: list[str]) -> InputError:
    """Checks that nobody would make: an Azure VM must not be deleted without those that were asked for."""
    return InputError(
        "verify_unheard",
        f"asr_verify is set, but this run ({', '.join(route)}) makes no checks before a commit.",
        "Use the playbooks failback (without asr_advance=each) or stage_3_failover_to_onprem, and give asr_verify with -e "
        "or in the inventory; or leave it out.",
    )


def guest_unheard(route: list[str], hosts: Sequence[str] = ()) -> InputError:
    """A network that nobody would restore: the machine's Azure VM must not be deleted before it has one. ``hosts``: those that
    have the variable for themselves."""
    return InputError(
        "guest_unheard",
        f"asr_guest is restore{f' for {hosts[0]}' if hosts else ''}, but this run ({', '.join(route)}) restores no network before a commit.",
        "Use the playbooks failback (without asr_advance=each) or stage_3_failover_to_onprem, and give asr_guest with -e "
        "or in the inventory; or leave it out.",
    )


#: The parts that know the role's variables; they need not be given to them.
OF_THE_ROLE = ("chain", "begin", "stage", "pause", "resume", "report")


class ActionModule(Calling):
    """See the module's documentation; each stage is the action of its own module (plugin_utils/running/slices.py).

    It is long because each part of the role is a method here; what they decide is in plugin_utils.
    """

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        self._vars = task_vars
        args = self._task.args
        self._role = RoleVariables(task_vars, self._templar.template)
        self._check = bool(self._task.check_mode)
        if args.get("part") == "variables":
            return self._variables()
        path = self._path()
        self._chain = Chain.load(path)
        self._chain.spoken_to(self._listener())
        part = str(args.get("part") or "chain")
        known = self._role.settings() if part in OF_THE_ROLE and "settings" not in args else args.get("settings")
        self._settings: Mapping[str, Any] = known or {}
        if part in ("stage", "pause", "resume"):
            self._settings = self._chain.as_settled(self._settings)
        try:
            return dict(getattr(self, f"_part_{part}")(args))
        finally:
            self._chain.save(path)

    # -- the parts -----------------------------------------------------------------------------------------------------

    def _part_chain(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The whole chain; with hooks, which are tasks of the play's own, only what comes before the first of them."""
        route, hooks = self._plan(args)
        self._check_report()
        to_run = tasks.stages_to_run(route, self._check)
        pauses = bool(args.get("pause")) and not self._check and tasks.COMMIT_HOME in to_run
        checks = self._own_checks(route, pauses or self._check)
        hooked = any(step["hook"] for step in tasks.steps(to_run, hooks))
        self._chain.begin()
        self._chain.settle(self._settings)
        # In check mode the stages' own modules look; what names machines here must be known before them.
        named = any(self._settings.get(word) for word in ("verify", "verify_addresses", "refuse"))
        if not self._check or named:
            self._chain.look(route, self._settings, self._call)
            self._chain.learn_checks(checks, self._call, self._settings, bool(self._where))
        if not pauses and not self._check and (own := self._own_guests()):
            # Machines of the inventory with a value of their own.
            pauses = bool(self._settings.get("verifies")) and tasks.COMMIT_HOME in to_run
            if not pauses and tasks.commits_home(route):
                raise guest_unheard(route, own)
        self._check_limit(route, "asr_verify" if checks else "asr_guest" if pauses or self._restores() else "")
        if (recorded := self._settings.get("recorded")) and not self._chain.stopped:
            self._chain.results.append(dict(recorded))
        if pauses:
            self._chain.rest = to_run[to_run.index(tasks.COMMIT_HOME) :]
            to_run = to_run[: -len(self._chain.rest)]
        if hooked:
            steps = [*tasks.steps(to_run, hooks), *([tasks.PAUSE] if pauses else [])]
            going = self._hooking([*to_run, *self._chain.rest])
            return {**self._told(self._chain.results), "hooked": True, "steps": steps, **going}
        for stage in to_run:
            self._stage(stage, route)
        if self._chain.rest and self._chain.pause(self._settings, self._call, self._known()):
            return {**self._told(self._chain.results), "hooked": False, "steps": [], "going": [], **self._pausing()}
        return self._finish(route)

    def _finish(self, route: list[str]) -> dict[str, Any]:
        """The stages after the pause, where there is one, and the report."""
        for stage in self._chain.rest:
            self._stage(stage, route)
        return {**self._report(), "hooked": False, "steps": [], "going": []}

    def _part_pause(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Between the hooks' stages: who is checked before the commit home. Where nobody is, what is left to do."""
        _route, hooks = self._plan(args)
        paused = self._chain.pause(self._settings, self._call, self._known())
        told = {**self._told(self._chain.results), "hooked": True}
        if paused:
            return {**told, "steps": [], "going": [], **self._pausing()}
        rest = self._chain.rest
        return {**told, "steps": tasks.steps(rest, hooks), **self._hooking(rest), "failed_over_group": ""}

    def _part_resume(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """After the play on the machines: the rest of the stages, or with hooks what they consist of."""
        route, hooks = self._plan(args)
        hostvars = self._vars.get("hostvars") or {}
        hosts = [str(entry["host"]) for entry in self._chain.paused]
        names = (failed_over.OUTCOME, failed_over.REFUSED, guests.OUTCOME, guests.VARIABLE)
        facts = {host: guests.facts(hostvars, host, *names) for host in hosts}
        several = failed_over.doubled(chain.chosen_rows for chain in self._chains()) if self._where else set()
        self._chain.resume(facts, time.time(), str(self._settings.get("guest") or ""), several)
        rest = self._chain.rest
        steps = tasks.steps(rest, hooks)
        if any(step["hook"] for step in steps):
            return {**self._told(self._chain.results), "hooked": True, "steps": steps, **self._hooking(rest)}
        return self._finish(route)

    def _known(self) -> list[str] | None:
        """The hosts of the inventory, where this run has several vaults as hosts."""
        return list((self._vars.get("groups") or {}).get("all") or ()) if self._where else None

    def _pausing(self) -> dict[str, Any]:
        """Where the play finds the machines: a thousand of them are too much for a result."""
        path = self._write("failed-over", self._entries())
        return {"failed_over_group": self._chain.group, "failed_over_file": path, "failing": False}

    def _entries(self) -> list[dict[str, Any]]:
        """The hosts of that play; each knows what is asked for its network."""
        run = str(self._settings.get("guest") or "")
        hostvars = self._vars.get("hostvars") or {}
        return [
            {
                **e,
                "in_group": self._chain.group,
                "guest": guests.host_value(hostvars, e["host"]) or run,
            }
            for e in self._chain.paused
        ]

    def _part_begin(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """What a single stage consists of, and whether any machine reaches it."""
        route, hooks = self._plan(args)
        self._check_report()
        self._own_checks(route, self._check)
        steps = tasks.steps(route, hooks)
        return {"changed": False, "steps": steps, **self._hooking(route), "stages": []}

    def _part_stage(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """One stage of a chain with hooks. It never fails: the report does."""
        route = tasks.checked_route(args.get("route"))
        stage = str(args.get("stage") or "")
        ran = self._stage(stage, route)
        to_run = tasks.stages_to_run(route, self._check)
        later = to_run[to_run.index(stage) + 1 :] if stage in to_run else []
        here = ran and not self._chain.stopped
        told = {**self._told(self._chain.results), **self._hooking(later)}
        if here:
            told["going"] = [stage, *told["going"]]
            told["hook_files"][stage] = self._write(f"{stage}-after", self._chain.went(stage))
        return told

    def _part_hook_failed(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """A task between the stages failed. Only its name is kept: its result may hold secrets."""
        self._chain.break_off(args.get("task") or {})
        return {"changed": False, "hooked": True, "failing": True, "steps": [], "going": [], "failed_over_group": ""}

    def _part_report(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The table of what was done until now."""
        # The stages' own tasks have reported their changes.
        return {**(self._report() if self._chain.results else {"failing": False}), "changed": False}

    def _part_report_file(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Before a playbook without stages sends anything."""
        self._check_report()
        if snapshot := self._settings.get("snapshot_file"):
            check_snapshot(snapshot)
        return {"changed": False}

    def _variables(self) -> dict[str, Any]:
        """The first task of each playbook: stops at variables that are unknown, wrong, or cannot be read."""
        broken = given.unreadable(self._vars, self._templar.template)
        wrong = broken or self._templar.template(self._vars.get("stage_wrong") or [])
        return {"changed": False, **({"failed": True, "code": "wrong_value", "msg": " ".join(wrong)} if wrong else {})}

    def _part_process_servers(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        """Before the stages: each process server in turn, until one is not ready. It fails as its module does."""
        ran: list[dict[str, Any]] = []
        for arguments in self._settings.get("process_servers") or ():
            ran.append(self._call("asr_process_server", dict(arguments), self._check))
            if ran[-1].get("failed"):
                break
        last = ran[-1] if ran else {}
        why: dict[str, Any] = {
            word: last[word] for word in ("failed", "msg", "code", "remedy") if last.get("failed") and word in last
        }
        return {**why, "changed": any(bool(result.get("changed")) for result in ran), "servers": ran}

    def _part_verdict(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The one failure of a chain, in its last task."""
        return {**self._chain.verdict, "changed": False, "failed": True}

    def _part_total(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """What became of all vaults that are hosts of this run, for the other jobs of a workflow."""
        chains = self._chains()
        # Ansible counts the machines that this play has added as hosts among its own.
        machines = failed_over.added(self._vars.get("groups") or {}) - {chain.host for chain in chains}
        hosts = [*map(str, self._hosts(self._vars)), *(host for chain in chains for host in chain.hosts)]
        self._chain.hosts = [host for host in dict.fromkeys(hosts) if host not in machines]
        told = several_vaults.total({chain.host: chain.summary for chain in chains if chain.summary}, self._chain.hosts)
        stats = {"data": {"asr_result": told}, "per_host": False, "aggregate": False}
        return {"changed": False, "asr_result": told, "ansible_stats": stats}

    _clock = staticmethod(system_clock().monotonic)

    # -- how -----------------------------------------------------------------------------------------------------------

    def _plan(self, args: Mapping[str, Any]) -> tuple[list[str], dict[str, dict[str, list[str]]]]:
        """The route and its hooks. Raises InputError for what is misspelt, before anything is read or sent."""
        route = tasks.checked_route(args.get("route"))
        hooks = tasks.hooks_of(args["hooks"] if "hooks" in args else self._role.hooks())
        # In check mode failback is one stage, and the run that follows has the hooks of all of them.
        of_failback = set(hooks) - set(tasks.OUTWARD) if "failback" in route else set()
        for stage in [stage for stage in hooks if stage in route or stage in of_failback]:
            for file in (f for told in hooks[stage].values() for f in told):
                self._check_tasks(f"The hook {file} of the stage {stage}", file)
        return route, hooks

    def _check_tasks(self, what: str, file: str) -> None:
        """Raises InputError where a task file of the user's is not there."""
        places = [os.getcwd(), str(self._vars.get("playbook_dir") or "")]
        if not any(os.path.exists(unfrackpath(os.path.join(place, file))) for place in places):
            raise InputError(
                "hook_missing",
                f"{what} is neither in {' nor in '.join(places)}.",
                "Correct the name, or give its full path.",
            )

    def _check_report(self) -> None:
        """Raises InputError where the report cannot be written. Later in a run a report is no reason to stop."""
        if report := report_file(self._settings.get("report_file")):
            report.check()

    def _own_checks(self, route: list[str], heard: bool) -> dict[str, Any]:
        """The user's own checks. Raises InputError for what is no check, and where nobody would make them before a commit
        (not ``heard``), before anything is read or sent."""
        checks = verify.read(self._settings.get("verify"))
        if not heard and tasks.commits_home(route):
            if checks:
                raise verify_unheard(route)
            if self._restores():
                raise guest_unheard(route)
        for file in verify.files(checks):
            self._check_tasks(f"The task file {file} of asr_verify", file)
        return checks

    def _restores(self) -> bool:
        return bool(self._settings.get("guest") == guests.RESTORE)

    def _check_limit(self, route: list[str], variable: str) -> None:
        """Raises InputError where --limit would keep the machines out of the play before their commit: they would be failed over,
        and never be committed."""
        if not variable or self._chain.stopped or not tasks.commits_home(route):
            return
        limit, groups = str(self._vars.get("ansible_limit") or ""), self._vars.get("groups") or {}
        names = [str(row.get("name")) for row in self._chain.chosen_rows]
        if left := play_hosts.left_out(limit, failed_over.GROUP, names or [failed_over.GROUP], groups):
            raise play_hosts.unreached(variable, limit, failed_over.GROUP, left)

    def _own_guests(self) -> list[str]:
        """Chosen machines that the inventory says for themselves to restore the network of."""
        hostvars = self._vars.get("hostvars") or {}
        names = dict.fromkeys(str(row.get("name")) for row in self._chain.chosen_rows)
        return [name for name in names if guests.host_value(hostvars, name) == guests.RESTORE]

    def _going(self, to_run: list[str]) -> list[str]:
        """The next stage, if any machine reaches it: its hooks run then."""
        return [stage for stage in to_run[:1] if self._chain.goes(stage, self._check)]

    def _hooking(self, to_run: list[str]) -> dict[str, Any]:
        """The next stage, and where its hooks find its machines: those of a thousand are too many for a result."""
        going = self._going(to_run)
        files = {stage: self._write(stage, self._chain.reaching(stage, self._check)) for stage in going}
        return {"going": going, "hook_files": files}

    def _write(self, word: str, rows: list[dict[str, Any]]) -> str:
        """Keep machines for the play's own tasks, in Ansible's own temporary directory; the file's path."""
        path = self._path().with_suffix(f".{word}.json")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            json.dump(rows, stream, default=str)
        return str(path)

    def _stage(self, stage: str, route: list[str]) -> bool:
        began = self._clock()
        result = self._chain.run(stage, route, self._settings, self._call, self._check)
        if result is None:
            return False
        machines = result.get("machines") or ()
        if not self._check and any(m.get("done") != "unchanged" for m in machines):
            counts = {**(result.get("counts") or {}), "total": len(machines)}
            self._say(stage_line(self._clock() - began, STAGES.get(stage, stage), counts))
        return True

    def _report(self) -> dict[str, Any]:
        """Print the table, publish what other jobs of a workflow branch on, and keep the verdict for the last task."""
        settings = self._settings
        arguments = {
            "results": self._chain.results,
            "fail": False,
            "allowed_failures": settings.get("allowed_failures"),
            "on_timeout": settings.get("on_timeout"),
            "approve_with": settings.get("approve_with"),
            "report_file": settings.get("report_file") or "",
        }
        report = self._call("asr_report", arguments, self._check)
        told = {k: v for k, v in report.items() if not k.startswith("_ansible") and k != "invocation"}
        if self._chain.hook_failed and told.get("code") in (None, "", "stage_failed"):
            told["code"] = HOOK_FAILED
        code = str(told.get("code") or "")
        failing = bool(told.get("failed")) or (
            bool(code) and not (code == "still_running" and settings.get("on_timeout") == "ok")
        )
        told.pop("failed", None)
        self._chain.verdict = {k: v for k, v in told.items() if k not in ("lines", "requests")} if failing else {}
        result = {**told, **self._told(self._chain.results), "failing": failing}
        self._chain.host, self._chain.summary = str(self._vars.get("inventory_hostname") or ""), bounded.summary(told)
        result["ansible_stats"] = {"data": {"asr_result": bounded.summary(told)}, "per_host": False, "aggregate": False}
        return bounded.event(result)

    def _told(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """The stages as rows of the result, and their warnings for Ansible to show."""
        warnings: list[Any] = []
        for result in results:
            warnings += [w for w in result.get("warnings") or () if w not in warnings]
        told: dict[str, Any] = {
            "changed": any(bool(r.get("changed")) for r in results),
            "stages": [{k: v for k, v in r.items() if k not in ("warnings", "locations")} for r in results],
        }
        if warnings:
            told["warnings"] = warnings
        return bounded.event(told)

    def _call(self, module: str, arguments: dict[str, Any], check: bool) -> dict[str, Any]:
        return self._inner(module, arguments, check, {**self._vars, "stage_results": self._chain.told})

    def _chains(self) -> list[Chain]:
        """Those of all hosts of this process."""
        paths = Path(constants.DEFAULT_LOCAL_TMP).glob(self._name("[0-9a-f]" * 16))
        return [Chain.load(path) for path in sorted(paths)]

    def _path(self) -> Path:
        """Where the chain is between two tasks of this process; each host has its own."""
        host = hashlib.sha256(str(self._vars.get("inventory_hostname")).encode()).hexdigest()[:16]
        return Path(constants.DEFAULT_LOCAL_TMP) / self._name(host)

    @staticmethod
    def _name(host: str) -> str:
        return f"homeward-asr-stages-{host}.json"
