# SPDX-License-Identifier: GPL-3.0-or-later
"""A benchmark or a rehearsal that is interrupted leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.further

ROOT = Path(__file__).resolve().parents[2]

#: Seconds after which something that should happen has not.
PATIENCE = 120.0


def running(directory: Path) -> list[str]:
    """Command lines of the living processes that name the directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(os.fsencode(directory) in word for word in words) and entry.parent.name != str(os.getpid()):
            found.append(b" ".join(words).decode())
    return found


def until(what: str, seen: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < end, f"{what}: not after {PATIENCE:g} s"
        time.sleep(0.02)


def started(directory: Path) -> bool:
    return any("vcenter-standin" in line.split(" ", 1)[0] for line in running(directory))


def playing(directory: Path) -> bool:
    log = directory / "play.log"
    return log.is_file() and log.stat().st_size > 0


def ends(child: subprocess.Popen[str], code: int, directory: Path) -> str:
    said, _none = child.communicate(timeout=PATIENCE)
    assert child.returncode == code, said
    until(f"{running(directory)} has ended", lambda: not running(directory))
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [started, playing])
def test_an_interrupted_benchmark_leaves_no_stand_in(
    tmp_path: Path, number: signal.Signals, moment: Callable[[Path], bool]
) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), "--sizes", "2", "--generations", "classic"]
    env = {
        **os.environ,
        "BENCH_DIR": str(tmp_path / "bench"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with subprocess.Popen(
        [*command, "--speed", "1"], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        until(moment.__name__, lambda: moment(tmp_path / "bench"))
        child.send_signal(number)
        said = ends(child, 128 + number, tmp_path / "bench")
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_rehearsal_leaves_no_stand_in(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "rehearsal"
    mark = tmp_path / "plays"
    script = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    command = [
        str(ROOT / "scripts" / "with_rehearsal.sh"),
        "classic-12",
        str(directory),
        "",
        sys.executable,
        "-c",
        script,
    ]
    with subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        until("the command runs", mark.exists)
        if number == signal.SIGINT:
            os.killpg(child.pid, number)  # as a terminal does
        else:
            child.send_signal(number)
        ends(child, 128 + number, directory)
