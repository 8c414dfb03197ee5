# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of an estate is a fleet that can be rehearsed, and taking it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from scene import Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "snapshot",
    "description": "Machines on both sides, one of them gone",
    "speed": 1200,
    "vaults": [vault("vault-snapshot")],
    "machines": [
        linux("payroll", disks_gb=[40, 200], memory_mb=2048, group="pay"),
        linux("ledger", state="out", group="pay"),
        linux("vanished", state="out", onprem="gone"),
    ],
}


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


def taken(scene: Scene, name: str, *options: str, **variables: Any) -> Any:
    before = scene.control("/digest")["digest"]
    run = scene.playbook("snapshot", *options, asr_snapshot_file=name, **variables)
    assert run.rc == 0, run.text
    assert (scene.writes, scene.control("/digest")["digest"]) == (0, before)
    return run


def test_a_snapshot_holds_the_estate_and_starts_as_a_fleet(scene: Scene, rehearse: Callable[..., Scene]) -> None:
    from rehearsal import fleet_file

    taken(scene, "none.yml", "--check")
    assert not (scene.directory / "none.yml").exists()
    taken(scene, "mine.yml")
    file = scene.directory / "mine.yml"
    assert file.stat().st_mode & 0o077 == 0
    text = yaml.safe_load(file.read_text(encoding="utf-8"))
    known, read = fleet_file.parse(FLEET), fleet_file.parse(text)
    for machine in known.machines:
        (again,) = [m for m in read.machines if m.name == machine.name]
        for key in ("vault", "os", "disks_gb", "memory_mb", "onprem", "group", "state", "uuid_enabled"):
            assert getattr(again, key) == getattr(machine, key), (machine.name, key)
    assert [t.name for t in read.vaults[0].master_targets] == [t.name for t in known.vaults[0].master_targets]
    assert read.site.hosts == known.site.hosts
    again = rehearse({**text, "speed": 1200})
    assert again.phase("ledger") == "out"


def test_under_other_names_it_can_be_handed_on(scene: Scene) -> None:
    taken(scene, "other.yml", asr_snapshot_pseudonyms=True)
    text = (scene.directory / "other.yml").read_text(encoding="utf-8")
    for name in ("payroll", "ledger", "vanished", "vault-snapshot", "esx-01", "datastore-1\n", "pay\n"):
        assert name not in text
    assert text.count("consistency-group-01") == 2


def test_without_a_file_it_says_what_is_missing(scene: Scene) -> None:
    run = scene.playbook("snapshot")
    assert run.rc != 0
    assert "Set asr_snapshot_file" in run.text
