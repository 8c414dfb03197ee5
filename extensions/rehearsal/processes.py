# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a server in the background, knowing it again later, and stopping it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class ServerError(RuntimeError):
    """A server that did not start; the text holds its last words."""


def born(pid: int) -> str | None:
    """When a living process started (clock ticks since boot, as text); ``None`` when it is gone or only a zombie.

    Together with the pid this names one process: pids are used again. Where there is no /proc, life is all that can
    be reported.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if Path("/proc/self").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return "alive"
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def alive(server: Mapping[str, Any]) -> bool:
    """Whether the process that :func:`start` returned still runs."""
    return bool(server) and born(server["pid"]) == server.get("born")


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], ready: Path, log: Path, timeout: float = 60.0
) -> dict[str, Any]:
    """Start a server in its own session and wait until it has written its ready file.

    Returns the ready file's content with ``pid`` and ``born``. Raises :class:`ServerError`.
    """
    ready.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout
    try:
        while not ready.exists():
            if process.poll() is not None:
                raise ServerError(f"The {name} ended at once (exit {process.returncode}): {last_words(log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"The {name} does not answer after {timeout:g} s: {last_words(log)}")
            time.sleep(0.02)
        told = json.loads(ready.read_text(encoding="utf-8"))
    except BaseException:
        process.kill()
        process.wait()
        raise
    # The pid is what was started here, not what a file says.
    return {**told, "pid": process.pid, "born": born(process.pid)}


def stop(server: Mapping[str, Any], patience: float = 10.0) -> str:
    """Stop a server: SIGTERM, and SIGKILL when it still runs after ``patience`` seconds. Returns how it went:
    ``stopped``, ``killed`` or ``gone`` (it did not run any more)."""
    if not alive(server):
        return "gone"
    pid = server["pid"]
    for number, seconds, word in ((signal.SIGTERM, patience, "stopped"), (signal.SIGKILL, 5.0, "killed")):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return word
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # started by another run of the launcher
                os.waitpid(pid, os.WNOHANG)
            if not alive(server):
                return word
            time.sleep(0.02)
    raise ServerError(f"Process {pid} does not end, not even after SIGKILL.")


def last_words(log: Path, lines: int = 1) -> str:
    """The end of a log in one line, and where to read on."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    said = " | ".join(text.strip().splitlines()[-lines:])
    return f"{said} (log: {log})" if said else "it said nothing."
