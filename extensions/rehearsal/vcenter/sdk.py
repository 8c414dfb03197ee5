# SPDX-License-Identifier: GPL-3.0-or-later
"""pyVmomi's namespaces. Their members are made at run time, so for type checkers everything in them is Any."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim as vim_names
from pyVmomi import vmodl as vmodl_names

__all__ = ["Managed", "Session", "vim", "vmodl"]

vim: Any = vim_names
vmodl: Any = vmodl_names

#: A logged-in ``vim.ServiceInstance``.
Session = Any
#: A managed object, or a data object of the SDK.
Managed = Any
