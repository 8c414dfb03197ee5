# SPDX-License-Identifier: GPL-3.0-or-later
"""What a moved master target means, sentence by sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.refusal import Refusal
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.server_ports import (
    SiteMove,
    VmChange,
    VmPlace,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.servers.moved import judge_place, verified

SINCE = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
STOOD = VmPlace("vm-1", "mt-1", "esx-01", ("ds-1",), SINCE, "esx-01", ("ds-1",))
STORAGE = SiteMove("2026-02-04T00:00:00Z", "ANNA", "esx-01", "esx-01", "ds-1", "ds-2")
HOST = SiteMove("2026-02-04T00:00:00Z", "ANNA", "esx-01", "esx-02", "ds-1", "ds-1")


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        (STOOD, "", ""),
        (replace(STOOD, since=None), "", ""),
        (
            replace(STOOD, datastores=("ds-2",), moved_storage=True, foreign_disks=3, moves=(STORAGE,)),
            "master_target_moved",
            "ANNA moved it at 2026-02-04T00:00:00Z from datastore ds-1 to ds-2",
        ),
        (replace(STOOD, moved_storage=True, foreign_disks=3), "master_target_moved", "do not show who"),
        (replace(STOOD, moved_storage=True, moves=(STORAGE,)), "warning", "nothing is lost"),
        (
            replace(STOOD, host="esx-02", moved_host=True, foreign_disks=3, moves=(HOST,)),
            "warning",
            "from host esx-01 to esx-02",
        ),
        (replace(STOOD, moves=(HOST, HOST)), "warning", "is back in its original location"),
        # Away and back again took the disks of others along all the same.
        (replace(STOOD, foreign_disks=1, moves=(STORAGE, STORAGE)), "master_target_moved", "1 disk of other machines"),
        (replace(STOOD, moves=(STORAGE, STORAGE)), "warning", "is back in its original location"),
        (replace(STOOD, running=("VirtualMachine.relocate",)), "moving_now", "VirtualMachine.relocate"),
        (
            replace(STOOD, refusal=Refusal("place_note_unreadable", "It is not JSON.")),
            "place_note_unreadable",
            "not JSON",
        ),
    ],
)
def test_what_a_place_means(place: VmPlace, code: str, said: str) -> None:
    for exclusion in ("excluded", "watched"):
        reasons, warnings = judge_place(place, exclusion)
        assert [r.code for r in reasons] == ([code] if code not in ("", "warning") else [])
        assert len(warnings) == (code == "warning")
        assert said in " ".join([r.reason for r in reasons] + [w.sentence() for w in warnings])
    # When the exclusion is lifted everything is only reported.
    reasons, warnings = judge_place(place, "restored")
    assert reasons == ()
    assert len(warnings) == (code != "")


@pytest.mark.parametrize(
    ("before", "changed", "noted", "code", "aside"),
    [
        ("excluded", False, True, "", ""),
        ("immovable", False, False, "", ""),
        ("partly", True, True, "exclusion_lost", ""),
        ("free", True, False, "", "prepare"),
    ],
)
def test_an_exclusion_is_only_looked_at(before: str, changed: bool, noted: bool, code: str, aside: str) -> None:
    # An exclusion would write the note; what counts is whether it was there.
    found: dict[str, Any] = {"noted": noted}
    change = VmChange("vm-1", "mt-1", before, "excluded", changed=changed, details={"noted": True}, found=found)
    looked, told = verified(change)
    assert looked.details == found
    assert (looked.before, looked.after, looked.changed, looked.code) == (before, before, False, code)
    assert bool(told) == bool(aside)
    assert aside in " ".join(advice.remedy for advice in told)


def test_trouble_with_one_place_is_reported_in_its_words() -> None:
    place = replace(STOOD, refusal=Refusal("vcenter_no_permission", "It may not.", "Grant it."))
    for exclusion in ("excluded", "watched", "restored"):
        reasons, warnings = judge_place(place, exclusion)
        assert [(r.code, r.reason, r.remedy) for r in reasons] == [
            ("vcenter_no_permission", "It may not.", "Grant it.")
        ]
        assert warnings == ()


@pytest.mark.parametrize(("noted", "code"), [(True, "exclusion_without_effect"), (False, "")])
def test_a_exclusion_without_effect_is_reported_where_it_was_claimed(noted: bool, code: str) -> None:
    change = VmChange(
        "vm-1", "mt-1", "free", "free", refusal=Refusal("exclusion_without_effect", "It moves."), found={"noted": noted}
    )
    looked, told = verified(change)
    assert looked.code == code
    assert bool(told) == (not noted)
