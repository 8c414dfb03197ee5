# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleet files: read, generated, and refused in one sentence."""

from __future__ import annotations

import pytest

from rehearsal import fleet as fleets
from rehearsal import fleet_file

MINIMAL = "name: f\ndescription: d\nvaults: [{name: v}, {name: w}]\n"


def load(tmp_path, text):
    path = tmp_path / "fleet.yml"
    path.write_text(text)
    return fleet_file.load(str(path))


def test_the_fleet_of_twelve_holds_every_ordinary_case():
    fleet = fleet_file.load("classic-12")
    assert len(fleet.machines) == 12
    assert {m.os for m in fleet.machines} == {"Windows", "Linux"}
    assert {m.onprem for m in fleet.machines} == {"present", "gone", "physical"}
    assert sorted(m.name for m in fleet.machines if m.group) == ["shop-app-01", "shop-db-01", "shop-web-01"]
    assert [m.name for m in fleet.machines if m.agent_registers_after > 600] == ["late-agent-01"]
    faults = {m.name: (m.faults[0].operation, m.faults[0].level) for m in fleet.machines if m.faults}
    assert faults == {"warns-01": ("failover", "Warning"), "retries-01": ("reprotect", "Error")}


@pytest.mark.parametrize("count", [1, 2, 12 * 9, 1000])
def test_a_generated_fleet_fits_its_master_targets(count):
    fleet = fleet_file.load(f"classic-{count}")
    assert len(fleet.machines) == count
    for system in fleets.SYSTEMS:
        disks = sum(len(m.disks_gb) for m in fleet.machines if m.os == system)
        targets = [mt for mt in fleet.vaults[0].master_targets if mt.os == system]
        # Two own disks each, and one slot that greedy packing of two-disk machines may leave empty.
        assert disks <= len(targets) * (fleets.MASTER_TARGET_DISKS - 2 - 1)


def test_identifiers_are_the_same_at_every_start_and_differ_between_machines():
    one, two = fleet_file.load("classic-100"), fleet_file.load("classic-100")
    assert one == two
    for of in (lambda m: m.uuid, lambda m: m.bios_uuid, lambda m: m.item_name):
        assert len({of(m) for m in one.machines}) == 100


def test_the_same_name_in_two_vaults_must_be_meant(tmp_path):
    twice = MINIMAL + "machines: [{name: m, vault: v}, {name: m, vault: w}]\n"
    with pytest.raises(fleets.FleetError, match="'m' occurs twice"):
        load(tmp_path, twice)
    assert len(load(tmp_path, twice + "ambiguous_names: true\n").machines) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL + "machines: [{name: m, colour: red}]\n", "unknown key 'colour'"),
        (MINIMAL + "machines: [{os: Linux}]\n", "missing.*'name'"),
        (MINIMAL + "machines: [{name: m, vault: x}]\n", "m: vault 'x' is not one of v, w"),
        (MINIMAL + "machines: [{name: m, os: Solaris}]\n", "os 'Solaris' is not one of Windows, Linux"),
        (MINIMAL + "machines: [{name: m, onprem: lost}]\n", "onprem 'lost' is not one of present, gone, physical"),
        ("- a list\n", "a fleet is a mapping"),
        ("name: [\n", "this is not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_key(tmp_path, text, words):
    with pytest.raises(fleets.FleetError, match=words) as refused:
        load(tmp_path, text)
    assert "fleet.yml" in str(refused.value)


def test_an_unknown_fleet_is_refused_with_those_that_exist():
    with pytest.raises(fleets.FleetError, match=r"FLEET=nowhere.*classic-12.*classic-N"):
        fleet_file.load("nowhere")
