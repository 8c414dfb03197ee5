# SPDX-License-Identifier: GPL-3.0-or-later
"""Which api-versions are answered. Every kind of resource demands one; an unknown one is refused with those that are known."""

from __future__ import annotations

import re

from rehearsal.azure.armpath import SITE_RECOVERY
from rehearsal.azure.errors import refused

#: Published versions of Microsoft.RecoveryServices, of the vault itself and of what is below it (SPEC; older ones DOC; the
#: newest are those that Microsoft's own clients for Python ask for).
RECOVERY_SERVICES = (
    "2016-06-01",
    "2016-08-10",
    "2018-01-10",
    "2018-07-10",
    "2020-02-02",
    "2020-10-01",
    "2021-01-01",
    "2021-02-10",
    "2021-03-01",
    "2021-04-01",
    "2021-06-01",
    "2021-07-01",
    "2021-08-01",
    "2021-10-01",
    "2021-11-01",
    "2021-11-01-preview",
    "2021-12-01",
    "2022-01-01",
    "2022-01-31-preview",
    "2022-02-01",
    "2022-03-01",
    "2022-04-01",
    "2022-05-01",
    "2022-08-01",
    "2022-09-10",
    "2022-09-30-preview",
    "2022-10-01",
    "2023-01-01",
    "2023-02-01",
    "2023-04-01",
    "2023-06-01",
    "2023-08-01",
    "2024-01-01",
    "2024-02-01",
    "2024-04-01",
    "2024-04-30-preview",
    "2024-09-30-preview",
    "2024-10-01",
    "2025-01-01",
    "2025-02-01",
    "2025-08-01",
    "2026-01-01",
    "2026-02-01",
    "2026-03-31-preview",
    "2026-05-01",
    "2026-05-31-preview",
    "2026-07-01",
    "2026-08-01",
    "2026-08-31-preview",
    "2026-11-01",
)

#: A few versions to name where any published date is taken; the stand-in knows no other service's list.
NAMED = ("2020-06-01", "2021-04-01", "2022-09-01", "2023-07-01", "2024-03-01", "2024-11-01")

_DATE = re.compile(r"20(1[4-9]|2[0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(-preview|-beta)?")


def check(namespace: str, version: str) -> None:
    """Raises Refused where the version is missing or unknown."""
    if not version:
        raise refused(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    known = RECOVERY_SERVICES if namespace == SITE_RECOVERY else NAMED
    if version.lower() in known or (namespace != SITE_RECOVERY and _DATE.fullmatch(version.lower())):
        return
    raise refused(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid. The supported versions are '{','.join(reversed(known))}'.",
    )
