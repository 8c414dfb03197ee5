# SPDX-License-Identifier: GPL-3.0-or-later
"""One vCenter session as the domain's ports see it."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from ..failback.model.errors import ConnectionFailed
from ..failback.model.ports import Clock, SiteMachine
from ..failback.model.server_ports import SiteServer, VmChange, VmPlace
from ..failback.model.site_estate import SiteEstate
from ..failback.model.site_ports import SiteSurvey
from . import pyvmomi
from .read import Reader, find_described, find_machines, find_servers

T = TypeVar("T")


class Site:
    """Implements SitePort and ServerSitePort. Not for use by several threads at once.

    What only one task needs is imported on demand: Ansible compiles our sources again in every process.
    """

    def __init__(self, service: Any, clock: Clock, login: Callable[[], Any] | None = None) -> None:
        self._clock = clock
        self._login = login
        self._closed = False
        self._take(service)

    def _take(self, service: Any) -> None:
        self.service = service
        self.content = service.content
        self.reader = Reader(self.content)

    def _reading(self, look: Callable[[], Sequence[T]]) -> Sequence[T]:
        """Read; if vCenter has ended the session in the meantime, log in again and repeat.

        Sessions end by an administrator's hand, at a restart, and after 30 idle minutes (DOC).
        """
        try:
            return look()
        except ConnectionFailed as exc:
            if exc.code != "vcenter_session_ended" or self._login is None:
                raise
        with contextlib.suppress(Exception):
            pyvmomi.Disconnect(self.service)
        self._take(self._login())
        return look()

    @property
    def about(self) -> str:
        """Product and version, for results and error reports."""
        return str(self.content.about.fullName)

    def machines(
        self, uuids: Iterable[str] = (), names: Iterable[str] = (), devices: bool = False
    ) -> Sequence[SiteMachine]:
        """See SitePort: a scan, the details of those that match, and the names of their hosts and datastores."""
        wanted, called = tuple(uuids), tuple(names)
        return self._reading(lambda: find_machines(self.reader, wanted, called, devices))

    def servers(self, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> Sequence[SiteServer]:
        """See ServerSitePort."""
        called, known = tuple(names), tuple(addresses)
        return self._reading(lambda: find_servers(self.reader, called, known))

    def estate(self) -> SiteEstate:
        """Clusters, hosts, datastores and datastore clusters."""
        from .estate import read_site

        (whole,) = self._reading(lambda: [read_site(self.service, self.content, self.reader)])
        return whole

    def described(self, uuids: Iterable[str] = (), names: Iterable[str] = ()) -> Sequence[SiteServer]:
        """VMs by instance or BIOS UUID, or by the name of the VM or its guest, with disks and addresses."""
        wanted, called = tuple(uuids), tuple(names)
        return self._reading(lambda: find_described(self.reader, wanted, called))

    def survey(self) -> SiteSurvey:
        """See SurveyPort."""
        from .hosts_and_datastores import read_hosts_and_datastores

        return self._reading(lambda: (read_hosts_and_datastores(self.service, self.content, self.reader),))[0]

    def enable_uuid(
        self, moids: Sequence[str], *, power_off: bool, guest_timeout: float, budget: float, check: bool
    ) -> list[VmChange]:
        """See ServerSitePort."""
        from .disk_uuid import UuidEnabler

        with pyvmomi.speaking("set disk.EnableUUID"):
            enabler = UuidEnabler(self.service, self.reader, self._clock)
            return enabler.run(moids, power_off, guest_timeout, budget, check)

    def set_excluded(self, moids: Sequence[str], *, excluded: bool, check: bool) -> list[VmChange]:
        """See ServerSitePort."""
        from .exclusion import Excluder

        with pyvmomi.speaking("exclude virtual machines from vMotion or restore them"):
            return Excluder(self.service, self.content, self.reader, self._clock).run(moids, excluded, check)

    def watch(self, moids: Sequence[str], *, mode: str, check: bool, idle: Collection[str] = ()) -> list[VmPlace]:
        """See ServerSitePort."""
        from .watch import Watcher

        with pyvmomi.speaking("look up where virtual machines were and what moved them"):
            return Watcher(self.service, self.content, self.reader, self._clock).run(moids, mode, check, idle)

    def set_pinned(self, moids: Sequence[str], *, pinned: bool, check: bool) -> list[VmChange]:
        """See ServerSitePort."""
        from .pin import Pinner

        with pyvmomi.speaking("set or remove VM-host rules"):
            return Pinner(self.service, self.reader, self._clock).run(moids, pinned, check)

    def close(self) -> None:
        """Log out. Nothing is lost when this cannot be done any more: vCenter ends idle sessions itself."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        with contextlib.suppress(Exception):
            self.reader.close()
        with contextlib.suppress(Exception):
            pyvmomi.Disconnect(self.service)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
