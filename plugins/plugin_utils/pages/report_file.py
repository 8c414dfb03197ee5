# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's files on the controller: their names, whether they can be written, and writing them.

``.html`` is the page, with its data in a JSON file of the same name; ``.json`` is the data alone.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError

#: Mode of a file that is new. One that exists keeps its own.
MODE = 0o644

#: ``kind`` of the report of a run. A second run does not replace the first one's: it alone tells of approvals and proofs.
RUN = "run"

_REMEDY = "Set it to a file that can be written, such as report.html or report.json in an existing directory."


@dataclass(frozen=True)
class ReportFile:
    """Where a report goes: its data, and its page where one is wanted."""

    data: Path
    page: Path | None = None

    @property
    def paths(self) -> list[Path]:
        return [path for path in (self.page, self.data) if path is not None]

    def check(self) -> None:
        """Raise InputError where a file could not be written, before anything else is done. Leaves nothing behind."""
        for path in self.paths:
            if why := unwritable(path):
                raise InputError(
                    "report_file_unwritable",
                    f"The report cannot be written to {str(path)!r} ('{{option:report_file}}'): {why}.",
                    _REMEDY,
                )

    def write(self, data: Mapping[str, Any], page: str = "") -> list[str]:
        """Write data and page, and return their paths. Raises OSError.

        A file of that name is replaced; only the report of an earlier run is kept, under its time.
        """
        texts = {self.data: json.dumps(data, indent=2, sort_keys=True, default=str) + "\n"}
        if self.page is not None:
            texts[self.page] = page
        modes = {path: _mode(path) for path in texts}
        for path, kept in self._kept().items():
            path.rename(kept)
        for path, text in texts.items():
            _replace(Path(os.path.realpath(path)), text, modes[path])
        return [str(path) for path in self.paths]

    def earlier(self) -> list[str]:
        """Names of the pages of earlier runs that are kept beside this one, the latest first."""
        if self.page is None:
            return []
        named = re.compile(re.escape(self.page.stem) + r"\.\d{8}T\d{6}Z(?:-\d+)?\.html", re.IGNORECASE)
        try:
            found = [entry.name for entry in self.page.parent.iterdir() if named.fullmatch(entry.name)]
        except OSError:
            return []
        kept = self._kept().get(self.page)
        return sorted([*found, *([kept.name] if kept else [])], reverse=True)

    def _kept(self) -> dict[Path, Path]:
        """Where the report of an earlier run is moved to: its page and its data."""
        try:
            told = json.loads(self.data.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        when = re.sub(r"[^0-9TZ]", "", str(told.get("time") or "")) if isinstance(told, dict) else ""
        if not when or told.get("kind") != RUN or not re.fullmatch(r"\d{8}T\d{6}Z", when):
            return {}
        there = [p for p in (self.page or self.data.with_suffix(".html"), self.data) if p.is_file()]
        for count in itertools.count(1):
            stem = f"{self.data.stem}.{when}" + (f"-{count}" if count > 1 else "")
            if not any(self.data.with_name(f"{stem}{ending}").exists() for ending in (".html", ".json")):
                break
        return {path: path.with_name(f"{stem}{path.suffix}") for path in there}


def report_file(value: Any, option: str = "report_file") -> ReportFile | None:
    """The files that an option names; None where it names none. A relative name is one where ansible-playbook was started.

    Raises InputError for a name whose ending says nothing.
    """
    text = str(value or "").strip()
    if not text:
        return None
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if text.endswith(os.sep) or path.suffix.lower() not in (".html", ".json"):
        raise InputError(
            "report_file_name",
            f"The report cannot be written to {text!r} ('{{option:{option}}}'): the name ends in neither .html nor .json.",
            "End it in .html for a page with its data as JSON beside it, or in .json for the data alone.",
        )
    if path.suffix.lower() == ".html":
        return ReportFile(path.with_suffix(".json"), path)
    return ReportFile(path)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return MODE


def _replace(place: Path, text: str, mode: int) -> None:
    """Write a file so that it is never half written."""
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)
        os.replace(name, place)
    except BaseException:
        os.unlink(name)
        raise


def unwritable(path: Path) -> str:
    """Why a file could not be written; empty where it could. Leaves nothing behind."""
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        return f"{place.parent} is not a directory"
    try:
        if not stat.S_ISREG(place.stat().st_mode):
            return "it exists and is not a regular file"
    except FileNotFoundError:
        pass
    except OSError as error:
        return _why(error)
    if place.exists() and not os.access(place, os.W_OK):
        return "Permission denied"
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".report-"):
            return ""
    except OSError as error:
        return _why(error)


def check_snapshot(value: Any) -> None:
    """Raise InputError where the file of a snapshot could not be written, before the estate is read."""
    path = Path(os.path.abspath(os.path.expanduser(str(value))))
    if why := unwritable(path):
        raise InputError(
            "snapshot_file_unwritable",
            f"The fleet cannot be written to {str(path)!r} (asr_snapshot_file): {why}.",
            "Set it to a file that can be written, such as mine.yml in an existing directory.",
        )


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
