# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal per fleet for what a user sees; one worker runs all tests of a file, so that no fleet is started twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scene import EXTENSIONS, Scene, launch, stop

if str(EXTENSIONS) not in sys.path:
    sys.path.insert(0, str(EXTENSIONS))


#: Files with the most runs of ansible-playbook: begun first, so that the workers end together.
LONGEST_FIRST = ("test_printed_commands", "test_stages", "test_check_mode", "test_secrets", "test_prepare_and_release")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="module")
def rehearse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Scene]]:
    """Start a rehearsal of a fleet (the mapping of a fleet file); all are stopped when the module's tests are over."""
    running: list[Scene] = []

    def start(fleet: dict[str, Any], **options: str) -> Scene:
        where = tmp_path_factory.mktemp(str(fleet["name"]))
        running.append(launch(fleet, where / "rehearsal", **options))
        return running[-1]

    yield start
    for scene in running:
        stop(scene)
