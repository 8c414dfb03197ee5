# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a guest's network, what differs from them, and what restoring one means."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from networks import FSTAB, KEYFILE, LAN, azure_style, survey

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.addresses import guest_addresses
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.plan import guest_network
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.network.secrets import MARK
from ansible_collections.homeward.asr.plugins.plugin_utils.guest.sections import SurveyError

AZURE = "sys_vendor=Microsoft Corporation\nchassis_asset_tag=7783-7084-3265-9085-8269-3286-77"
WIFI = f"{KEYFILE}\n[wifi-security]\npsk=hunter2\n"


def recorded(**parts: Any) -> str:
    text: str = guest_network(survey(**parts), "record", "", {"machine": "web01"})["text"]
    return text


def restore(text: str, record: str, **settings: Any) -> dict[str, Any]:
    result: dict[str, Any] = guest_network(text, "restore", record, settings)
    return result


def codes(plan: dict[str, Any]) -> list[str]:
    return [p["code"] for p in plan["problems"]]


def edited(record: str, **changes: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(record), **changes})


def test_a_record_says_what_the_machine_has() -> None:
    data = yaml.safe_load(recorded())
    assert data["interfaces"] == [
        {"name": "eth0", "mac": "00:50:56:00:00:01", "physical": True, "addresses": ["10.1.2.3/24"], "dhcp": False}
    ]
    assert data["routes"] == [{"to": "default", "via": "10.1.2.1", "dev": "eth0"}]
    assert data["dns"] == {"servers": ["10.1.0.53"], "search": ["example.com"]}
    assert data["managers"] == ["NetworkManager"]
    assert data["services"]["NetworkManager.service"] == {"enabled": True, "active": True}
    assert {f["path"]: f["text"] for f in data["files"]}[LAN] == KEYFILE
    assert data["storage"]["files"][0]["text"] == FSTAB


def test_files_are_readable_blocks() -> None:
    assert "text: |\n      [connection]\n      id=lan\n" in recorded()


def test_recording_again_is_the_same_and_changes_of_leases_are_no_change() -> None:
    leased = "2: eth0    inet {} brd 10.1.2.255 scope global dynamic eth0"
    first = recorded(addresses=leased.format("10.1.2.90/24"))
    again = guest_network(survey(addresses=leased.format("10.1.2.91/24")), "record", first, {"machine": "web01"})
    assert again["same"]
    assert not again["differences"]
    assert not again["problems"]


def test_a_record_holds_no_secret() -> None:
    text = recorded(files={LAN: WIFI})
    assert "hunter2" not in text
    assert MARK in text


def test_at_home_as_recorded_nothing_is_done() -> None:
    plan = restore(survey(), recorded())
    assert not plan["changed"]
    assert not plan["differences"]
    assert not plan["storage"]
    assert not plan["problems"]


def test_what_azure_did_is_undone() -> None:
    plan = restore(azure_style(), recorded())
    assert not plan["problems"]
    assert [f["path"] for f in plan["write"]] == [LAN]
    assert plan["write"][0]["mode"] == "0600"
    assert plan["write"][0]["text"] == KEYFILE
    assert plan["remove"] == ["/etc/systemd/network/10-azure.network"]
    assert plan["enable"] == ["NetworkManager.service"]
    assert plan["disable"] == ["systemd-networkd.service"]
    assert plan["packages"] == plan["kept"] == ["NetworkManager"]
    guard = plan["guard"].splitlines()
    assert "interface eth0 nm 6b1f6d0f-53a1-4a2b-9d3c-0f4d2f6a1e11" in guard
    assert "gateway eth0 10.1.2.1" in guard
    assert "address eth0 10.1.2.3/24" in guard
    assert f"path {LAN}" in guard
    assert "path /etc/systemd/network/10-azure.network" in guard
    assert any("+address1=10.1.2.3/24,10.1.2.1" in line for line in plan["differences"])
    assert any("-DHCP=yes" in line for line in plan["differences"])
    assert any("azure" not in line and "/dev/sdb1" in line for line in plan["storage"])
    assert not plan["repair"]


def test_other_files_stay_when_that_is_asked_for() -> None:
    plan = restore(azure_style(), recorded(), remove_others=False)
    assert plan["remove"] == []
    assert not any("10-azure" in line for line in plan["differences"])


def test_secrets_come_back_from_what_the_machine_kept() -> None:
    record = recorded(files={LAN: WIFI})
    plan = restore(azure_style(kept={LAN: WIFI}), record)
    assert plan["write"][0]["text"] == WIFI
    assert plan["write"][0]["secret"]
    assert not any("hunter2" in line for line in plan["differences"])
    assert codes(restore(azure_style(kept={}), record)) == ["secret_missing"]


@pytest.mark.parametrize("action", ["record", "restore"])
@pytest.mark.parametrize(
    "where", [{"dmi": AZURE}, {"dmi": "sys_vendor=Microsoft Corporation", "azure": "AzurePublicCloud"}]
)
def test_nothing_is_done_in_azure(action: str, where: dict[str, str]) -> None:
    plan = guest_network(survey(**where), action, recorded(), {})
    assert codes(plan) == ["in_azure"]
    assert not guest_network(survey(**where), "compare", recorded(), {})["problems"]


def test_only_root_may() -> None:
    assert codes(restore(survey(user="1000"), recorded())) == ["not_root"]


def test_another_machine_at_the_address_is_refused() -> None:
    other = {"hostname": "db07", "links": "2 eth0 00:50:56:00:00:99 physical"}
    assert codes(restore(survey(**other), recorded())) == ["other_machine"]
    # A machine that came home with another adapter, or under another name, is still itself.
    assert codes(restore(survey(hostname="localhost"), recorded())) == []
    assert codes(restore(survey(links="2 eth0 00:50:56:00:00:99 physical"), recorded())) == []


def test_interfaces_are_found_by_mac_before_their_order() -> None:
    two = {
        "links": "2 eth0 00:50:56:00:00:01 physical\n3 eth1 00:50:56:00:00:02 physical",
        "addresses": "2: eth0    inet 10.1.2.3/24 scope global eth0\n3: eth1    inet 10.1.9.9/24 scope global eth1",
        "files": {
            "/etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\nHWADDR=00:50:56:00:00:01\nIPADDR=10.1.2.3\n",
            "/etc/sysconfig/network-scripts/ifcfg-eth1": "DEVICE=eth1\nHWADDR=00:50:56:00:00:02\nIPADDR=10.1.9.9\n",
        },
    }
    record = recorded(**two)
    swapped = restore(
        survey(**{**two, "links": "2 eth0 00:50:56:00:00:02 physical\n3 eth1 00:50:56:00:00:01 physical"}), record
    )
    written = {f["path"].rsplit("/", 1)[1]: f["text"] for f in swapped["write"]}
    assert written["ifcfg-eth1"] == "DEVICE=eth1\nHWADDR=00:50:56:00:00:01\nIPADDR=10.1.2.3\n"
    assert written["ifcfg-eth0"] == "DEVICE=eth0\nHWADDR=00:50:56:00:00:02\nIPADDR=10.1.9.9\n"
    # One has a new adapter: the other is found by its MAC address, this one is what is left.
    new = restore(
        survey(
            **{**two, "links": "2 ens192 00:50:56:00:00:02 physical\n3 ens224 00:50:56:00:00:AA physical", "files": {}}
        ),
        record,
    )
    written = {f["path"].rsplit("/", 1)[1]: f["text"] for f in new["write"]}
    assert written["ifcfg-ens224"] == "DEVICE=ens224\nHWADDR=00:50:56:00:00:aa\nIPADDR=10.1.2.3\n"
    assert written["ifcfg-ens192"] == "DEVICE=ens192\nHWADDR=00:50:56:00:00:02\nIPADDR=10.1.9.9\n"


def test_an_interface_of_an_edited_record_may_have_no_mac_address() -> None:
    interface = {"name": "eth0", "mac": "", "physical": True, "addresses": ["10.1.2.3/24"], "dhcp": False}
    plan = restore(survey(), edited(recorded(), interfaces=[interface], replace={"": "nonsense"}))
    assert not plan["problems"]
    assert not plan["changed"]


def test_an_adapter_that_is_missing_is_named() -> None:
    record = recorded(links="2 eth0 00:50:56:00:00:01 physical\n3 eth1 00:50:56:00:00:02 physical")
    plan = restore(survey(), record)
    assert codes(plan) == ["interface_missing"]
    assert "eth1" in plan["problems"][0]["reason"]


def test_edited_addresses_are_replaced_everywhere() -> None:
    plan = restore(
        survey(),
        edited(recorded(), replace={"10.1.2.3/24": "10.9.2.3/23", "10.1.2.1": "10.9.2.1", "10.1.0.53": "10.9.0.53"}),
    )
    assert "address1=10.9.2.3/23,10.9.2.1\ndns=10.9.0.53;" in plan["write"][0]["text"]
    assert plan["addresses"] == {"eth0": ["10.9.2.3/23"]}
    assert "gateway eth0 10.9.2.1" in plan["guard"].splitlines()


def test_part_of_an_address_is_not_replaced() -> None:
    record = recorded(files={LAN: KEYFILE + "address2=10.1.2.30/24\naddress3=110.1.2.3/24\n"})
    plan = restore(survey(), edited(record, replace={"10.1.2.3": "10.9.2.3"}))
    text = plan["write"][0]["text"]
    assert "address2=10.1.2.30/24\naddress3=110.1.2.3/24" in text
    assert "address1=10.9.2.3/24," in text


@pytest.mark.parametrize(
    ("files", "service", "owner"),
    [
        (
            {"/etc/network/interfaces": "auto eth0\niface eth0 inet static\n  address 10.1.2.3/24\n"},
            "networking.service",
            "ifupdown -",
        ),
        (
            {"/etc/netplan/01.yaml": "network:\n  ethernets:\n    eth0: {addresses: [10.1.2.3/24]}\n"},
            "systemd-networkd.service",
            "networkd -",
        ),
        (
            {"/etc/netplan/01.yaml": "network:\n  renderer: NetworkManager\n  ethernets:\n    eth0: {}\n"},
            "NetworkManager.service",
            "nm -",
        ),
        (
            {"/etc/systemd/network/a.network": "[Match]\nMACAddress=00:50:56:00:00:01\n"},
            "systemd-networkd.service",
            "networkd -",
        ),
        (
            {"/etc/sysconfig/network-scripts/ifcfg-eth0": 'DEVICE=eth0\nUUID="ab-1"\n'},
            "NetworkManager.service",
            "nm ab-1",
        ),
        ({"/etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\n"}, "network.service", "network -"),
        ({"/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO=static\n"}, "wicked.service", "wicked -"),
    ],
)
def test_each_manager_gets_its_interface(files: dict[str, str], service: str, owner: str) -> None:
    record = recorded(files=files, services=f"{service} enabled active", packages="")
    broken = azure_style(files={}, services="", packages="")
    plan = restore(broken, record)
    assert f"interface eth0 {owner}" in plan["guard"].splitlines()
    assert plan["enable"] == [service]


def test_fstab_is_repaired_only_on_request_and_only_when_the_machine_can_start_with_it() -> None:
    assert restore(azure_style(), recorded())["repair"] == []
    plan = restore(azure_style(), recorded(), repair=["fstab"])
    assert [(f["path"], f["text"]) for f in plan["repair"]] == [("/etc/fstab", FSTAB)]
    for gone in ({"blocks": "sda1"}, {"mappers": "control"}):
        lost = restore(azure_style(**gone), recorded(), repair=["fstab"])
        assert codes(lost) == ["no_repair"]
        assert lost["repair"] == []
    nofail = recorded(
        storage={"/etc/fstab": "UUID=9999 /x ext4 nofail 0 0\nLABEL=x /y ext4 noauto 0 0\n//nas/a /z cifs ro 0 0\n"}
    )
    assert codes(restore(azure_style(), nofail, repair=["fstab"])) == []


def test_lvm_is_compared_without_its_comments_and_repaired_from_the_machine() -> None:
    conf = '# a long text\ndevices {\n\tfilter = [ "a|.*|" ]\n}\n'
    record = recorded(storage={"/etc/lvm/lvm.conf": conf})
    assert "a long text" not in record
    altered = {"/etc/lvm/lvm.conf": conf.replace("a|", "r|")}
    plan = restore(azure_style(storage=altered, kept_storage={"/etc/lvm/lvm.conf": conf}), record, repair=["lvm"])
    assert plan["repair"][0]["text"] == conf
    assert codes(restore(azure_style(storage=altered), record, repair=["lvm"])) == ["no_repair"]
    same = restore(survey(storage={"/etc/lvm/lvm.conf": conf.replace("long", "longer")}), record)
    assert same["storage"] == []


def test_volumes_that_changed_are_named() -> None:
    plan = restore(survey(volumes="VG vg0 aaaa 1 1"), recorded())
    assert plan["storage"] == [
        "LV vg0 data bbbb 1073741824 active: recorded, not found",
        "VG vg0 aaaa 1 0: recorded, not found",
        "VG vg0 aaaa 1 1: found, not recorded",
    ]
    assert not plan["changed"]


def test_tools_that_do_not_run_are_started() -> None:
    plan = restore(survey(tools="vmtoolsd.service disabled inactive"), recorded())
    assert plan["tools"] == ["vmtoolsd.service"]
    assert plan["changed"]
    assert not plan["network"]


def test_a_resolv_conf_that_a_program_writes_is_left_to_it() -> None:
    made = {"/etc/resolv.conf": "# Generated by NetworkManager\nnameserver 10.1.0.53\n", LAN: KEYFILE}
    assert "/etc/resolv.conf" not in recorded(files=made)
    plan = restore(survey(files=made), recorded(files={"/etc/resolv.conf": "nameserver 10.1.0.53\n", LAN: KEYFILE}))
    assert plan["write"] == []
    assert plan["remove"] == []


@pytest.mark.parametrize(
    "broken",
    ["", "x: [", "just text", "system: linux\ninterfaces: no list", "system: linux\ninterfaces: [{mac: 1}]",
     "system: linux\nfiles: [{path: /usr/x}]", "system: linux\nfiles: [{path: /etc/../usr/x}]", "system: linux\nreplace: [1]"],
)  # fmt: skip
def test_a_record_that_is_none_is_refused(broken: str) -> None:
    assert codes(restore(survey(), broken)) == ["no_record"]


@pytest.mark.parametrize("cut", [10, -10])
def test_half_a_survey_is_no_truth(cut: int) -> None:
    with pytest.raises(SurveyError):
        guest_network(survey()[:cut], "compare", recorded())


def test_a_pending_guard_is_seen() -> None:
    assert restore(survey(pending="/var/lib/homeward-asr/network/guard"), recorded())["pending"]


def test_the_table_has_a_line_for_each_address() -> None:
    table = guest_addresses([recorded(), "no record"]).splitlines()
    assert table == [
        "machine,interface,mac,address,gateway,dns,vault",
        "web01,eth0,00:50:56:00:00:01,10.1.2.3/24,10.1.2.1,10.1.0.53,",
    ]


ITEM = "/vaults/a/replicationProtectedItems/1"
OTHER = "/vaults/a/replicationProtectedItems/2"
NEW_ADAPTER = {"links": "2 eth0 00:50:56:00:00:99 physical"}


def of_item(item: str, **parts: Any) -> str:
    text: str = guest_network(survey(**parts), "record", "", {"machine": "web01", "vault": "a", "item_id": item})[
        "text"
    ]
    return text


def test_a_record_says_whose_it_is() -> None:
    data = yaml.safe_load(of_item(ITEM))
    assert list(data)[:3] == ["machine", "vault", "item_id"]
    assert (data["vault"], data["item_id"]) == ("a", ITEM)
    assert not {"vault", "item_id"} & set(yaml.safe_load(recorded()))


@pytest.mark.parametrize(
    ("item", "parts", "code"),
    [
        (ITEM, {}, None),
        (ITEM.upper(), {}, None),
        # A machine that was recreated at home has new adapters.
        (ITEM, NEW_ADAPTER, None),
        ("", NEW_ADAPTER, None),
        # Its replication was set up again.
        (OTHER, {}, None),
        # Another machine of the same name and the same host name.
        (OTHER, NEW_ADAPTER, "other_item"),
    ],
)
@pytest.mark.parametrize("action", ["record", "restore"])
def test_machines_of_one_name_do_not_share_a_record(
    action: str, item: str, parts: dict[str, str], code: str | None
) -> None:
    plan = guest_network(survey(**parts), action, of_item(ITEM), {"item_id": item, "file": "asr-records/a/web01.yml"})
    assert codes(plan) == ([code] if code else [])


def test_a_record_takes_the_item_of_a_new_protection_and_keeps_what_was_edited() -> None:
    edited_by_hand = of_item(ITEM).replace("replace: {}", "replace: {10.1.2.3/24: 10.9.2.3/24}  # new network")
    again = guest_network(survey(), "record", edited_by_hand, {"machine": "web01", "item_id": OTHER})
    assert again["renewed"] == edited_by_hand.replace(ITEM, OTHER)
    assert not guest_network(survey(), "record", edited_by_hand, {"machine": "web01", "item_id": ITEM})["renewed"]
    assert guest_network(survey(), "record", of_item(ITEM), {"machine": "web01"})["same"]


def test_a_survey_that_lacks_a_part_of_its_files_is_no_survey() -> None:
    grown = survey().replace("root:root\t6\t./etc/hostname", "root:root\t7\t./etc/hostname")
    assert grown != survey()
    with pytest.raises(SurveyError, match="files of the guest changed"):
        guest_network(grown, "compare", recorded())
