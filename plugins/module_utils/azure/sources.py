# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the option ``auth_source``. Pure: options are declared without the SDK."""

from __future__ import annotations

#: The last three are azure.azcollection's words: ``env`` for what is given, ``msi`` for the managed identity, and the file of
#: profiles (profiles.py).
SOURCES = (
    "auto",
    "service_principal",
    "managed_identity",
    "workload_identity",
    "cli",
    "env",
    "msi",
    "credential_file",
)

#: Words that are another's.
SAME = {"msi": "managed_identity", "credential_file": "service_principal"}
