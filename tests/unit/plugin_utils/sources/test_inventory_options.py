# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the inventory plugin, what a cache may answer, and what of the service's texts is a template."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.sources.inventory import (
    InventoryError,
    Reading,
    hosts_of,
    untrusted,
)

GIVEN = {"subscription_id": "s", "auth_source": "auto", "cloud_environment": "AzureCloud", "port": 443}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASR_VAULT", "ASR_RESOURCE_GROUP", "AZURE_SUBSCRIPTION_ID", "VMWARE_HOST"):
        monkeypatch.delenv(name, raising=False)


def reading(**options: Any) -> Reading:
    return Reading({**GIVEN, "vaults": ["rg/v"], **options}.get)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vaults": [{"name": "v"}]}, "resource_group"),
        ({"vaults": [{"name": "v", "resource_group": "rg", "group": "x"}]}, "group"),
        ({"vaults": ["v"]}, "does not name a vault"),
        ({"vaults": ["rg/v", "RG/V"]}, "twice"),
        ({"vaults": []}, "vaults is empty"),
        ({"vaults": [""]}, "vaults is empty"),
        ({"subscription_id": None}, "subscription"),
        ({"include": {"states": ["outt"]}}, "'outt'"),
        ({"exclude": {"colour": ["red"]}}, "'colour'"),
        ({"group_by": ["colour"]}, "colour"),
        ({"port": 0}, "Option port is 0"),
        ({"auth_source": "magic"}, "magic"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        reading(**options)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("vaults", ["", " ", [""], ["", "\u200b"], [" ", ""]])
def test_a_blank_vault_is_never_the_one_of_the_environment(vaults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_VAULT", "v")
    monkeypatch.setenv("ASR_RESOURCE_GROUP", "rg")
    with pytest.raises(InventoryError, match="blank"):
        Reading({**GIVEN, "vaults": vaults}.get, {**GIVEN, "vaults": vaults})
    for left_out in (None, []):
        given = {**GIVEN, "vaults": left_out}
        assert [ref.name for ref in Reading(given.get, given).refs] == ["v"]


def test_blank_variables_and_options_are_those_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible takes a blank VMWARE_VALIDATE_CERTS for false, and AWX sets blank ones."""
    for name in ("VMWARE_VALIDATE_CERTS", "VMWARE_PORT", "ANSIBLE_AZURE_AUTH_SOURCE", "AZURE_TENANT", "AZURE_PROFILE"):
        monkeypatch.setenv(name, " ")
    monkeypatch.setenv("AZURE_TENANT_ID", "other")
    said = {"vaults": ["rg/v"], "validate_certs": "", "subscription_id": "s"}
    params = Reading({**GIVEN, **said, "validate_certs": False, "tenant": ""}.get, said).params
    assert params["validate_certs"] is True
    assert (params["port"], params["auth_source"], params["tenant"]) == (443, "auto", "other")


def test_a_cache_answers_only_what_was_asked() -> None:
    kept = reading().kept([{"name": "a"}])
    assert reading(include={"states": ["out"]}, hostvars_prefix="x").usable(kept) == [{"name": "a"}]
    for other in (
        {"vaults": ["rg/w"]},
        {"vaults": ["rg/v", "rg/w"]},
        {"subscription_id": "t"},
        {"hostname": "vcenter", "username": "u", "password": "p", "validate_certs": True},
        {"resource_manager_endpoint": "https://other"},
        {"vault_hosts": True},
    ):
        assert reading(**other).usable(kept) is None, other
    for odd in (None, {}, [], "x", {"asked": 1}):
        assert reading().usable(odd) is None


def test_names_do_not_depend_on_what_is_filtered_out() -> None:
    facts = [
        {"name": "twin", "vault": vault, "item_id": f"/{vault}/x", "position": state, "plans": [], "address": None}
        | {"group": None, "health": "", "os_type": None}
        for vault, state in (("v", "out"), ("w", "home"))
    ]
    hosts = hosts_of(reading(include={"states": ["out"]}), facts, lambda template, own: "")
    assert [entry[0] for entry in hosts.entries] == ["twin.v"]


def test_what_the_service_says_is_never_a_template() -> None:
    trust = pytest.importorskip("ansible._internal._datatag._tags", reason="ansible-core before 2.19")
    told = untrusted({"plain": "a", "evil": ["{{ lookup('pipe', 'id') }}", "{% x %}", "#jinja2: x"], "n": 1})
    assert trust.TrustedAsTemplate.is_tagged_on(told["plain"])
    assert not any(trust.TrustedAsTemplate.is_tagged_on(text) for text in told["evil"])
