# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the failback, stages 2 to 4, on fleets of several sizes and print a table; nothing is asserted here.

Every row is one fleet that starts in Azure, is failed back and protected again by ``ansible-playbook homeward.asr.failback``
on both stand-ins. ``BENCH="12 100"`` chooses the sizes, ``BENCH_PAGES="100"`` the entries of a list page, ``BENCH_GENERATIONS="classic"``
the generations, ``BENCH_ADVANCE="together each"`` the ways to advance; the options of the same names do the same. A line
is shown for each fleet while it runs, the table at the end, also of a run that is interrupted (Ctrl-C, SIGTERM); the
stand-ins are stopped in any case.

What the columns say:

* reads/op: reads that are no list, for each machine and operation;
* slices: processes that asked for a token, one each; CPU s: user and system time of ansible-playbook and everything it
  started; ms/step: that time in milliseconds for each machine and operation;
* MB: the largest of those processes; wall s: the whole run;
* ready lists, ready SOAP: pages of lists of the vault and calls to vCenter of the readiness check (``preflight``), which is
  one slice; lists/slice: pages of lists for each slice of the failback. They must not grow with the number of machines,
  as long as their page is as large as the fleet.

Two rows are for as many machines in each of three vaults in three subscriptions (``--three``), whose writes are limited one by one:
"3 on 1" is one process for all, "3 on 3" has the vaults as hosts, with a process for each.

With ``--wide``, which puts hooks around the commits to count (each stage is a task of its own then, and costs more CPU):

* writes: those that the vault stand-in took, and the floor, which is one for each machine and operation;
* lists: pages of lists;
* SOAP: calls to vCenter in the stage of the commits; looks: reads of machines in it, each of those whose commits the bucket
  lets out before the next; SOAP/slice: those calls for each slice of that stage, in which nobody else speaks to vCenter (all
  three with ``together`` only);
* send s: from the first to the last accepted write of stage 2; bucket s: what the write bucket (200, refilled by 10 a
  second) asks for.

While a task runs, Ansible's main process looks for its result every millisecond, which costs some 35 ms of CPU for each
second of waiting. ``--poll`` is the interval that is set instead (internal_poll_interval in ansible.cfg), as the guide on
operating recommends; ``--poll 0.001`` measures Ansible's default.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "extensions"))

from bench_fleets import THREE, fleet_file  # noqa: E402
from bench_table import machine, table  # noqa: E402

from rehearsal import generated_fleets  # noqa: E402

BUILD = ROOT / ".build"
#: Where a measurement keeps its files; BENCH_DIR names another place.
WORK = Path(os.environ.get("BENCH_DIR") or BUILD / "bench").resolve()
#: Calls to vCenter as the second hook found them, and requests to the vault as both found them.
SOAP = WORK / "soap.json"
AROUND = {when: WORK / f"vault-{when}.json" for when in ("before", "after")}
#: Operations of the failback for each machine: reprotect, failover, commit, reprotect.
OPERATIONS = 4
#: The write bucket (DOC).
BUCKET, REFILL = 200, 10.0
#: Seconds that an interrupted ansible-playbook is given to end.
PATIENCE = 20.0


@dataclass(frozen=True)
class PlaybookRun:
    """One ansible-playbook run: seconds on the clock and of CPU, the largest process in MB."""

    seconds: float
    cpu: float
    megabytes: float


def rehearsal(*arguments: str) -> None:
    """Run the launcher, out of reach of Ctrl-C: when this script is interrupted, it is asked to end, and cleans up."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "extensions")}
    command = [sys.executable, "-m", "rehearsal", *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True) as child:
        try:
            code = child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}.")


@contextmanager
def standins(generation: str, size: int, page: int, speed: float) -> Iterator[dict[str, Any]]:
    """Stand-ins for one measurement; yields their state (URLs of the control endpoints). They end with it, whatever happens."""
    options = [
        "--fleet",
        str(fleet_file(WORK, generation, size)),
        "--dir",
        str(WORK),
        "--speed",
        str(speed),
        "--page-size",
        str(page),
    ]
    binary = str(BUILD / "bin" / "vcenter-standin")
    try:
        rehearsal("up", *options, "--vcenter-binary", binary, "--cache", str(BUILD / "fleets"))
        yield json.loads((WORK / "state.json").read_text(encoding="utf-8"))
    finally:
        with deaf():
            rehearsal("down", "--dir", str(WORK))


@contextmanager
def deaf() -> Iterator[None]:
    """No interruption while it lasts."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def environment() -> dict[str, str]:
    """What `. env` would set."""
    shown = subprocess.run(
        ["sh", "-c", '. "$1/env" && env -0', "sh", str(WORK)], check=True, capture_output=True
    ).stdout
    return dict(os.fsdecode(entry).split("=", 1) for entry in shown.split(b"\0") if b"=" in entry)


def play(playbook: str, poll: float, *options: str) -> PlaybookRun:
    """Run a playbook of the collection; a failed one ends the benchmark with its last lines."""
    log, settings = WORK / "play.log", WORK / "ansible.cfg"
    settings.write_text(f"[defaults]\ninternal_poll_interval = {poll:g}\n", encoding="utf-8")
    env = {**environment(), "ANSIBLE_CONFIG": str(settings)}
    command = ["ansible-playbook", f"homeward.asr.{playbook}", "-e", f"@{WORK / 'vars.yml'}", *options]
    begun = time.monotonic()
    with log.open("wb") as stream:
        # In a session of its own, so that it is interrupted once and by us.
        child = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        _dummy, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{said[-3000:]}")
    return PlaybookRun(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    data = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(url, method=method, data=data)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def hosts() -> list[str]:
    """Options for a process for each vault."""
    path = WORK / "vaults.asr.yml"
    path.write_text("plugin: homeward.asr.replicated_items\nvault_hosts: true\n", encoding="utf-8")
    # The names of one vault's machines would be strange to the others.
    return ["-i", str(path), "-e", "asr_hosts=asr_vaults", "-e", "asr_machines=all"]


def write_hooks(control: str, vault_control: str) -> str:
    """Tasks of our own around the commits, which count calls and slices; gives the variables that name them."""
    SOAP.unlink(missing_ok=True)
    tasks: dict[str, dict[str, Any]] = {
        "before": {"url": f"{control}/counters/reset", "method": "POST", "body": {}, "body_format": "json"},
        "after": {"url": f"{control}/counters", "dest": str(SOAP)},
    }
    hooks = {}
    for when, request in tasks.items():
        path = WORK / f"hook-{when}.yml"
        asked = [request, {"url": f"{vault_control}/counters", "dest": str(AROUND[when])}]
        uris = [{"name": "Count", "ansible.builtin.uri": {**one, "use_proxy": False}} for one in asked]
        path.write_text(yaml.safe_dump(uris), encoding="utf-8")
        hooks[f"asr_hooks_{when}_commit"] = [str(path)]
    return json.dumps(hooks)


def sending_seconds(size: int) -> float:
    """Seconds between the first and the last accepted write of stage 2: the first reprotect of each machine."""
    with (WORK / "requests.jsonl").open(encoding="utf-8") as stream:
        entries = [json.loads(line) for line in stream if '"POST"' in line]
    taken = [e for e in entries if e["status"] == 202 and re.search(r"/reProtect\b", e["path"], re.IGNORECASE)]
    first = [datetime.fromisoformat(e["time"]) for e in taken[:size]]
    return (max(first) - min(first)).total_seconds() if first else 0.0


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def readiness(vault: str, vcenter: str, speed: float, poll: float) -> dict[str, Any]:
    """What one readiness check of all machines asks of the vault and of vCenter.

    At the service's own pace: it takes a minute for a thousand machines, in which the heartbeats of a hurried clock grow old.
    """
    for control in (vault, vcenter):
        ask(f"{control}/counters/reset", "POST")
    ask(f"{vault}/clock", "POST", {"speed": 1})
    play("preflight", poll)
    ask(f"{vault}/clock", "POST", {"speed": speed})
    return {
        "ready lists": ask(f"{vault}/counters")["lists"],
        "ready SOAP": ask(f"{vcenter}/counters")["total"],
    }


def measure(
    generation: str, size: int, page: int, advance: str, speed: float, poll: float, wide: bool
) -> dict[str, str]:
    """One row of the table."""
    with standins(generation, size, page, speed) as state:
        vault, vcenter = state["azure"]["control"], state["vcenter"]["control"]
        ready = readiness(vault, vcenter, speed, poll)
        ask(f"{vault}/counters/reset", "POST")
        # Processes side by side would count each other's calls.
        counts = wide and advance == "together" and generation not in THREE
        options = ["-e", write_hooks(vcenter, vault)] if counts else hosts() if generation == "3 on 3" else []
        size *= 3 if generation in THREE else 1
        run = play("failback", poll, "-e", f"asr_advance={advance}", "-e", "asr_commit_when=verified", *options)
        counted = ask(f"{vault}/counters")
    soap = read(SOAP) if counts else {}
    slices = read(AROUND["after"])["tokens"] - read(AROUND["before"])["tokens"] if soap else 0
    # A look is a scan of all machines, the details of those wanted, and the names of their hosts and datastores.
    looks = soap.get("methods", {}).get("RetrievePropertiesEx", 0) // 3
    values = {
        "generation": generation,
        "machines": size,
        "page": page,
        "advance": advance,
        "writes": counted["writes"],
        "floor": size * OPERATIONS,
        "reads/op": f"{(counted['reads'] - counted['lists']) / (size * OPERATIONS):.2f}",
        "lists": counted["lists"],
        "slices": counted["tokens"],
        "CPU s": f"{run.cpu:.1f}",
        "ms/step": f"{1000 * run.cpu / (size * OPERATIONS):.1f}",
        "MB": f"{run.megabytes:.0f}",
        "SOAP": soap.get("total", ""),
        "looks": looks or "",
        "send s": f"{sending_seconds(size):.1f}",
        # A subscription's own.
        "bucket s": f"{max(0, (size // 3 if generation in THREE else size) - BUCKET) / REFILL:.1f}",
        "wall s": f"{run.seconds:.0f}",
        **ready,
        "lists/slice": f"{counted['lists'] / max(1, counted['tokens']):.1f}",
        "SOAP/slice": f"{soap['total'] / slices:.1f}" if slices else "",
    }
    return {name: str(value) for name, value in values.items()}


def words(text: str) -> list[str]:
    """Entries between commas or spaces."""
    return text.replace(",", " ").split()


def numbers(text: str) -> list[int]:
    return [int(word) for word in words(text)]


#: Signals that end the benchmark as Ctrl-C does.
ENDING = (signal.SIGTERM, signal.SIGHUP)


def end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the failback on the stand-ins.")
    given = os.environ
    parser.add_argument(
        "--sizes", type=numbers, default=given.get("BENCH") or "12 100 1000", help="machines, between commas or spaces"
    )
    parser.add_argument(
        "--pages", type=numbers, default=given.get("BENCH_PAGES") or "100 1000", help="entries of a list page"
    )
    parser.add_argument(
        "--generations",
        type=words,
        default=given.get("BENCH_GENERATIONS") or " ".join(generated_fleets.GENERATED),
        help="classic, modernized or both",
    )
    parser.add_argument(
        "--advance", type=words, default=given.get("BENCH_ADVANCE") or "together", help="together, each or both"
    )
    parser.add_argument(
        "--three",
        type=int,
        default=given.get("BENCH_THREE") or "100",
        help="machines in each of three subscriptions; 0 leaves these rows out",
    )
    parser.add_argument("--speed", type=float, default=120.0, help="service seconds in a second")
    parser.add_argument("--poll", type=float, default=0.2, help="Ansible's internal_poll_interval, in seconds")
    parser.add_argument("--wide", action="store_true", help="all columns")
    args = parser.parse_args()
    for ending in ENDING:
        signal.signal(ending, end)
    WORK.mkdir(parents=True, exist_ok=True)
    print(
        f"{machine()}; the service runs {args.speed:g} times real time, Ansible polls every {args.poll:g} s", flush=True
    )
    wanted = list(itertools.product(args.generations, args.sizes, args.pages, args.advance))
    wanted += [(on, args.three, args.pages[-1], "together") for on in THREE if args.three]
    rows: list[dict[str, str]] = []
    try:
        for number, (generation, size, page, advance) in enumerate(wanted, 1):
            print(f"{number} of {len(wanted)}: {size} {generation}, pages of {page}, {advance}", flush=True)
            rows.append(measure(generation, size, page, advance, args.speed, args.poll, args.wide))
    except KeyboardInterrupt:
        return 130
    finally:
        if rows:
            print(f"\n{table(rows, args.wide)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
