# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of what a survey script prints: sections, each after a line ``#=# name``, the last of them ``end`` with ``ok``."""

from __future__ import annotations

import re

_SECTION = re.compile(r"^#=# (\w+)$")


class SurveyError(ValueError):
    """The text is not what the survey script prints, or it was cut off."""


def sections_of(text: str) -> dict[str, list[str]]:
    """The lines of each section that are not empty.

    Raises SurveyError when the last section is missing: an incomplete survey is not used.
    """
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.replace("\r", "").splitlines():
        if found := _SECTION.match(line):
            current = sections.setdefault(found.group(1), [])
        elif line.strip():
            current.append(line)
    if "ok" not in sections.get("end", []):
        raise SurveyError("the guest survey did not finish")
    return sections
