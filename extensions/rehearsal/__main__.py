# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m rehearsal up|down|status|build``: the rehearsal's command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from . import launcher
from .fleet import FleetError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="rehearsal", description="A vault and a vCenter to rehearse a failback on.")
    commands = top.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start both stand-ins with a fleet in the background")
    up.add_argument("--fleet", required=True, help="a fleet's name, classic-N, or a YAML file")
    up.add_argument("--dir", required=True, type=Path, help="where everything about this rehearsal is kept")
    up.add_argument("--speed", type=positive(float), help="service seconds per real second (else the fleet's)")
    up.add_argument("--page-size", type=positive(int), help="entries of a page of a list (else the fleet's)")
    up.add_argument("--seed", type=int, help="draw each machine's durations from ranges; one seed, one course")
    up.add_argument("--vcenter-binary", type=Path, help="a vCenter stand-in built elsewhere")
    up.add_argument("--collections-path", type=Path, default=launcher.RehearsalOptions.collections)
    up.add_argument(
        "--cache", type=Path, default=launcher.RehearsalOptions.cache, help="where dumps of large fleets are kept"
    )
    for name, text in (("down", "stop both stand-ins"), ("status", "say what runs")):
        commands.add_parser(name, help=text).add_argument("--dir", required=True, type=Path)
    commands.add_parser("build", help="build the vCenter stand-in")
    return top


def positive(kind: type) -> type:
    def convert(text: str):  # type: ignore[no-untyped-def]
        value = kind(text)
        if value <= 0:
            raise ValueError
        return value

    convert.__name__ = f"positive {kind.__name__}"
    return convert  # type: ignore[return-value]


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    # Interrupted in the middle, ``up`` stops what it has started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        if args.command == "up":
            binary = args.vcenter_binary
            if binary is not None and not binary.is_file():
                raise launcher.LaunchError(f"--vcenter-binary {binary}: there is no such file.")
            launcher.up(
                launcher.RehearsalOptions(
                    fleet=args.fleet,
                    directory=args.dir,
                    speed=args.speed,
                    seed=args.seed,
                    page_size=args.page_size,
                    vcenter_binary=binary and binary.resolve(),
                    collections=args.collections_path,
                    cache=args.cache,
                )
            )
        elif args.command == "down":
            launcher.down(args.dir)
        elif args.command == "status":
            return 0 if launcher.status(args.dir) else 3
        else:
            print(launcher.build_vcenter(say=print))
    except (launcher.LaunchError, launcher.BuildError, FleetError) as exc:
        print(f"rehearsal: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
