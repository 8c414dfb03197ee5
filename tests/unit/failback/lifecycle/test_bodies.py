# SPDX-License-Identifier: GPL-3.0-or-later
"""Each request's JSON, field by field, as it was seen on the wire (asr-api.md 2.3)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.bodies import Placement, Wishes, build
from ansible_collections.homeward.asr.plugins.module_utils.failback.lifecycle.classic import CLASSIC

PLACE = Placement("id-ps", "cs-1", "id-mt", "mt-1", "ds1", "R", "id-policy", "daily-failback", "2", "admin")
BARE = Placement("id-ps", "cs-1", policy_id="id-policy", policy="daily")
EXCLUDED = {"volumeOptions": [{"volumeLabel": "Temporary Storage", "onlyExcludeIfSingleVolume": "Yes"}]}
HOMEWARD = {
    "instanceType": "InMage",
    "masterTargetId": "id-mt",
    "processServerId": "id-ps",
    "retentionDrive": "R",
    "profileId": "id-policy",
    "datastoreName": "ds1",
}


def body(step: str, **wishes: Any) -> Any:
    operation = CLASSIC.operation("classic", step)
    assert operation is not None
    return build(operation, Wishes(**wishes))


@pytest.mark.parametrize("step", ["commit_to_azure", "commit_to_onprem"])
def test_a_commit_has_no_body(step: str) -> None:
    assert body(step) is None


@pytest.mark.parametrize(
    ("step", "wishes", "outer", "details"),
    [
        (
            "failover_to_azure",
            {},
            {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "Required"},
            {"instanceType": "InMageAzureV2"},
        ),
        (
            "failover_to_azure",
            {"shut_down_source": False, "point_id": "/p/1"},
            {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired"},
            {"instanceType": "InMageAzureV2", "recoveryPointId": "/p/1"},
        ),
        (
            "failover_to_onprem",
            {},
            {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "Required"},
            {"instanceType": "InMage", "recoveryPointType": "LatestTime"},
        ),
        (
            "failover_to_onprem",
            {"point_type": "LatestTag", "shut_down_source": False},
            {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired"},
            {"instanceType": "InMage", "recoveryPointType": "LatestTag"},
        ),
        (
            "failover_to_onprem",
            {"point_id": "/p/1"},
            {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "Required"},
            {"instanceType": "InMage", "recoveryPointType": "Custom", "recoveryPointId": "/p/1"},
        ),
        (
            "reprotect_to_onprem",
            {"placement": PLACE},
            {"failoverDirection": "RecoveryToPrimary"},
            {**HOMEWARD, "runAsAccountId": "2", "diskExclusionInput": EXCLUDED},
        ),
        (
            "reprotect_to_onprem",
            {"placement": Placement(**{**PLACE.__dict__, "run_as_account_id": ""}), "exclude_temporary_disk": False},
            {"failoverDirection": "RecoveryToPrimary"},
            HOMEWARD,
        ),
        (
            "reprotect_to_azure",
            {"placement": BARE},
            {"failoverDirection": "RecoveryToPrimary"},
            {
                "instanceType": "InMageAzureV2",
                "masterTargetId": "id-ps",
                "processServerId": "id-ps",
                "policyId": "id-policy",
            },
        ),
        (
            "reprotect_to_azure",
            {"placement": PLACE},
            {"failoverDirection": "RecoveryToPrimary"},
            {
                "instanceType": "InMageAzureV2",
                "masterTargetId": "id-ps",
                "processServerId": "id-ps",
                "policyId": "id-policy",
                "runAsAccountId": "2",
            },
        ),
    ],
)
def test_bodies(step: str, wishes: dict[str, Any], outer: dict[str, str], details: dict[str, Any]) -> None:
    assert body(step, **wishes) == {"properties": {**outer, "providerSpecificDetails": details}}


@pytest.mark.parametrize("step", ["reprotect_to_onprem", "reprotect_to_azure"])
def test_no_reprotect_without_a_place(step: str) -> None:
    with pytest.raises(AssertionError):
        body(step)


def test_results_show_names_and_no_ids() -> None:
    assert PLACE.result() == {
        "master_target": "mt-1",
        "process_server": "cs-1",
        "datastore": "ds1",
        "retention_volume": "R",
        "policy": "daily-failback",
        "run_as_account": "admin",
    }
    assert BARE.result()["master_target"] is None
