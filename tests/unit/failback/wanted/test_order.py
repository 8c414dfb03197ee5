# SPDX-License-Identifier: GPL-3.0-or-later
"""What an order may say before anything is read."""

from __future__ import annotations

from typing import Any

import pytest
from builders import STAGES, VAULT, WAY_HOME

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import VaultRef
from ansible_collections.homeward.asr.plugins.module_utils.failback.wanted.order import Order, validate


@pytest.mark.parametrize(
    ("wishes", "code", "words"),
    [
        ({"vaults": ()}, "no_vault", ("'{option:vaults}'", "ASR_VAULT")),
        ({"vaults": (VaultRef("", "rg", "v"),)}, "vault_incomplete", ("'v'", "subscription_id")),
        ({"vaults": (VAULT, VaultRef("s", "", "v"))}, "vault_incomplete", ("'v'", "resource_group")),
        ({"vaults": (VaultRef("s", "rg", ""),)}, "vault_incomplete", ("(unnamed)", "name")),
        (
            {"route": STAGES[1], "confirm_failover_to_azure": True, "machines": ("All",)},
            "machine_names_required",
            ("'All'",),
        ),
        (
            {"route": STAGES[1], "confirm_failover_to_azure": True, "groups": ("g",)},
            "machine_names_required",
            ("'{option:groups}'", "'g'"),
        ),
        (
            {"route": STAGES[1], "confirm_failover_to_azure": True, "recovery_plans": ("p",)},
            "machine_names_required",
            ("'{option:recovery_plans}'", "'p'"),
        ),
    ],
)
def test_refused(wishes: dict[str, Any], code: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        validate(Order(**{"vaults": (VAULT,), "route": STAGES[2], "machines": ("a",), **wishes}))
    assert caught.value.code == code
    assert caught.value.remedy
    for word in words:
        assert word in caught.value.sentence()


def test_stage_one_goes_with_its_confirmation_and_named_machines() -> None:
    validate(Order(vaults=(VAULT,), route=STAGES[1], machines=("a", "b"), confirm_failover_to_azure=True))


@pytest.mark.parametrize("route", [STAGES[2], STAGES[3], STAGES[4], WAY_HOME])
def test_the_failback_takes_all_groups_and_plans(route: tuple[str, ...]) -> None:
    validate(Order(vaults=(VAULT,), route=route, machines=("all", "w*"), groups=("g",), recovery_plans=("p",)))


def test_waiting_only_for_the_job_is_for_a_route_of_one_step() -> None:
    """A later step needs the synchronised machine."""
    alone = Order(vaults=(VAULT,), route=STAGES[2], wait_for="job", commit_when="manual", agent_timeout=5.0)
    policy = alone.decision_policy
    assert (policy.wait_for, policy.commit_when, policy.agent_timeout) == ("job", "manual", 5.0)
    assert Order(vaults=(VAULT,), route=WAY_HOME, wait_for="job").decision_policy.wait_for == "synchronised"


def test_which_process_server_option_a_reprotect_to_azure_reads() -> None:
    assert Order(vaults=(VAULT,), route=STAGES[4]).reprotects_to_azure_only
    assert not Order(vaults=(VAULT,), route=WAY_HOME).reprotects_to_azure_only
