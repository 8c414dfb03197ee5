# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a page shows to its HTML, by the templates beside this file.

Names of machines and texts of the service are other people's: every value is escaped (autoescape), and what would hide or turn
the direction of writing is shown by its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.items import parse_time
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import span

TEMPLATES = Path(__file__).with_name("templates")

#: Controls (a tab and a line's end apart), marks that turn the direction of writing or hide, and halves of characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


_CODE = re.compile("`([^`]+)`")


def visible(value: Any) -> Any:
    """A text in which nothing hides; everything else as it is."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)
    return value


def when(value: Any) -> str:
    """A time (UTC) as people read it."""
    found = value if isinstance(value, datetime) else parse_time(str(value or ""))
    return found.strftime("%Y-%m-%d %H:%M:%S") if found else str(value or "")


def period(start: Any, end: Any) -> str:
    """From when to when; the day is told once where it is the same."""
    first, last = when(start), when(end) if end else "now"
    day = first[:11]
    return f"{first} to {last[11:] if end and last[:11] == day else last}"


def quoted(value: Any) -> Markup:
    """A sentence, escaped, in which what stands between backticks is code."""
    safe = str(escape(visible(str(value or ""))))
    return Markup(_CODE.sub(r"<code>\1</code>", safe))  # noqa: S704


def render(template: str, page: Mapping[str, Any]) -> str:
    """The page. ``template`` is a file beside this one, without its endings."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(span=span, when=when, period=period, quoted=quoted)
    return environment.get_template(f"{template}.html.j2").render(page=page)
