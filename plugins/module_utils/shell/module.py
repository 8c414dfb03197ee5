# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of every module: arguments in, one result out. The only file that knows AnsibleModule.

Writing a module with it takes an argument spec, a function that does the work, and a few lines of main::

    from ansible_collections.homeward.asr.plugins.module_utils.shell import specs
    from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call, run_module

    def argument_spec() -> specs.Spec:
        return specs.merge(specs.azure(), specs.vcenter(), specs.vault(), {"name": {"type": "str", "required": True}})

    def work(call: Call) -> dict:
        vaults = call.open_vaults()            # VaultPort; refuses writes in check mode
        site = call.late_site()                # SitePort or None; call.open_site() demands one
        return {"changed": False, ...}         # the result; raise FailbackError for everything that goes wrong

    def main() -> None:
        run_module(argument_spec(), work)

* The work never ends the process and never sees AnsibleModule. FailbackErrors become ``msg`` (message and remedy), ``code``,
  ``remedy`` and ``details``. A result with ``failed`` true is reported as a failure with everything else that is in it.
* ``call.params`` are the options, ``call.check`` is check mode, ``call.clock`` the clock, ``call.refs`` the vaults.
* A module whose work may take long does one SLICE per call: it takes the options of ``specs.waiting()``, returns
  ``finished`` (false: call me again), ``cursor`` (plain JSON without secrets, handed back as the option of that name),
  ``progress`` (total, done, running, failed, waiting_for, slowest) and ``next_slice_seconds``. The action plugin does the
  rest. Each module has a thin file of the same name under plugins/action (Slices or Once of plugin_utils/running).
* ``diff``: return ``diff`` as ``{"before": ..., "after": ...}``; it is dropped unless the user asked for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ..azure.vaults import Vaults
from ..failback.model.errors import FailbackError, InputError, defect
from ..failback.model.items import VaultRef
from ..failback.model.ports import Clock
from ..failback.model.texts import clean_all
from . import accounts
from .clock import system_clock
from .notices import proxy_secrets, unverified
from .specs import SECRETS, Spec, check_numbers
from .task_result import failure

if TYPE_CHECKING:
    from ..vcenter.site import Site


@dataclass
class Call:
    """One call of a module: its options, and the connections it may open. All are closed when the work has ended."""

    params: Mapping[str, Any]
    check: bool = False
    diff: bool = False
    clock: Clock = field(default_factory=system_clock)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _vaults: Vaults | None = None
    _site: accounts.LateSite | None = None

    @cached_property
    def refs(self) -> tuple[VaultRef, ...]:
        """The vaults of this run; raises InputError when none is named."""
        return accounts.vaults_of(self.params, self.environ)

    def open_vaults(self, bucket_state: Any = None) -> Vaults:
        """The service, logged in to at its first request."""
        if self._vaults is None:
            self._vaults = accounts.open_vaults(
                self.params, self.clock, bucket_state=bucket_state, read_only=self.check
            )
        return self._vaults

    def late_site(self) -> accounts.LateSite | None:
        """vCenter, logged in to when it is first asked; None when no hostname is given."""
        if self._site is None:
            self._site = accounts.late_site(self.params, self.clock)
        return self._site

    def open_site(self) -> Site:
        """vCenter, logged in to now. Raises InputError (``vcenter_missing``) when no hostname is given."""
        site = self.late_site()
        if site is None:
            raise InputError(
                "vcenter_missing",
                "This task needs vCenter, but option hostname is not set.",
                "Set hostname, username and password (or VMWARE_HOST, VMWARE_USER and VMWARE_PASSWORD).",
            )
        return site.open()

    def close(self) -> None:
        for connection in (self._site, self._vaults):
            close = getattr(connection, "close", None)
            if close is not None:
                close()


Work = Callable[[Call], dict[str, Any]]


def run_module(spec: Spec, work: Work, **constraints: Any) -> None:
    """Parse the options, do the work, report. ``constraints`` are AnsibleModule's (mutually_exclusive, required_if ...)."""
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, **constraints)
    module.no_log_values.update(proxy_secrets(module.params, os.environ))
    for text in unverified(module.params):
        module.warn(text)
    call = Call(params=module.params, check=bool(module.check_mode), diff=bool(module._diff))
    try:
        check_numbers(call.params)
        if "auth_source" in call.params:
            call.params = accounts.with_profile(call.params)
            module.no_log_values.update(str(call.params[name]) for name in SECRETS if call.params.get(name))
        result = work(call)
    except FailbackError as error:
        result = failure(error)
    except KeyboardInterrupt:
        # Leaving is safe at any point: what was sent goes on in the service, and the next run joins it.
        result = failure(
            FailbackError(
                "interrupted", "Interrupted. Operations that were sent continue in Azure.", "Rerun the same command."
            )
        )
    except Exception as exc:  # noqa: BLE001
        # Same shape as every other result, so that the action plugin's loop and the report can handle it.
        result = failure(defect(exc))
    finally:
        call.close()
    if not call.diff:
        result.pop("diff", None)
    result = {key: value if key == "cursor" else clean_all(value) for key, value in result.items()}
    for text in result.pop("warnings", ()):
        module.warn(text)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
