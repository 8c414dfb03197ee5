# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the SDK's operations sends what: they build the path, the version and the body of Site Recovery's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_VAULT = (
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.RecoveryServices/vaults/([^/]+)"
    r"/replicationFabrics/([^/]+)"
)

#: Kinds of resources by their ids: the operation group of the client, and the names in the id.
_KINDS = {
    "replication_protected_items": re.compile(
        rf"{_VAULT}/replicationProtectionContainers/([^/]+)/replicationProtectedItems/([^/]+)", re.IGNORECASE
    ),
    "replication_recovery_services_providers": re.compile(
        rf"{_VAULT}/replicationRecoveryServicesProviders/([^/]+)", re.IGNORECASE
    ),
    "replication_fabrics": re.compile(_VAULT, re.IGNORECASE),
}

#: By group and the last part of the path: the method, and whether it takes a body.
_METHODS = {
    ("replication_protected_items", "reprotect"): ("begin_reprotect", True),
    ("replication_protected_items", "unplannedfailover"): ("begin_unplanned_failover", True),
    ("replication_protected_items", "plannedfailover"): ("begin_planned_failover", True),
    ("replication_protected_items", "failovercommit"): ("begin_failover_commit", False),
    ("replication_protected_items", "failovercancel"): ("begin_failover_cancel", False),
    ("replication_protected_items", "updateappliance"): ("begin_update_appliance", True),
    ("replication_recovery_services_providers", "refreshprovider"): ("begin_refresh_provider", False),
    ("replication_fabrics", "reassociategateway"): ("begin_reassociate_gateway", True),
}


@dataclass(frozen=True)
class SdkOperation:
    """One operation of the SDK: its subscription, operation group and method, and the names it takes, in order."""

    subscription: str
    group: str
    method: str
    names: tuple[str, ...]

    def send(self, client: Any, body: Any, **options: Any) -> None:
        """Send it through the SDK's client. ``body`` is the request's JSON, None for an operation without one."""
        method = getattr(getattr(client, self.group), self.method)
        given = self.names if body is None else (*self.names, body)
        method(*given, polling=False, **options)


def find(resource_id: str, verb: str, body: Any) -> SdkOperation | None:
    """The SDK's operation for a POST to ``resource_id``/``verb``; None where it has none with, or without, such a body."""
    for group, pattern in _KINDS.items():
        found = pattern.fullmatch("/" + resource_id.strip("/"))
        method, takes_body = _METHODS.get((group, verb.lower()), ("", False))
        if found and method and takes_body == (body is not None):
            subscription, *names = found.groups()
            return SdkOperation(subscription, group, method, tuple(names))
    return None
