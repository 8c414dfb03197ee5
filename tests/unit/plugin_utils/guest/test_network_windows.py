# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows guests: recorded, compared, and what restoring sets. The JSON has the form of files/windows_survey.ps1."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.plan import guest_network
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.sections import SurveyError

LAN = {
    "alias": "Ethernet",
    "mac": "00-50-56-00-00-01",
    "index": 4,
    "dhcp": False,
    "addresses": [{"ip": "10.1.2.3", "prefix": 24}],
    "gateways": ["10.1.2.1"],
    "dns": ["10.1.0.53", "10.1.0.54"],
}
SAN = {
    **LAN,
    "alias": "Ethernet 2",
    "mac": "00-50-56-00-00-02",
    "index": 7,
    "addresses": [{"ip": "10.8.0.3", "prefix": 24}],
    "gateways": [],
    "dns": [],
}
LEASED = {"dhcp": True, "addresses": [{"ip": "10.1.2.90", "prefix": 24}], "dns": []}


def survey(*adapters: dict[str, Any], **parts: Any) -> str:
    home = {
        "hostname": "SQL01",
        "tag": "None",
        "azure": False,
        "adapters": list(adapters),
        "tools": [{"name": "VMTools", "enabled": True, "active": True}],
        "disks": [{"number": 0, "name": "VMware Virtual disk", "offline": False}],
        "agents": [],
    }
    return json.dumps({**home, **parts})


RECORD: str = guest_network(survey(LAN, SAN), "record", "", {"machine": "sql01"})["text"]


def restore(text: str, record: str = RECORD) -> dict[str, Any]:
    result: dict[str, Any] = guest_network(text, "restore", record, {})
    return result


def test_a_record_says_what_the_machine_has() -> None:
    data = yaml.safe_load(RECORD)
    assert data["system"] == "windows"
    assert [(i["name"], i["mac"], i["addresses"], i["dns"]) for i in data["interfaces"]] == [
        ("Ethernet", "00:50:56:00:00:01", ["10.1.2.3/24"], ["10.1.0.53", "10.1.0.54"]),
        ("Ethernet 2", "00:50:56:00:00:02", ["10.8.0.3/24"], []),
    ]
    assert data["routes"] == [{"to": "default", "via": "10.1.2.1", "dev": "Ethernet"}]
    assert guest_network(survey(LAN, SAN), "record", RECORD, {"machine": "sql01"})["same"]


def test_as_recorded_nothing_is_done() -> None:
    plan = restore(survey(LAN, SAN))
    assert not plan["changed"]
    assert plan["differences"] == plan["problems"] == []


def test_a_lease_becomes_the_static_address_again() -> None:
    plan = restore(survey({**LAN, **LEASED}, SAN))
    assert [(s["alias"], s["addresses"], s["gateway"], s["dns"]) for s in plan["steps"]] == [
        ("Ethernet", [{"ip": "10.1.2.3", "prefix": 24}], "10.1.2.1", ["10.1.0.53", "10.1.0.54"])
    ]
    assert "10.1.2.3/24 (gateway 10.1.2.1" in plan["differences"][0]


@pytest.mark.parametrize("change", [{"gateways": []}, {"gateways": ["10.1.2.254"]}, {"dns": ["10.1.0.54"]}])
def test_gateway_and_dns_count(change: dict[str, Any]) -> None:
    assert len(restore(survey({**LAN, **change}, SAN))["steps"]) == 1


def test_adapters_are_found_by_mac_then_by_order() -> None:
    swapped = restore(survey({**LAN, **LEASED, "alias": "Ethernet 2"}, {**SAN, "alias": "Ethernet"}))
    assert [s["alias"] for s in swapped["steps"]] == ["Ethernet 2"]
    new = restore(survey({**LAN, **LEASED, "alias": "Ethernet0", "mac": "00-50-56-00-00-AA"}, SAN))
    assert [(s["alias"], s["addresses"][0]["ip"]) for s in new["steps"]] == [("Ethernet0", "10.1.2.3")]
    assert [p["code"] for p in restore(survey(LAN))["problems"]] == ["interface_missing"]


def test_edited_addresses_are_used() -> None:
    data = {
        **yaml.safe_load(RECORD),
        "replace": {"10.1.2.3/24": "10.9.2.3/23", "10.1.2.1": "10.9.2.1", "10.1.0.53": "10.9.0.53"},
    }
    step = restore(survey(LAN, SAN), yaml.safe_dump(data))["steps"][0]
    assert (step["addresses"], step["gateway"], step["dns"]) == (
        [{"ip": "10.9.2.3", "prefix": 23}],
        "10.9.2.1",
        ["10.9.0.53", "10.1.0.54"],
    )


def test_refusals() -> None:
    azure = survey(LAN, SAN, tag="7783-7084-3265-9085-8269-3286-77")
    assert [p["code"] for p in restore(azure)["problems"]] == ["in_azure"]
    other = survey({**LAN, "mac": "00-50-56-00-00-99"}, {**SAN, "mac": "00-50-56-00-00-98"}, hostname="DC1")
    assert "other_machine" in [p["code"] for p in restore(other)["problems"]]
    with pytest.raises(SurveyError):
        restore(survey(LAN)[:-5])


def test_tools_and_offline_disks_are_named() -> None:
    plan = restore(
        survey(
            LAN,
            SAN,
            tools=[{"name": "VMTools", "enabled": False, "active": False}],
            disks=[{"number": 1, "name": "VMware Virtual disk", "offline": True}],
        )
    )
    assert plan["tools"] == ["VMTools"]
    assert plan["storage"] == ["disk 1 (VMware Virtual disk) is offline"]
