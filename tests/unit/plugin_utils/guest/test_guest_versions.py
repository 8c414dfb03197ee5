# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of the agent is the newest that no server forbids."""

from __future__ import annotations

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.versions import (
    archive_version,
    choose_archive,
)

PATTERN = "Microsoft-ASR_UA_*_UBUNTU-20.04-64*.tar.gz"


def named(version: str, system: str = "UBUNTU-20.04") -> str:
    return f"/srv/repository/Microsoft-ASR_UA_{version}_{system}-64_GA_22Oct2025_release.tar.gz"


def test_the_newest_allowed_archive_is_chosen() -> None:
    names = [named("9.9.0.0"), named("9.61.0.0"), named("9.62.5.0"), named("9.63.0.0"), named("9.62.9.0", "RHEL7")]
    assert choose_archive(names, PATTERN, {"cs": "9.62.1.1", "ps": "9.63.1.1"}) == named("9.62.5.0")
    assert choose_archive(names, PATTERN, {}) == named("9.63.0.0")
    assert choose_archive(names, PATTERN, {"cs": "9.8.0.0"}) == ""


def test_a_name_contains_the_version() -> None:
    assert archive_version(named("9.30.0.0")) == "9.30.0.0"
    assert archive_version("latest.tar.gz") == ""
