# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the event source ``vault_events``: options, the pause between two readings, and the file it resumes from."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import (
    FailbackError,
    InputError,
    defect,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.report import changes
from ansible_collections.homeward.asr.plugins.module_utils.shell import accounts, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.clock import system_clock
from ansible_collections.homeward.asr.plugins.module_utils.shell.watching import Watch
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded
from ansible_collections.homeward.asr.plugins.plugin_utils.sources import listing

Picture = dict[str, Any]

#: What begins a template.
_MARK = re.compile(r"\{(?=[{%#])")

#: What ansible-rulebook itself adds to the arguments.
NOT_OURS = ("eda_feedback_queue",)


class Queue(Protocol):
    """What ansible-rulebook hands to a source."""

    async def put(self, data: dict[str, Any]) -> None:
        """Pass an event on."""


class EventSourceError(Exception):
    """Why the source ends, with what to do next."""


def argument_spec() -> specs.Spec:
    """The options, as in the documentation of the event source."""
    return specs.merge(
        specs.azure(),
        specs.vault(),
        specs.machines(),
        {
            "interval": {"type": "float", "default": 60.0},
            "request_budget": {"type": "float", "default": 120.0},
            "jobs": {"type": "bool", "default": True},
            "state_file": {"type": "path"},
            "report_current": {"type": "bool", "default": True},
        },
    )


def checked(args: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The options with their defaults. Raises InputError."""
    given = {name: value for name, value in args.items() if name not in NOT_OURS and value not in (None, "", [])}
    vaults = given.get("vaults") or [word for word in environ.get("ASR_VAULTS", "").split(",") if word.strip()]
    if vaults:
        given["vaults"] = listing.entries_of(vaults)
    result = ArgumentSpecValidator(argument_spec()).validate(given)
    if result.error_messages:
        raise InputError(
            "option_invalid", f"{'; '.join(result.error_messages)}.", "Correct the source in the rulebook."
        )
    params: dict[str, Any] = result.validated_parameters
    specs.check_numbers(params)
    return accounts.with_profile(params)


def harmless(value: Any) -> Any:
    """An event in which no text is a template: ansible-rulebook writes events into the variables of the playbooks it starts.

    The service's ids have no such marks, so a name that has them selects its machine by its id.
    """
    if isinstance(value, str):
        return _MARK.sub("{ ", value)
    if isinstance(value, Mapping):
        return {key: harmless(part) for key, part in value.items()}
    if isinstance(value, list):
        return [harmless(part) for part in value]
    return value


def pause(interval: float, budget: float, reads: int) -> float:
    """Seconds until the next reading, after one that took so many requests: never more than ``budget`` reads a minute."""
    return max(interval, reads * 60.0 / budget)


class StateFile:
    """Where the last picture is kept. One source at a time uses it. Raises InputError for a file that is not ours."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._lock: IO[str] | None = None

    def open(self) -> Picture | None:
        """The last picture; None where there is none yet."""
        if self._path is None:
            return None
        try:
            self._lock = open(f"{self._path}.lock", "w", encoding="utf-8")  # noqa: SIM115
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self._lock is None:
                raise self._unusable("its directory does not exist") from None
            return None
        except BlockingIOError:
            self.close()
            raise self._unusable("another source uses it", "Give each source a file of its own.") from None
        except (OSError, ValueError) as exc:
            self.close()
            raise self._unusable(getattr(exc, "strerror", None) or "it is not a text file") from None
        return self._understood(text)

    def _understood(self, text: str) -> Picture:
        with suppress(ValueError):
            picture = json.loads(text)
            if isinstance(picture, dict) and picture.get("format") == changes.FORMAT and "vaults" in picture:
                return picture
        self.close()
        raise self._unusable(
            "it was not written by this version of the event source",
            "Remove it, or name another file. Without it, everything is reported as it is now.",
        )

    def _unusable(self, why: str, remedy: str = "Name a file that this user may write.") -> InputError:
        return InputError("state_file_unusable", f"Option state_file, {self._path}: {why}.", remedy)

    def write(self, picture: Picture) -> None:
        """Replace the file as a whole, so that a kill leaves the former picture or this one."""
        if self._path is None:
            return
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(picture, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, self._path)
        except OSError as exc:
            raise self._unusable(exc.strerror or "it cannot be written") from exc

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


async def run(queue: Queue, args: Mapping[str, Any]) -> None:
    """Read, report and wait, until cancelled. Raises EventSourceError for what waiting does not cure."""
    try:
        await _run(queue, args)
    except FailbackError as exc:
        raise EventSourceError(str(worded(exc.sentence(), False))) from None
    except Exception as exc:
        # In the shape of every other refusal; ansible-rulebook logs it and ends the source.
        raise EventSourceError(defect(exc).sentence()) from exc


async def _run(queue: Queue, args: Mapping[str, Any]) -> None:
    params = accounts.with_profile(checked(args, os.environ))
    clock = system_clock()
    refs = accounts.vaults_of(params, os.environ)
    state = StateFile(params["state_file"])
    picture = state.open()
    vaults = accounts.open_vaults(params, clock, read_only=True)
    watch = Watch(vaults, refs, params)
    first = True
    try:
        while True:
            reads = vaults.requests.reads
            seen, events = await asyncio.to_thread(watch.poll, picture, params["report_current"], first)
            for event in events:
                await queue.put(harmless(worded(event, False)))
            # After the events, so that one that was lost on the way is reported again after a restart.
            state.write(seen)
            picture, first = seen, False
            await asyncio.sleep(pause(params["interval"], params["request_budget"], vaults.requests.reads - reads))
    finally:
        # A reading that is under way ends at its next pause.
        vaults.deadline = clock.monotonic()
        vaults.close()
        state.close()
