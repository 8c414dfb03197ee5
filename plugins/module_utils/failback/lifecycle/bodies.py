# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies of the operations, one builder a row of the life cycle names (asr-api.md 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..model.items import last_segment
from .table import Operation

Body = dict[str, Any]


@dataclass(frozen=True)
class Placement:
    """The servers, storage and accounts that a reprotect uses: ids for the request, names for display.

    In a modernized vault the appliance is both: its reprotect agent is the master target, its process server
    the process server.
    """

    process_server_id: str
    process_server: str
    master_target_id: str = ""
    master_target: str = ""
    datastore: str = ""
    retention_volume: str = ""
    policy_id: str = ""
    policy: str = ""
    run_as_account_id: str = ""
    run_as_account: str = ""
    log_storage_account_id: str = ""

    def result(self) -> dict[str, str | None]:
        """As in module results: names only."""
        shown = {
            "master_target": self.master_target or None,
            "process_server": self.process_server or None,
            "datastore": self.datastore or None,
            "retention_volume": self.retention_volume or None,
            "policy": self.policy or None,
            "run_as_account": self.run_as_account or None,
        }
        if self.log_storage_account_id:
            shown["log_storage_account"] = last_segment(self.log_storage_account_id)
        return shown


@dataclass(frozen=True)
class Wishes:
    """What of the order goes into bodies, and the recovery point picked for the item.

    ``point_type`` is the step's own word for a point (LatestTime ...), ``point_id`` the full id of a single one.
    """

    shut_down_source: bool = True
    exclude_temporary_disk: bool = True
    point_type: str = ""
    point_id: str = ""
    placement: Placement | None = None


def _classic_failover_to_azure(operation: Operation, wishes: Wishes) -> Body:
    """SEEN FO; recoveryPointId optional, none means latest."""
    details: Body = {"instanceType": "InMageAzureV2"}
    if wishes.point_id:
        details["recoveryPointId"] = wishes.point_id
    return {
        "failoverDirection": operation.direction,
        "sourceSiteOperations": "Required" if wishes.shut_down_source else "NotRequired",
        "providerSpecificDetails": details,
    }


def _classic_failover_to_onprem(operation: Operation, wishes: Wishes) -> Body:
    """SEEN FB: LatestTime, LatestTag, or Custom with a point's id."""
    details: Body = {"instanceType": "InMage", "recoveryPointType": wishes.point_type or "LatestTime"}
    if wishes.point_id:
        details.update(recoveryPointType="Custom", recoveryPointId=wishes.point_id)
    return {
        "failoverDirection": operation.direction,
        "sourceSiteOperations": "Required" if wishes.shut_down_source else "NotRequired",
        "providerSpecificDetails": details,
    }


def _classic_reprotect_to_onprem(operation: Operation, wishes: Wishes) -> Body:
    """SEEN RP1: the provider one goes to; the policy's field is profileId; the datastore is its symbolic name."""
    place = _placed(wishes)
    details: Body = {
        "instanceType": "InMage",
        "masterTargetId": place.master_target_id,
        "processServerId": place.process_server_id,
        "retentionDrive": place.retention_volume,
        "profileId": place.policy_id,
        "datastoreName": place.datastore,
    }
    if place.run_as_account_id:
        details["runAsAccountId"] = place.run_as_account_id
    if wishes.exclude_temporary_disk:
        details["diskExclusionInput"] = {
            "volumeOptions": [{"volumeLabel": "Temporary Storage", "onlyExcludeIfSingleVolume": "Yes"}]
        }
    return {"failoverDirection": operation.direction, "providerSpecificDetails": details}


def _classic_reprotect_to_azure(operation: Operation, wishes: Wishes) -> Body:
    """SEEN RP2: masterTargetId is the process server's id again."""
    place = _placed(wishes)
    details: Body = {
        "instanceType": "InMageAzureV2",
        "masterTargetId": place.process_server_id,
        "processServerId": place.process_server_id,
        "policyId": place.policy_id,
    }
    if place.run_as_account_id:
        details["runAsAccountId"] = place.run_as_account_id
    return {"failoverDirection": operation.direction, "providerSpecificDetails": details}


def _modernized_failover_to_azure(operation: Operation, wishes: Wishes) -> Body:
    """SEEN RCM 107: the shutdown is requested inside, as a string; recoveryPointId optional, none means latest."""
    details: Body = {"instanceType": "InMageRcm", "performShutdown": "true" if wishes.shut_down_source else "false"}
    if wishes.point_id:
        details["recoveryPointId"] = wishes.point_id
    return {
        "failoverDirection": operation.direction,
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": details,
    }


def _modernized_failover_to_onprem(operation: Operation, wishes: Wishes) -> Body:
    """SEEN RCM 163: CrashConsistent or ApplicationConsistent, and no direction."""
    return {
        "providerSpecificDetails": {
            "instanceType": "InMageRcmFailback",
            "recoveryPointType": wishes.point_type or "CrashConsistent",
        }
    }


def _modernized_reprotect_to_onprem(operation: Operation, wishes: Wishes) -> Body:
    """SEEN RCM 132: names the provider it comes from; without a policy the service takes the failback policy itself."""
    place = _placed(wishes)
    details: Body = {
        "instanceType": "InMageRcm",
        "reprotectAgentId": place.master_target_id,
        "datastoreName": place.datastore,
        "logStorageAccountId": place.log_storage_account_id,
    }
    if place.policy_id:
        details["policyId"] = place.policy_id
    return {"failoverDirection": operation.direction, "providerSpecificDetails": details}


def _modernized_reprotect_to_azure(operation: Operation, wishes: Wishes) -> Body:
    """SPEC InMageRcmFailbackReprotectInput: names the provider it comes from; the account is optional."""
    place = _placed(wishes)
    details: Body = {
        "instanceType": "InMageRcmFailback",
        "processServerId": place.process_server_id,
        "policyId": place.policy_id,
    }
    if place.run_as_account_id:
        details["runAsAccountId"] = place.run_as_account_id
    return {"failoverDirection": operation.direction, "providerSpecificDetails": details}


def _placed(wishes: Wishes) -> Placement:
    if wishes.placement is None:
        raise AssertionError("a reprotect is sent without a placement")
    return wishes.placement


BUILDERS: dict[str, Callable[[Operation, Wishes], Body]] = {
    "classic_failover_to_azure": _classic_failover_to_azure,
    "classic_failover_to_onprem": _classic_failover_to_onprem,
    "classic_reprotect_to_onprem": _classic_reprotect_to_onprem,
    "classic_reprotect_to_azure": _classic_reprotect_to_azure,
    "modernized_failover_to_azure": _modernized_failover_to_azure,
    "modernized_failover_to_onprem": _modernized_failover_to_onprem,
    "modernized_reprotect_to_onprem": _modernized_reprotect_to_onprem,
    "modernized_reprotect_to_azure": _modernized_reprotect_to_azure,
}


def build(operation: Operation, wishes: Wishes) -> Body | None:
    """The JSON of a step's request with its outer ``properties``; None where the operation has no body."""
    if operation.body is None:
        return None
    return {"properties": BUILDERS[operation.body](operation, wishes)}
