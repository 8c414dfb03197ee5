# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to vaults, log-ins and orders."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
from ansible_collections.homeward.asr.plugins.module_utils.shell import accounts, stages

CLOCK = Clock(monotonic=lambda: 0.0, sleep=lambda seconds: None)
VAULT = VaultRef("sub", "rg", "v")


def test_vaults_default_to_the_environment() -> None:
    refs = accounts.vaults_of({"subscription_id": "sub"}, {"ASR_VAULT": "v", "ASR_RESOURCE_GROUP": "rg"})
    assert refs == (VAULT,)


def test_a_vault_may_have_its_own_subscription() -> None:
    params = {
        "subscription_id": "sub",
        "vaults": [
            {"name": "v", "resource_group": "rg", "subscription_id": None},
            {"name": "v", "resource_group": "rg", "subscription_id": "other"},
        ],
    }
    assert [r.subscription_id for r in accounts.vaults_of(params, {})] == ["sub", "other"]


@pytest.mark.parametrize(
    ("params", "environ", "code"),
    [
        ({"subscription_id": "sub"}, {}, "vault_missing"),
        ({"subscription_id": "sub"}, {"ASR_VAULT": "v"}, "vault_missing"),
        ({}, {"ASR_VAULT": "v", "ASR_RESOURCE_GROUP": "rg"}, "subscription_missing"),
        (
            {
                "subscription_id": "sub",
                "vaults": [{"name": "v", "resource_group": "rg"}, {"name": "V", "resource_group": "RG"}],
            },
            {},
            "vault_ambiguous",
        ),
    ],
)
def test_wrong_vaults_are_one_sentence(params: dict[str, Any], environ: dict[str, str], code: str) -> None:
    with pytest.raises(InputError) as caught:
        accounts.vaults_of(params, environ)
    assert caught.value.code == code
    assert caught.value.remedy


VCENTER = {"hostname": "vc", "username": "u", "password": "hunter2", "port": 443, "validate_certs": True}


def test_no_hostname_means_no_site() -> None:
    assert accounts.late_site({**VCENTER, "hostname": None}, CLOCK) is None


def test_a_late_site_logs_in_once_and_only_when_asked() -> None:
    opened: list[Any] = []

    class Fake:
        closed = 0

        def machines(self, **_kwargs: Any) -> list[Any]:
            return []

        def close(self) -> None:
            self.closed += 1

    fake = Fake()

    def connect(account: Any, clock: Any) -> Any:
        opened.append(account)
        return fake

    account = accounts.site_account(VCENTER)
    assert account is not None
    assert "hunter2" not in repr(account)
    site = accounts.LateSite(account, CLOCK, connect)
    site.close()
    assert not opened
    site.machines(names=["a"])
    site.machines(names=["b"])
    assert len(opened) == 1
    site.close()
    assert fake.closed == 1


def test_routes() -> None:
    assert stages.step("reprotect")({"direction": "to_onprem"}) == ("reprotect_to_onprem",)
    assert stages.way_home({"until": "commit_to_onprem"}) == stages.WAY_HOME[:3]
    assert stages.way_home({"until": "reprotect_to_azure"}) == stages.WAY_HOME


def test_an_order_takes_every_option_it_has_a_field_for() -> None:
    params = {
        "machines": ["a", "b"],
        "exclude": [],
        "datastore": "ds",
        "retries": 5,
        "wait": False,
        "secret": "x",
        "vaults": ["not these"],
    }
    order = stages.order_of(params, (VAULT,), ("commit_to_azure",), check=True)
    assert order.vaults == (VAULT,)
    assert order.machines == ("a", "b")
    assert order.datastore == "ds"
    assert order.retries == 5
    assert order.wait is False
    assert order.check is True
