# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a rehearsal up and take it down: both stand-ins in the background, the fleet in both, files for users."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import fleet as fleets
from . import fleet_file, handover, processes, tls
from .toolchain import CHECKOUT, BuildError, build_vcenter

__all__ = ["BuildError", "LaunchError", "RehearsalOptions", "build_vcenter", "down", "start_vcenter", "status", "up"]

#: Fleets with more machines than this start from a dump once one was made.
DUMP_ABOVE = 100
EXTENSIONS = Path(__file__).resolve().parents[1]


class LaunchError(RuntimeError):
    """A rehearsal that cannot be brought up; one sentence."""


@dataclass(frozen=True)
class RehearsalOptions:
    """How a rehearsal is started. ``speed``, ``page_size`` and ``seed`` override the fleet's when given."""

    fleet: str
    directory: Path
    speed: float | None = None
    page_size: int | None = None
    seed: int | None = None
    vcenter_binary: Path | None = None
    collections: Path = CHECKOUT / ".build" / "tree"
    cache: Path = CHECKOUT / ".build" / "fleets"

    @property
    def fleet_argument(self) -> str:
        """The fleet as another process can find it: a path is made absolute."""
        path = Path(self.fleet)
        return str(path.resolve()) if path.is_file() else self.fleet


def read_state(directory: Path) -> dict[str, Any]:
    """What ``up`` wrote; empty when there is no rehearsal."""
    try:
        state: dict[str, Any] = json.loads((directory / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def running(state: dict[str, Any]) -> bool:
    """Whether both stand-ins live."""
    return bool(state) and all(processes.alive(state.get(part, {})) for part in ("vcenter", "azure"))


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep two launchers from working in one directory at a time."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(fleet: fleets.Fleet) -> str:
    """One word for everything a fleet says."""
    return hashlib.sha256(repr(fleet).encode()).hexdigest()[:16]


def up(options: RehearsalOptions, say: Any = print) -> dict[str, Any]:
    """Bring a rehearsal up and return its state. Raises :class:`LaunchError`, ``FleetError`` or ``BuildError``."""
    fleet = fleet_file.load(options.fleet)
    if options.speed:
        fleet = replace(fleet, speed=options.speed)
    if options.page_size:
        fleet = replace(fleet, page_size=options.page_size)
    if options.seed is not None:
        fleet = replace(fleet, seed=options.seed)
    if not fleet.vaults:
        raise LaunchError(f"The fleet {fleet.name} has no vault; give it one under 'vaults'.")
    directory = options.directory.resolve()
    with alone(directory):
        state = read_state(directory)
        if running(state) and state["digest"] == digest(fleet):
            say(f"The rehearsal {fleet.name} is running already; . {shown(directory / 'env')}")
            return state
        if state:
            _stop(directory, state, say)
        binary = options.vcenter_binary or build_vcenter(say=say)
        return _up(options, fleet, directory, binary, say)


def _up(options: RehearsalOptions, fleet: fleets.Fleet, directory: Path, binary: Path, say: Any) -> dict[str, Any]:
    for leftover in ("requests.jsonl", "azure.json", "vcenter.json", "env", "vars.yml"):
        (directory / leftover).unlink(missing_ok=True)
    certificates = tls.make(directory / "tls")
    user = f"{fleet.site.username}@vsphere.local"
    password, client_secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    started: dict[str, dict[str, Any]] = {}
    try:
        vcenter = started["vcenter"] = start_vcenter(fleet, directory, certificates, password, binary, options.cache)
        azure = started["azure"] = _start_azure(
            options, directory, certificates, vcenter, user, password, client_secret
        )
        access = {**vcenter, "user": user, "password": password}
        handover.write_env(directory / "env", fleet, azure, access, certificates, options.collections.resolve())
        handover.write_vars(directory / "vars.yml", fleet)
        state = {
            "fleet": fleet.name,
            "digest": digest(fleet),
            "speed": fleet.speed,
            "vcenter": {k: vcenter[k] for k in ("pid", "born", "url", "control")},
            "azure": {k: azure[k] for k in ("pid", "born", "url", "control")},
        }
        tls.write(directory / "state.json", json.dumps(state, indent=2).encode(), 0o600)
    except BaseException as exc:
        for server in started.values():
            processes.stop(server)
        if isinstance(exc, (processes.ServerError, KeyError)):
            raise LaunchError(
                str(exc) if isinstance(exc, processes.ServerError) else f"ready file lacks {exc}"
            ) from exc
        raise
    say(
        f"The rehearsal {fleet.name} is up ({len(fleet.machines)} machines, {fleet.speed:g} times real time): vault at "
        f"{azure['url']}, vCenter at {vcenter['url']}; . {shown(directory / 'env')}"
    )
    return state


def start_vcenter(
    fleet: fleets.Fleet,
    directory: Path,
    certificates: tls.Certificates,
    password: str,
    binary: Path,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Start the vCenter stand-in with a fleet in it: seeded, or for large fleets from a dump under ``cache``.

    Returns the ready file's content. The dump's name says which fleet and which program it belongs to.
    """
    data = directory / "vcenter"
    shutil.rmtree(data, ignore_errors=True)
    dump = None
    if cache is not None and len(fleet.machines) > DUMP_ABOVE:
        unpaced = replace(fleet, speed=1.0, page_size=1, lag=0.0, durations={}, seed=None)
        seeding = Path(__file__).with_name("vcenter") / "seed.py"
        program = hashlib.sha256(binary.read_bytes() + seeding.read_bytes()).hexdigest()[:16]
        dump = cache.resolve() / f"{fleet.name}-{digest(unpaced)}-{program}"
    command = [str(binary), "-tls-cert", str(certificates.cert), "-tls-key", str(certificates.key)]
    command += ["-username", fleet.site.username, "-data", str(data), "-ready", str(directory / "vcenter.json")]
    known = dump is not None and dump.is_dir()
    if known:
        command += ["-load", str(dump)]
    environment = {**os.environ, "VCENTER_PASSWORD": password}
    server = processes.start(
        "vCenter stand-in", command, environment, directory / "vcenter.json", directory / "log" / "vcenter.log"
    )
    if known:
        return server
    try:
        _seed(fleet, server, password, certificates, dump)
    except BaseException:
        processes.stop(server)
        raise
    return server


def _seed(
    fleet: fleets.Fleet, server: dict[str, Any], password: str, certificates: tls.Certificates, dump: Path | None
) -> None:
    from .vcenter import client, seed
    from .vcenter.control import Control, ControlError

    control = Control(server["control"])
    try:
        si = client.connect(server["url"], fleet.site.username, password, str(certificates.ca))
        seed.seed(fleet, si, control, Path(server["data"]))
        client.disconnect(si)
    except (seed.SeedError, client.TaskFailed, ControlError) as exc:
        raise LaunchError(f"The fleet {fleet.name} cannot be built in vCenter: {exc}") from exc
    if dump is not None:
        draft = dump.with_name(f"{dump.name}.{os.getpid()}")
        control.dump(str(draft))
        try:
            draft.rename(dump)
        except OSError:  # another launcher was faster
            shutil.rmtree(draft, ignore_errors=True)


def _start_azure(
    options: RehearsalOptions,
    directory: Path,
    certificates: tls.Certificates,
    vcenter: dict[str, Any],
    user: str,
    password: str,
    client_secret: str,
) -> dict[str, Any]:
    ready = directory / "azure.json"
    command = [sys.executable, "-m", "rehearsal.azure", "--fleet", options.fleet_argument, "--dir", str(directory)]
    command += ["--cert", str(certificates.cert), "--key", str(certificates.key), "--ca", str(certificates.ca)]
    command += ["--port", "0", "--control-port", "0", "--ready", str(ready)]
    command += ["--vcenter-url", vcenter["url"], "--vcenter-user", user, "--vcenter-control", vcenter["control"]]
    if options.speed:
        command += ["--speed", str(options.speed)]
    if options.page_size:
        command += ["--page-size", str(options.page_size)]
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    path = os.pathsep.join(p for p in (str(EXTENSIONS), os.environ.get("PYTHONPATH", "")) if p)
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "VCENTER_PASSWORD": password,
        "REHEARSAL_CLIENT_SECRET": client_secret,
    }
    return processes.start("vault stand-in", command, environment, ready, directory / "log" / "azure.log")


def down(directory: Path, say: Any = print) -> None:
    """Stop both stand-ins through their pids and say so. The records of the rehearsal (logs, requests, variables)
    stays; what holds secrets goes."""
    directory = directory.resolve()
    if not directory.is_dir():
        say(f"There is no rehearsal in {shown(directory)}.")
        return
    with alone(directory):
        state = read_state(directory)
        if not state:
            say(f"There is no rehearsal in {shown(directory)}.")
            return
        _stop(directory, state, say)


def _stop(directory: Path, state: dict[str, Any], say: Any) -> None:
    # The vault stand-in first: it talks to the other one.
    ways = [processes.stop(state.get(part, {})) for part in ("azure", "vcenter")]
    for name in ("state.json", "env", "azure.json", "vcenter.json"):
        (directory / name).unlink(missing_ok=True)
    told = "was not running any more" if set(ways) == {"gone"} else "is stopped"
    forced = " (killed: it did not stop in time)" if "killed" in ways else ""
    say(f"The rehearsal {state.get('fleet', '')} {told}{forced}.")


def status(directory: Path, say: Any = print) -> bool:
    """Say what runs; True when both stand-ins do."""
    directory = directory.resolve()
    state = read_state(directory)
    if not state:
        say(f"There is no rehearsal in {shown(directory)}.")
        return False
    for part, name in (("azure", "vault"), ("vcenter", "vCenter")):
        server = state.get(part, {})
        word = "runs" if processes.alive(server) else "does not run"
        say(f"{state['fleet']}: the {name} stand-in {word} (pid {server.get('pid')}, {server.get('url')})")
    return running(state)


def shown(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
