# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where pyVmomi is imported, and where its faults become our errors.

The import is guarded so that modules can be documented and checked on machines without the library.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
from collections.abc import Iterator
from typing import Any

from ..failback.model.errors import ConnectionFailed, FailbackError

vim: Any
vmodl: Any
SmartConnect: Any
Disconnect: Any
SoapAdapter: Any
VmomiSupport: Any
#: What sends and reads for a connection that SmartConnect opened.
SoapStub: Any
#: What ends the work for all machines: the session or the connection is gone.
SESSION_WIDE: tuple[type[BaseException], ...] = (OSError, http.client.HTTPException, ConnectionFailed)
#: What is one object's trouble: a fault, or one that pyVmomi cannot decode (SEEN vcenter-simulator.md 2.3).
ONE_OBJECTS: tuple[type[BaseException], ...] = (KeyError, AttributeError, TypeError, ValueError, FailbackError)
try:
    from pyVim import connect
    from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

    SmartConnect, Disconnect = connect.SmartConnect, connect.Disconnect
    SoapStub = SoapAdapter.SoapStubAdapter
    SESSION_WIDE = (*SESSION_WIDE, vim.fault.NotAuthenticated)
    ONE_OBJECTS = (vmodl.MethodFault, *ONE_OBJECTS)
    MISSING: str | None = None
except ImportError as exc:  # pragma: no cover - depends on what is installed
    vim = vmodl = SmartConnect = Disconnect = SoapAdapter = SoapStub = VmomiSupport = None
    MISSING = str(exc)


def require() -> None:
    """Raise ``pyvmomi_missing`` in one sentence when pyVmomi cannot be imported."""
    if MISSING is not None:
        raise FailbackError(
            "pyvmomi_missing",
            f"The Python package pyvmomi is missing for {sys.executable} ({MISSING}).",
            "Install it with: pip install 'pyvmomi>=8.0.3,<10'.",
        )


def class_of(kind: str) -> Any:
    """pyVmomi's class of a type of the API. Raises KeyError."""
    return VmomiSupport.GetWsdlType("urn:vim25", kind)


def deserialized(stub: Any, body: bytes, kind: Any) -> Any:
    """An answer as pyVmomi reads it: an object of this kind, or the fault."""
    return SoapAdapter.SoapResponseDeserializer(stub).Deserialize(body, kind)


def moid(ref: Any) -> str:
    """The managed object's id, e.g. ``vm-42``."""
    return str(ref._GetMoId())


#: What to do about faults whose text does not say it.
_REMEDIES = {
    "TaskInProgress": "Wait for its other task in vCenter to end, then rerun.",
    "InvalidState": "Check in vCenter whether it is connected and whether another task is running on it, then rerun.",
    "InvalidPowerState": "Check its power state in vCenter, then rerun.",
}


def explain(exc: BaseException, doing: str) -> FailbackError:
    """A pyVmomi fault as our error; ``doing`` completes the sentence "vCenter refused to ..."."""
    if isinstance(exc, FailbackError):
        return exc
    # A kind of NoPermission in the service's own order of types, so it is looked for first.
    # A view lives as long as its session (RUN, govmomi's simulator names the view where vCenter names the session).
    view_gone = isinstance(exc, vmodl.fault.ManagedObjectNotFound) and "View" in str(exc.obj)
    if view_gone or isinstance(exc, vim.fault.NotAuthenticated):
        return ConnectionFailed(
            "vcenter_session_ended",
            f"vCenter ended the session during this operation: {doing}.",
            "Rerun to continue where it stopped.",
        )
    if isinstance(exc, vim.fault.NoPermission):
        privilege = getattr(exc, "privilegeId", None) or "an unnamed privilege"
        return FailbackError(
            "vcenter_no_permission",
            f"vCenter refused to {doing}: the account in `username` lacks {privilege}.",
            "Grant the privilege on the object and its parents, then rerun.",
        )
    if isinstance(exc, vmodl.MethodFault):
        text = exc.msg or ", ".join(m.message for m in getattr(exc, "faultMessage", None) or () if m.message)
        kind = type(exc).__name__.rpartition(".")[2]
        return FailbackError(
            "vcenter_fault",
            f"vCenter failed to {doing}: {(text or kind).rstrip('.')} ({kind}).",
            _REMEDIES.get(kind, "Check its recent tasks in vCenter, fix the cause and rerun."),
            {"fault": kind},
        )
    if isinstance(exc, http.client.HTTPException) and any(f"{code} " in str(exc) for code in (502, 503, 504)):
        return ConnectionFailed(
            "vcenter_not_ready",
            f"vCenter was not ready to {doing}: {exc}.",
            "Wait until its services are running, then rerun to continue where it stopped.",
        )
    if isinstance(exc, (OSError, http.client.HTTPException)):
        return ConnectionFailed(
            "vcenter_unreachable",
            f"The connection to vCenter was lost while trying to {doing}: {exc or type(exc).__name__}.",
            "Check the network to `hostname`, then rerun to continue where it stopped.",
        )
    return FailbackError(
        "vcenter_fault",
        f"vCenter's answer was invalid while trying to {doing} ({type(exc).__name__}: {exc}).",
        "Check the recent tasks and events in vCenter for the reason, then rerun.",
    )


@contextlib.contextmanager
def speaking(doing: str) -> Iterator[None]:
    """Turn what pyVmomi raises inside into one sentence of ours."""
    try:
        yield
    except FailbackError:
        raise
    # pyVmomi raises KeyError, AttributeError and TypeError on answers it cannot decode (SEEN vcenter-simulator.md 2).
    except Exception as exc:
        raise explain(exc, doing) from exc
