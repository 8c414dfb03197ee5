# SPDX-License-Identifier: GPL-3.0-or-later
# Private to homeward.asr: nothing outside this collection may import it.
"""The Azure adapter: the only place that knows Azure's SDK.

``connect(AzureAccount(...), clock=...)`` gives a ``Vaults``, which is what the domain's ``VaultPort`` asks for.
Importing this package never needs the SDK; it is loaded when ``connect`` is called.
"""

from __future__ import annotations

from .credential import AzureAccount
from .vaults import Vaults, connect

__all__ = ["AzureAccount", "Vaults", "connect"]
