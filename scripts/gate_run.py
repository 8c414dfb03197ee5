# SPDX-License-Identifier: GPL-3.0-or-later
"""Running gates: each a list of commands with its own log, some two at a time; nothing is left running when it is interrupted."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from environments import BUILD, ROOT, Failed, Skipped

VENV = BUILD / "venv"


LOG = BUILD / "log"


HOME = BUILD / "home"


TAIL_LINES = 40


#: Gates with ``beside`` that run at the same time.
PLACES = 2


#: Commands that run now, to be ended when the whole run is interrupted.
RUNNING: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class GateCommand:
    """One command: where it runs and what it finds set beside the common environment."""

    argv: Sequence[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """A named list of steps, made when its turn comes. ``timeout`` (seconds) is for the whole gate."""

    name: str
    steps: Callable[[], Sequence[GateCommand]]
    quick: bool = True
    timeout: float = 1200.0
    further: bool = False
    #: One process at a time, in its own directory: another gate may run in parallel.
    beside: bool = False


def environment() -> dict[str, str]:
    """What every gate finds set: our tools first in PATH, the checkout importable, a separate home directory."""
    env = dict(os.environ)
    env.update(
        PATH=os.pathsep.join([str(VENV / "bin"), str(BUILD / "go-venv" / "bin"), env.get("PATH", os.defpath)]),
        HOME=str(HOME),
        PYTHONPATH=os.pathsep.join([str(BUILD / "tree"), str(ROOT / "extensions")]),
        PYTHONDONTWRITEBYTECODE="1",
        ANSIBLE_COLLECTIONS_PATH=str(BUILD / "tree"),
        ANSIBLE_NOCOLOR="1",
        NO_COLOR="1",
        MOLECULE_GLOB="molecule/*/molecule.yml",
    )
    # Colour asked for by a caller would make the logs unreadable; ansible-test refuses PYTHONPATH entries it may not see.
    for name in ("FORCE_COLOR", "ANSIBLE_FORCE_COLOR", "PY_COLORS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        env.pop(name, None)
    return env


def run_step(step: GateCommand, log: Path, deadline: float) -> int:
    """Run one command with its output in the log; its whole process group is ended at the deadline (code 124)."""
    env = {**environment(), **step.env}
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(step.argv)}   (in {step.cwd})\n".encode())
        stream.flush()
        child = subprocess.Popen(
            list(step.argv),
            cwd=step.cwd,
            env={k: v for k, v in env.items() if v != ""},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(child)
        try:
            return child.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            stream.write(b"stopped: the gate's time is over\n")
            return 124
        finally:
            RUNNING.discard(child)
            if child.poll() is None:
                end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a command's process group to end, then insist. It may hold stand-ins that want to be stopped in order."""
    for sign, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, sign)
            child.wait(timeout=patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_gate(gate: Gate) -> tuple[str, str]:
    """("ok" | "skipped" | "FAILED", why)."""
    log = LOG / f"{gate.name}.log"
    log.write_bytes(b"")
    deadline = time.monotonic() + gate.timeout
    try:
        for step in gate.steps():
            code = run_step(step, log, deadline)
            if code:
                return "FAILED", f"exit code {code}: {' '.join(step.argv)}"
    except Skipped as why:
        return "skipped", str(why)
    except (Failed, OSError) as why:
        return "FAILED", str(why)
    return "ok", ""


def timed(gate: Gate) -> tuple[str, str, float]:
    begun = time.monotonic()
    return *run_gate(gate), time.monotonic() - begun


def run_all(gates: Sequence[Gate]) -> Iterator[tuple[Gate, str, str, float]]:
    """Each gate with its outcome, why and seconds, as it ends. Neighbours that may run beside each other do."""
    for beside, group in itertools.groupby(gates, key=lambda gate: gate.beside):
        with ThreadPoolExecutor(PLACES if beside else 1) as pool:
            futures: dict[Future[tuple[str, str, float]], Gate] = {pool.submit(timed, gate): gate for gate in group}
            try:
                for future in as_completed(futures):
                    yield futures[future], *future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in list(RUNNING):
                    end(child)
                raise


def tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    | {line}" for line in lines[-TAIL_LINES:])
