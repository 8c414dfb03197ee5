# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and datastores as rules judge them: mounts of each host, a standalone host, vCenter's clock, in a few calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from conftest import prepare_fleet

from rehearsal.fleet import Datastore


@pytest.fixture(scope="module")
def vcenter(run_vcenter: Callable[..., Any]) -> Any:
    fleet = prepare_fleet()
    stores = (
        Datastore("datastore-1", free_gb=100.0),
        Datastore("datastore-2"),
        Datastore("filer", type="NFS", hosts=("esx-02",)),
    )
    states = (
        {"state": "datastore_read_only", "name": "datastore-1", "host": "esx-01"},
        {"state": "host_in_maintenance", "name": "esx-03"},
    )
    return run_vcenter(
        replace(fleet, site=replace(fleet.site, datastores=stores, standalone_hosts=("esx-09",), states=states))
    )


def test_what_hosts_and_datastores_are_like(site: Any) -> None:
    seen = site.survey()
    assert seen.api == "VirtualCenter"
    assert seen.hosts["esx-01"].cluster == "cluster-1"
    assert seen.hosts["esx-09"].cluster == ""
    assert seen.hosts["esx-03"].maintenance
    assert not seen.hosts["esx-01"].maintenance
    assert seen.hosts["esx-01"].connection == "connected"
    assert (seen.hosts["esx-01"].free_mb or 0) > 0
    (one,) = seen.datastores["datastore-1"]
    assert one.kind == "vmfs"
    assert one.free_bytes == 100 * 1024**3
    assert (one.mounts["esx-01"].usable, one.mounts["esx-01"].words) == (False, "mounted readOnly")
    assert one.mounts["esx-02"].usable
    (filer,) = seen.datastores["filer"]
    assert (filer.kind, set(filer.mounts)) == ("nfs", {"esx-02"})
    assert abs((datetime.now(timezone.utc) - seen.clock).total_seconds()) < 600


def test_it_takes_the_same_few_calls(site: Any, calls: Callable[[], dict[str, int]]) -> None:
    site.survey()
    counted = calls()
    assert sum(counted.values()) <= 5, counted
    site.survey()
    assert calls() == counted
