# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports of servers, tried from the machine that runs the module; the attempt itself is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ...model.servers import Fabric
from ...servers.by_name import CLASSIC_FABRIC
from ...servers.inside_script import TcpPort
from ...servers.outward import CONTROL, DATA

#: Tries one: why it does not answer, empty where it does.
Reach = Callable[[str, int], str]

#: Ports that are tried side by side.
WORKERS = 16


def server_ports(fabrics: Iterable[Fabric]) -> list[TcpPort]:
    """The ports of all classic servers, each once."""
    found: list[TcpPort] = []
    for fabric in fabrics:
        if fabric.instance_type == CLASSIC_FABRIC:
            found.append((fabric.ip, CONTROL))
            found += [(server.ip, DATA) for server in fabric.process_servers]
            found += [(target.ip, DATA) for target in fabric.master_targets]
    return list(dict.fromkeys(port for port in found if port[0]))


def try_ports(fabrics: Iterable[Fabric], reach: Reach) -> Mapping[TcpPort, str]:
    """What became of each port."""
    asked = server_ports(fabrics)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return dict(zip(asked, pool.map(lambda port: reach(*port), asked), strict=True))
