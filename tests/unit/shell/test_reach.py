# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP ports, on sockets of this machine; and which ports of a vault's servers are tried."""

from __future__ import annotations

import socket

from builders import VAULT, fabric_json, target_json

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.servers import Fabric
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.ports import server_ports, try_ports
from ansible_collections.homeward.asr.plugins.module_utils.shell.reach import reach


def test_a_port_that_listens_answers_and_one_that_does_not_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert reach("127.0.0.1", port) == ""
    assert "refused" in reach("127.0.0.1", port)
    assert reach("no-such-host.invalid", 443)


def test_each_port_is_tried_once() -> None:
    server = {"id": "id-ps", "friendlyName": "ps-1", "ipAddress": "10.0.0.7"}
    entry = fabric_json([target_json(ipAddress="10.0.0.7")], processServers=[server], ipAddress="10.0.0.5")
    fabric = Fabric.parse(entry, VAULT)
    asked: list[tuple[str, int]] = []

    def attempt(address: str, port: int) -> str:
        asked.append((address, port))
        return "refused" if port == 443 else ""

    assert try_ports([fabric, fabric], attempt) == {("10.0.0.5", 443): "refused", ("10.0.0.7", 9443): ""}
    assert sorted(asked) == [("10.0.0.5", 443), ("10.0.0.7", 9443)]
    assert server_ports([]) == []
