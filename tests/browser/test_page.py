# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page in a real browser: it fits, prints, is reached by keyboard, and nothing complains."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from chromium import Chromium, program

UNIT = Path(__file__).resolve().parents[1] / "unit" / "plugin_utils" / "pages"
sys.path.insert(0, str(UNIT))
from reported import HOSTILE, NOW, preflight, stages, verdict  # noqa: E402

from ansible_collections.homeward.asr.plugins.plugin_utils.pages import page_readiness, page_run, run_data  # noqa: E402
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.page_render import render  # noqa: E402

pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif(program() is None, reason="there is no Chromium on PATH (Debian's package chromium)"),
]

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
NAMES = [*(f"shop-{n:02d}" for n in range(12)), *HOSTILE]
MANY = [f"machine-with-a-usual-name-{n:04d}" for n in range(1000)]
PROOFS = [{"proof": f"proof_{n}", "verdict": "holds", "value": "as it should be", "time": NOW} for n in range(6)]

WIDTHS = (360, 768, 1024, 1600)


def stopped() -> list[dict[str, Any]]:
    """A run in which one machine failed, one waits and the rest came home."""
    results = stages(NAMES, proofs=PROOFS, approved=True)
    for row, done in zip(results[-1]["machines"], ("failed", "waiting"), strict=False):
        row.update(done=done, code="agent_silent", reason=f"{row['name']} is silent.", remedy="Look at its agent.")
    onward = [
        {"about": "rerun", "words": "Run again:", "command": f"ansible-playbook -e '{json.dumps(NAMES)}'", "notes": []}
    ]
    return [*results, {"machines": [], "findings": preflight(NAMES)["findings"], "finished": True, "onward": onward}]


def pages() -> dict[str, str]:
    """The pages of three fleets."""
    onward = stopped()[-1]["onward"]
    said = verdict(counts={"moved": 23, "failed": 1, "waiting": 1}, onward=onward)
    return {
        "preflight": render("preflight", page_readiness.view(page_readiness.preflight(preflight(NAMES), NOW))),
        "run": render("run", page_run.view(run_data.run(stopped(), said, NOW), ["run.20260301T010000Z.html"])),
        "many": render("run", page_run.view(run_data.run(stages(MANY, proofs=PROOFS), verdict(), NOW))),
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    where = tmp_path_factory.mktemp("pages")
    for name, html in pages().items():
        (where / f"{name}.html").write_text(html, encoding="utf-8")
    return {path.stem: path for path in where.iterdir()}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["preflight", "run", "many"])
def test_it_fits_and_nothing_complains(browser: Chromium, written: dict[str, Path], name: str, dark: bool) -> None:
    for width in WIDTHS if name != "many" else (360, 1600):
        browser.show(written[name], width, dark)
        picture = written[name].with_name(f"{name}-{width}-{'dark' if dark else 'light'}.png")
        browser.picture(picture, whole=False)
        assert picture.stat().st_size > 10_000
        if name != "many":
            browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.complaints() == []
    ink, paper = (browser.run(f"getComputedStyle(document.body).{key}") for key in ("color", "backgroundColor"))
    brightness = [sum(int(part) for part in colour.strip("rgb()").split(",")) for colour in (ink, paper)]
    assert (brightness[0] > brightness[1]) is dark


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1600, True)], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["preflight", "run"])
def test_it_is_accessible(browser: Chromium, written: dict[str, Path], name: str, width: int, dark: bool) -> None:
    browser.show(written[name], width, dark)
    browser.run(f"{AXE}\n;0")
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = browser.run(
        "axe.run(document).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).slice(0, 3).join(' | ')))"
    )
    assert found == []


def test_everything_is_reached_by_keyboard(browser: Chromium, written: dict[str, Path]) -> None:
    browser.show(written["run"], 1600)
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run("document.activeElement.getBoundingClientRect().left") >= 0
    stops = "a[href], summary, [tabindex='0']"
    wanted = browser.run(
        f'[...document.querySelectorAll("{stops}")].filter(e => e.checkVisibility({{contentVisibilityAuto: true}})).length'
    )
    reached = 1
    folded = False
    while reached < wanted + 5:
        browser.press("Tab", 9)
        place = browser.run("[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]")
        if place[0] == "BODY":
            break
        assert place[1] != "none", "the focus is seen"
        reached += 1
        if place[0] == "SUMMARY" and not folded:
            folded = True
            browser.press("Enter", 13, "\r")
            assert browser.run("document.activeElement.parentElement.open") is True
            browser.press("Enter", 13, "\r")
    assert folded
    assert reached == wanted


def test_a_print_is_a4_and_shows_what_is_folded(browser: Chromium, written: dict[str, Path]) -> None:
    browser.show(written["run"], 1600)
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    sizes = {tuple(round(float(n)) for n in part.split(b"]")[0].split()) for part in printed.split(b"/MediaBox [")[1:]}
    assert all(abs(w - 595) <= 1 and abs(h - 842) <= 1 for _x, _y, w, h in sizes)
    assert sizes
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    hidden = browser.run(
        "[...document.querySelectorAll('details > :not(summary)')].filter(e => e.getBoundingClientRect().height == 0).length"
    )
    assert hidden == 0


def test_names_are_read_as_they_are(browser: Chromium, written: dict[str, Path]) -> None:
    """The browser's own parser makes text of every hostile name, and no script ran."""
    browser.show(written["run"], 1600)
    text = browser.run("document.body.textContent")
    for name in HOSTILE[:7]:
        assert name in text
    assert browser.run("document.scripts.length + document.images.length") == 0
    assert browser.run("document.querySelectorAll('iframe, object, embed, link, form').length") == 0
