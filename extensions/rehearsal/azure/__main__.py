# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m rehearsal.azure``: run the vault and ARM stand-in in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from rehearsal.azure.server import ServerOptions, serve
from rehearsal.fleet import FleetError
from rehearsal.fleet_file import load


def options_from(arguments: list[str] | None = None) -> ServerOptions:
    """Secrets come from the environment, never from the command line: VCENTER_PASSWORD, REHEARSAL_CLIENT_SECRET."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.azure", description=__doc__)
    parser.add_argument("--fleet", required=True, help="name, path, or classic-N")
    parser.add_argument("--dir", required=True, type=Path, help="where requests.jsonl is written")
    parser.add_argument("--cert", required=True, type=Path)
    parser.add_argument("--key", required=True, type=Path)
    parser.add_argument("--ca", type=Path, help="CA that vCenter's certificate is checked with")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--ready", type=Path, help="file written when both ports answer")
    parser.add_argument("--speed", type=float, help="service seconds in one real second (default: the fleet's)")
    parser.add_argument("--page-size", type=int, help="entries of a page of a list (default: the fleet's)")
    parser.add_argument("--seed", type=int, help="draw durations from ranges (default: the fleet's)")
    parser.add_argument("--vcenter-url", help="left out: on-premises effects are kept in memory")
    parser.add_argument("--vcenter-user")
    parser.add_argument("--vcenter-control", help="its control endpoint: its clock follows this one")
    given = parser.parse_args(arguments)
    fleet = load(given.fleet)
    if given.seed is not None:
        fleet = replace(fleet, seed=given.seed)
    return ServerOptions(
        fleet=fleet,
        directory=given.dir,
        cert=given.cert,
        key=given.key,
        ca=given.ca,
        port=given.port,
        control_port=given.control_port,
        ready=given.ready,
        speed=given.speed,
        page_size=given.page_size,
        vcenter_url=given.vcenter_url,
        vcenter_user=given.vcenter_user,
        vcenter_control=given.vcenter_control,
        vcenter_password=os.environ.get("VCENTER_PASSWORD"),
        client_secret=os.environ.get("REHEARSAL_CLIENT_SECRET"),
    )


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        options = options_from()
        asyncio.run(serve(options))
    except (FleetError, ValueError, OSError) as problem:
        print(f"rehearsal.azure: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
