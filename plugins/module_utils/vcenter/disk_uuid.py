# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting disk.EnableUUID TRUE, which takes effect only on a VM that was powered off (DOC failback-domain.md 1.3).

A running VM is touched only where that is allowed: the intent to power it on again is noted on the VM first, the guest
is asked to shut down, and the power is cut only after a time-out. Every step is chosen from the VM's present state, so
the next run finishes what a killed one began. A VM that was off without our note is never powered on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..failback.model.items import iso, parse_time
from ..failback.model.ports import Clock
from ..failback.model.refusal import Refusal
from ..failback.model.server_ports import VmChange
from . import notes, pyvmomi, tasks
from .read import Entry, Reader, options_of, plain_name

OPTION = "disk.EnableUUID"

#: Steps. The first three end the work on a VM, WAIT lets the guest shut down, the others change something.
DONE, REFUSED, FAILED, WAIT = "done", "refused", "failed", "wait"
NOTE, SHUT_DOWN, POWER_OFF, SET, POWER_ON, FORGET = "note", "shut_down", "power_off", "set", "power_on", "forget"
SETTLED = frozenset({DONE, REFUSED, FAILED})

#: How often a step may be taken on one VM before its lack of effect is called a failure.
ATTEMPTS = 2

PAUSE = 1.0


@dataclass(frozen=True)
class State:
    """What decides about a VM. ``key`` is how the option is spelled on it; ``noted`` since when it is to be powered on."""

    moid: str
    name: str
    power: str
    enabled: bool
    key: str = OPTION
    template: bool = False
    tools: bool = False
    noted: bool = False
    since: datetime | None = None
    note_problem: str = ""
    uuid: str = ""
    #: Why its state is not known: its host or itself does not answer vCenter. What is listed may be hours old then.
    unreachable: str = ""

    @property
    def word(self) -> str:
        return "TRUE" if self.enabled else "not TRUE"


@dataclass(frozen=True)
class Next:
    """The next step for a VM; a refusal says why and what to do."""

    step: str
    refusal: Refusal | None = None


def next_step(state: State, *, power_off: bool, asked: bool, waited: float, guest_timeout: float) -> Next:
    """Decide the next step for one VM. Pure.

    ``asked`` says whether this run has asked the guest to shut down; ``waited`` is how many seconds ago the note was
    written.
    """
    if state.unreachable:
        return Next(
            REFUSED,
            Refusal(
                "vm_unreachable",
                f"vCenter does not know the state of {state.name}: it is {state.unreachable}.",
                "Restore its host or its registration in vCenter, then rerun.",
            ),
        )
    if state.note_problem:
        return Next(
            REFUSED,
            Refusal(
                "power_note_unreadable",
                f"The note {notes.POWER_KEY} on {state.name} cannot be read: {state.note_problem}.",
                "Power the VM on or off as it should be, remove that advanced parameter, then rerun.",
            ),
        )
    on = state.power == "poweredOn"
    if state.noted:
        if on:
            return _noted_and_on(state, power_off, asked, waited, guest_timeout)
        return Next(POWER_ON if state.enabled else SET)
    if state.enabled:
        return Next(DONE)
    if state.template:
        return Next(
            REFUSED,
            Refusal(
                "template",
                f"{state.name} is a template, and {OPTION} cannot be set on it.",
                "Use the virtual machine itself.",
            ),
        )
    if state.power == "suspended":
        return Next(
            REFUSED,
            Refusal(
                "suspended",
                f"{state.name} is suspended; {OPTION} takes effect only after a power-off.",
                "Resume the VM and shut it down, then rerun.",
            ),
        )
    if not on:
        return Next(SET)
    if power_off:
        return Next(NOTE)
    return Next(
        REFUSED,
        Refusal(
            "power_off_needed",
            f"{state.name} is powered on, and {OPTION} can be set only while it is off.",
            "Shut it down, or allow a short shutdown with `{set:power_off=true}`.",
        ),
    )


def _noted_and_on(state: State, power_off: bool, asked: bool, waited: float, guest_timeout: float) -> Next:
    if state.enabled or not power_off:
        # Either it came up again, or a run was killed before the power-off and a power-off is not allowed now.
        return Next(FORGET)
    if not state.tools or waited >= guest_timeout:
        return Next(POWER_OFF)
    return Next(WAIT if asked else SHUT_DOWN)


class UuidEnabler:
    """Carries the steps out for many VMs at a time: one read per round, one task per VM that must change."""

    def __init__(self, service: Any, reader: Reader, clock: Clock) -> None:
        self._service = service
        self._reader = reader
        self._clock = clock
        self._refs: dict[str, Any] = {}

    def run(
        self, moids: Sequence[str], power_off: bool, guest_timeout: float, budget: float, check: bool
    ) -> list[VmChange]:
        """Step every VM forward until all are settled or ``budget`` seconds are spent."""
        deadline = self._clock.monotonic() + budget
        asked: set[str] = set()
        taken: dict[tuple[str, str], int] = {}
        changed: set[str] = set()
        failed: dict[str, Next] = {}
        states = self.look(moids)
        first = dict(states)
        while True:
            now = self._service.CurrentTime() if any(s.noted for s in states.values()) else None
            steps = {
                m: failed.get(m)
                or next_step(
                    s, power_off=power_off, asked=m in asked, waited=_since(s, now), guest_timeout=guest_timeout
                )
                for m, s in states.items()
            }
            if check or all(n.step in SETTLED for n in steps.values()):
                break
            for moid, step in steps.items():
                if step.step in SETTLED or step.step == WAIT:
                    continue
                taken[moid, step.step] = taken.get((moid, step.step), 0) + 1
                if taken[moid, step.step] > ATTEMPTS:
                    failed[moid] = _no_effect(states[moid], step.step)
            acting = {
                m: n.step for m, n in steps.items() if n.step not in SETTLED and n.step != WAIT and m not in failed
            }
            asked.update(m for m, step in acting.items() if step == SHUT_DOWN)
            # A note alone moves nothing, and neither does its removal.
            changed.update(m for m, step in acting.items() if step in (SHUT_DOWN, POWER_OFF, SET, POWER_ON))
            failed.update(self._act(acting, states))
            if self._clock.monotonic() >= deadline:
                states = self.look(moids)
                break
            if not acting:
                self._clock.sleep(min(PAUSE, max(0.0, deadline - self._clock.monotonic())))
            states = self.look(moids)
        return [
            _report(first[m], states.get(m), steps.get(m) or Next(DONE), failed.get(m), m in changed, check)
            for m in first
        ]

    def look(self, moids: Sequence[str]) -> dict[str, State]:
        """The VMs' states in one call. VMs that vanished are left out."""
        refs = [pyvmomi.vim.VirtualMachine(m, self._service._stub) for m in moids]
        paths = (
            "name",
            "config.instanceUuid",
            "runtime.connectionState",
            "runtime.powerState",
            "config.template",
            "config.extraConfig",
            "guest.toolsRunningStatus",
        )
        entries = self._reader.some([("VirtualMachine", refs, paths)])
        self._refs.update({e.moid: e.ref for e in entries})
        return {e.moid: _state(e) for e in entries}

    def _act(self, acting: Mapping[str, str], states: Mapping[str, State]) -> dict[str, Next]:
        work = {moid: [self._start(moid, step, states[moid])] for moid, step in acting.items()}
        problems = tasks.carry_out(self._reader, self._clock, work)
        return {
            moid: _fault(states[moid], acting[moid], problem)
            for moid, problem in problems.items()
            if not _harmless(acting[moid], problem)
        }

    def _start(self, moid: str, step: str, state: State) -> tasks.Start:
        """What starts a step's task."""
        vm = self._refs[moid]

        def shut_down() -> None:
            vm.ShutdownGuest()

        def change(values: Mapping[str, str]) -> Any:
            return vm.ReconfigVM_Task(spec=notes.change(values))

        if step == SHUT_DOWN:
            return shut_down
        if step == NOTE:
            owner = notes.NotedVm(state.uuid)
            return lambda: change(
                {notes.POWER_KEY: notes.text({"then": "on", "since": iso(self._service.CurrentTime())}, owner)}
            )
        if step == FORGET:
            return lambda: change({notes.POWER_KEY: ""})
        if step == SET:
            return lambda: change({state.key: "TRUE"})
        return lambda: vm.PowerOffVM_Task() if step == POWER_OFF else vm.PowerOnVM_Task()


def _harmless(step: str, problem: Any) -> bool:
    """A refusal that needs no action: the guest may have reached the wanted power state just before, and
    one that cannot be asked to shut down loses its power after the time-out."""
    if isinstance(problem, pyvmomi.vim.fault.NoPermission):
        return False
    power = isinstance(problem, pyvmomi.vim.fault.InvalidPowerState) and step in (POWER_OFF, POWER_ON)
    return power or (step == SHUT_DOWN and isinstance(problem, pyvmomi.vmodl.MethodFault))


def _state(entry: Entry) -> State:
    options = options_of(entry)
    key = next((k for k in options if k.lower() == OPTION.lower()), OPTION)
    note, problem = None, ""
    try:
        note = notes.read(options, notes.POWER_KEY, notes.NotedVm(str(entry.get("config.instanceUuid") or "")))
    except notes.Unreadable as exc:
        problem = str(exc)
    return State(
        moid=entry.moid,
        name=plain_name(entry.get("name")),
        power=str(entry.get("runtime.powerState") or ""),
        enabled=any(k.lower() == OPTION.lower() and v.upper() == "TRUE" for k, v in options.items()),
        key=key,
        template=bool(entry.get("config.template")),
        tools=entry.get("guest.toolsRunningStatus") == "guestToolsRunning",
        noted=note is not None,
        since=parse_time((note or {}).get("since")),
        note_problem=problem,
        uuid=str(entry.get("config.instanceUuid") or ""),
        unreachable=_unreachable(entry),
    )


def _unreachable(entry: Entry) -> str:
    """Why what vCenter lists of a VM may not be true now; empty where it is."""
    state = str(entry.get("runtime.connectionState") or "")
    if state != "connected":
        return state or "in an unknown connection state"
    if entry.get("config.extraConfig") is None or not entry.get("runtime.powerState"):
        return "only partly readable"
    return ""


def _since(state: State, now: datetime | None) -> float:
    if now is None or state.since is None:
        return 0.0
    moment = now if now.tzinfo else now.replace(tzinfo=timezone.utc)
    return (moment - state.since).total_seconds()


_DOING = {
    NOTE: "note its intent on {name}",
    FORGET: "remove our note from {name}",
    SET: "set disk.EnableUUID on {name}",
    POWER_OFF: "power {name} off",
    POWER_ON: "power {name} on again",
    SHUT_DOWN: "shut the guest of {name} down",
}


def _fault(state: State, step: str, fault: Any) -> Next:
    error = pyvmomi.explain(fault, _DOING[step].format(name=state.name))
    return Next(FAILED, Refusal.of(error))


def _no_effect(state: State, step: str) -> Next:
    return Next(
        FAILED,
        Refusal(
            "uuid_not_kept",
            f"vCenter reported success, but it did not {_DOING[step].format(name=state.name)}.",
            "Check the VM's advanced parameters and its power state in vCenter, then rerun.",
        ),
    )


def _report(was: State, now: State | None, last: Next, failure: Next | None, changed: bool, check: bool) -> VmChange:
    end = failure or last
    settled = end.step in SETTLED or check
    seen = now or was
    would = check and end.step not in SETTLED
    return VmChange(
        moid=was.moid,
        name=was.name,
        before=was.word,
        after="TRUE" if would and end.step != FORGET else seen.word,
        changed=changed or would,
        settled=settled,
        refusal=end.refusal,
        details={"power": seen.power, "power_cycle": would and end.step == NOTE, "powered_on_again_later": seen.noted},
    )
