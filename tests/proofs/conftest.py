# SPDX-License-Identifier: GPL-3.0-or-later
"""One rehearsal for each test process, whose machines the tests take where they stand; and rehearsals of a fleet's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
EXTENSIONS = HERE.parents[1] / "extensions"
for folder in (HERE, EXTENSIONS):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import proof_scene as scenes  # noqa: E402
from proof_fleet import BROKEN, FAILS, SPEED, fleet  # noqa: E402
from proof_scene import Scene  # noqa: E402

#: Every proof on the shared fleet holds for each generation.
GENERATIONS = ("classic", "modernized")

#: Machines in the shared fleet, by where they start.
CAST = {"home": 16, "out": 14, "ready": 24, "home_unprotected": 8}


#: Proofs that depend on what a generation's item and job look like; they are made on both by ``make test``.
ON_BOTH = ("test_killed_after_accept", "test_the_reply_is_lost", "test_one_is_accepted_and_the_other_joins")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rest is proven for the second generation by ``make test-all``. Playbooks come first: they take longest."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("shared_scene") == GENERATIONS[-1] and getattr(item, "originalname", "") not in ON_BOTH:
            item.add_marker("further")
    items.sort(key=lambda item: item.get_closest_marker("playbook") is None)


def no_cancel(scene: Scene) -> None:
    """Nothing in this collection may ever cancel a failover (promise P4)."""
    asked = [entry for entry in scene.requests() if "cancel" in entry["path"].lower()]
    assert asked == [], "a cancel request was sent"


@pytest.fixture(scope="module")
def rehearse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, Any]], Scene]]:
    """Bring up a rehearsal with a fleet given as a mapping; taken down when the module's tests are over."""
    running: list[Scene] = []

    def run(model: dict[str, Any]) -> Scene:
        folder = tmp_path_factory.mktemp("proofs")
        path = folder / "fleet.yml"
        path.write_text(yaml.safe_dump(model), encoding="utf-8")
        running.append(scenes.start(folder / "rehearsal", path))
        return running[-1]

    yield run
    for scene in running:
        scenes.stop(scene)
        no_cancel(scene)


@pytest.fixture(scope="session", params=GENERATIONS)
def shared_scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("proofs")
    path = folder / "fleet.yml"
    cast: list[dict[str, Any]] = [
        {"name": f"{state.replace('_', '-')}-{n:02d}", "state": state}
        for state, count in CAST.items()
        for n in range(count)
    ]
    cast.append({"name": FAILS, "state": "ready", "faults": [BROKEN]})
    path.write_text(yaml.safe_dump(fleet(cast, request.param)), encoding="utf-8")
    scene = scenes.start(folder / "rehearsal", path, request.param)
    try:
        yield scene
    finally:
        scenes.stop(scene)
    no_cancel(scene)


@pytest.fixture
def scene(shared_scene: Scene) -> Iterator[Scene]:
    """The shared rehearsal without faults and with counters at zero."""
    shared_scene.fresh(SPEED)
    yield shared_scene
    shared_scene.fresh(SPEED)
    shared_scene.sweep()
