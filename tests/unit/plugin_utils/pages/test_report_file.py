# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's files: which ones a name means, what is refused, what is kept."""

from __future__ import annotations

import json
import os
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from reported import NOW, preflight, stages, verdict

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.plugin_utils.pages import reports
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.report_file import (
    ReportFile,
    check_snapshot,
    report_file,
)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("a.html", ["a.html", "a.json"]),
        ("a.json", ["a.json"]),
        ("A.HTML", ["A.HTML", "A.json"]),
        ("a.b.html", ["a.b.html", "a.b.json"]),
        ("sub/../a.html", ["a.html", "a.json"]),
        (" a.json ", ["a.json"]),
    ],
)
def test_the_ending_decides(name: str, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = report_file(name)
    assert found is not None
    assert found.paths == [tmp_path / file for file in files]


def test_a_name_may_begin_at_home_and_nothing_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert report_file("~/a.json") == ReportFile(tmp_path / "a.json")
    assert [report_file(value) for value in (None, "", "  ")] == [None, None, None]


@pytest.mark.parametrize(
    "name", ["report", "report.htm", "report.html.gz", ".html", "report.html/", "report.yml", "report."]
)
def test_an_ending_that_says_nothing_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        report_file(name)
    assert caught.value.code == "report_file_name"
    assert name in caught.value.message
    assert ".html" in caught.value.remedy


@pytest.mark.parametrize(
    "where", ["missing/a.html", "file/a.html", "directory.html", "other.html", "pipe.json", "/proc/a.html"]
)
def test_what_cannot_be_written_is_refused_and_nothing_is_left(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory.html").mkdir()
    (tmp_path / "other.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    before = sorted(tmp_path.rglob("*"))
    found = report_file(str(tmp_path / where))
    assert found is not None
    with pytest.raises(InputError) as caught:
        found.check()
    assert caught.value.code == "report_file_unwritable"
    assert "cannot be written" in caught.value.message
    assert "\n" not in caught.value.sentence()
    assert sorted(tmp_path.rglob("*")) == before


def publish(file: ReportFile, make: Any, check: bool = False) -> tuple[list[str], list[str]]:
    said: list[str] = []
    return reports.publish(file, make, check, said.append, said.append), said


def run(name: Path, when: str, **said: Any) -> list[str]:
    """Write the report of a run that ended at ``when``; the files that were written."""
    file = report_file(str(name))
    assert file is not None
    file.check()

    def make(target: ReportFile) -> reports.Made:
        data, _page = reports.of_run(target, stages(["web"], **said), verdict())
        return {**data, "time": when}, reports.render("run", reports.page_run.view(data, data["earlier"]))

    return publish(file, make)[0]


def test_page_and_data_are_written_with_the_mode_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.json").chmod(0o600)
    file = report_file(str(tmp_path / "a.html"))
    assert file is not None
    written, said = publish(file, partial(reports.of_preflight, result=preflight(["web"])))
    assert written == [str(tmp_path / "a.html"), str(tmp_path / "a.json")]
    assert said == [f"  Report: {written[0]} and {written[1]}"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"a.html": 0o644, "a.json": 0o600}
    told = json.loads((tmp_path / "a.json").read_text())
    assert (told["kind"], told["ready"], told["machines"][0]["name"]) == ("preflight", False, "web")
    assert "lines" not in told
    # A preflight's is replaced, and a link stays one.
    (tmp_path / "link.json").symlink_to("a.json")
    linked = report_file(str(tmp_path / "link.json"))
    assert linked is not None
    assert publish(linked, partial(reports.of_preflight, result=preflight(["db"])))[0] == [str(tmp_path / "link.json")]
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "a.json").read_text())["machines"][0]["name"] == "db"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "a.json", "link.json"]


def test_the_report_of_an_earlier_run_is_kept_and_linked(tmp_path: Path) -> None:
    page = tmp_path / "home.html"
    run(page, "2026-03-01T01:00:00Z", approved=True)
    (tmp_path / "home.html").chmod(0o640)
    run(page, "2026-03-01T02:00:00Z")
    kept = tmp_path / "home.20260301T010000Z.json"
    assert json.loads(kept.read_text())["machines"][0]["approved"] is True
    assert kept.with_suffix(".html").is_file()
    assert 'href="home.20260301T010000Z.html"' in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    # Two of one second are two, and a preflight does not replace a run's either.
    run(page, "2026-03-01T02:00:00Z")
    run(page, "2026-03-01T02:00:00Z")
    file = report_file(str(page))
    assert file is not None
    publish(file, partial(reports.of_preflight, result=preflight(["db"])))
    names = {p.name for p in tmp_path.iterdir() if p.suffix == ".html"}
    stems = (
        "home",
        "home.20260301T010000Z",
        "home.20260301T020000Z",
        "home.20260301T020000Z-2",
        "home.20260301T020000Z-3",
    )
    assert names == {f"{stem}.html" for stem in stems}


def test_check_mode_writes_nothing_and_says_so(tmp_path: Path) -> None:
    file = report_file(str(tmp_path / "a.html"))
    assert file is not None
    file.check()
    written, (said,) = publish(file, partial(reports.of_preflight, result=preflight(["web"])), check=True)
    assert written == []
    assert "Check mode" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broken", [OSError(28, "No space left on device"), KeyError("findings")])
def test_a_report_that_fails_is_a_warning(broken: Exception, tmp_path: Path) -> None:
    def make(_file: ReportFile) -> reports.Made:
        raise broken

    written, (said,) = publish(ReportFile(tmp_path / "a.json"), make)
    assert written == []
    assert str(tmp_path / "a.json") in said
    assert str(broken.args[-1]) in said


def test_times_are_read_from_the_data() -> None:
    file = ReportFile(Path("a.json"))
    data, page = reports.of_preflight(file, preflight(["web"]))
    assert (data["time"], page) == (NOW, "")


def test_a_snapshot_that_could_not_be_written_is_refused_before_the_estate_is_read(tmp_path: Path) -> None:
    check_snapshot(tmp_path / "mine.yml")
    assert list(tmp_path.iterdir()) == []
    for name, why in (
        (tmp_path, "not a regular file"),
        (tmp_path / "no" / "mine.yml", "is not a directory"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(InputError) as refused:
            check_snapshot(name)
        assert refused.value.code == "snapshot_file_unwritable"
        assert "asr_snapshot_file" in refused.value.sentence()
        assert why in refused.value.sentence()
