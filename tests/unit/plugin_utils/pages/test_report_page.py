# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page: what it says, and that nothing of other people's texts is taken for anything but text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from reported import HOSTILE, NOW, START, finding, preflight, row, stages, step, verdict

from ansible_collections.homeward.asr.plugins.module_utils.failback.machines.azure_vms_left import LEFT
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.catalogue import RULES
from ansible_collections.homeward.asr.plugins.plugin_utils.pages import page_readiness, page_run, run_data
from ansible_collections.homeward.asr.plugins.plugin_utils.pages.page_render import quoted, render, visible

ROOT = Path(__file__).resolve().parents[4]

#: Everything a page may be made of.
ELEMENTS = re.compile(
    "html|head|meta|title|style|body|svg|symbol|circle|path|rect|use|a|header|div|h1|span|dl|dt|dd|nav|ul|li|main|section|h2|h3|p"
    "|code|b|i|bdi|details|summary|table|thead|tbody|tr|th|td|footer|pre|br"
)
ATTRIBUTES = re.compile(
    "lang|charset|name|content|http-equiv|class|id|href|style|tabindex|open|scope|aria-label|aria-labelledby|aria-hidden"
    "|width|height|viewbox|fill|stroke|stroke-width|stroke-linecap|stroke-dasharray|d|cx|cy|r|x|y|rx"
)


class Page(HTMLParser):
    """A page taken apart."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.parts: list[str] = []
        self._skipping = False
        self.feed(html)
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._skipping = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._skipping = False

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(data)

    def of(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def of_preflight(result: dict[str, Any]) -> str:
    return render("preflight", page_readiness.view(page_readiness.preflight(result, NOW)))


def of_run(results: list[dict[str, Any]], said: dict[str, Any] | None = None, earlier: tuple[str, ...] = ()) -> str:
    return render("run", page_run.view(run_data.run(results, said or verdict(), NOW), earlier))


def spoilt(value: Any, by: str) -> Any:
    """Plain data with every text in it replaced that others write."""
    if isinstance(value, dict):
        kept = {
            "rule",
            "about",
            "verdict",
            "severity",
            "moments",
            "generation",
            "stage",
            "step",
            "done",
            "state",
            "start",
            "end",
            "after",
        }
        return {k: v if k in kept else spoilt(v, by) for k, v in value.items()}
    if isinstance(value, list):
        return [spoilt(part, by) for part in value]
    return by if isinstance(value, str) and value else value


def hostile_preflight(by: str) -> str:
    return of_preflight(spoilt(preflight(["a", "b"]), by))


def hostile_run(by: str) -> str:
    problem = {"code": "1", "message": "m", "possible_causes": "p", "recommended_action": "r"}
    proofs = [{"proof": "t", "value": "v", "time": "x", "verdict": "holds"}]
    said = {"accepted": [{"gate": "rpo", "reason": "x"}], "proofs": proofs, "warnings": [problem], "errors": [problem]}
    results = stages(["a", "b"], **said)
    results[-1]["machines"][0].update(done="failed", reason="x", remedy="x", errors=[problem], group="g")
    results += [
        {"failed": True, "code": "x", "msg": "stopped", "remedy": "y", "findings": preflight(["a"])["findings"]}
    ]
    onward = [{"about": "rerun", "words": "w", "command": "c", "variable": "v", "notes": ["n"]}]
    return of_run(spoilt(results, by), spoilt(verdict(onward=onward), by), (by,))


@pytest.mark.parametrize("make", [hostile_preflight, hostile_run], ids=["preflight", "run"])
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_text(name: str, make: Callable[[str], str]) -> None:
    html = make(name)
    page = Page(html)
    assert all(map(ELEMENTS.fullmatch, page.elements))
    assert all(ATTRIBUTES.fullmatch(attribute) for attribute, _value in page.attributes)
    # It can be read, also what would hide or turn the direction of writing, and no template was made of it.
    assert " ".join(str(visible(name)).split()) in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]", html)
    html.encode("utf-8")
    # Links lead to the page itself, to files beside it, and to the project's own documents.
    for target in page.of("href"):
        assert re.match(
            r"#[\w-]+$|https://github\.com/homeward-asr/homeward\.asr/blob/main/docs/[\w./#-]+$|[\w%.~-]+$", target
        )
    assert all(re.fullmatch(r"--l:[\d.]+(;--w:[\d.]+)?", style) for style in page.of("style"))


def test_a_page_needs_nothing_but_itself() -> None:
    for html in (hostile_preflight("a"), hostile_run("a")):
        page = Page(html)
        assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" in page.of(
            "content"
        )
        assert not re.search(r"@import|url\(|src=", html)
        ids = page.of("id")
        assert len(ids) == len(set(ids))
        assert {target[1:] for target in page.of("href") if target.startswith("#")} <= set(ids)


def test_blocks_come_first_and_one_cause_of_many_is_reported_once() -> None:
    names = [f"m-{n:02d}" for n in range(12)]
    page = Page(of_preflight(preflight(names)))
    heads = [page.text.index(word) for word in ("What blocks", "Warnings", "Not known", "Accepted")]
    assert heads[0] < page.text.index("Title of mt_snapshot") < page.text.index("Title of vm_snapshot")
    for rule in ("mt_snapshot", "vm_snapshot", "network_link"):
        assert page.text.count(f"Title of {rule}") == 1
        assert page.text.count(f"Do what {rule} asks for.") == 1
    assert "12 of 12 machines blocked" in page.text
    assert "Until Monday, says m-00." in page.text
    # Every machine and the server lead to their causes; the first few names of a cause are open, the rest folded.
    assert page.of("href").count("#c1") == len(names) + 1
    assert "4 more" in page.text


def test_what_differs_in_numbers_is_one_cause_and_nothing_is_lost() -> None:
    some = [finding("free_space", n, [n], text=f"{n} needs {g} GB.") for n, g in (("a-1", 10), ("b-2", 99))]
    page = Page(of_preflight(preflight(["a-1", "b-2"], some)))
    assert page.text.count("Title of free_space") == 1
    assert "a-1 needs 10 GB." in page.text
    assert "b-2 needs 99 GB." in page.text


def test_machines_of_one_name_are_distinguished() -> None:
    result = preflight(["twin", "other"])
    result["machines"][1].update(name="twin", vault="vault-two")
    page = Page(of_preflight(result))
    assert "twin (vault-one)" in page.text
    assert "twin (vault-two)" in page.text


def test_a_preflight_that_could_not_check_says_so() -> None:
    html = of_preflight(
        {"failed": True, "msg": "The vault cannot be reached.", "code": "unreachable", "remedy": "Try again."}
    )
    page = Page(html)
    for words in ("Not checked", "The vault cannot be reached.", "Try again."):
        assert words in page.text
    assert "ready" not in page.text.lower()
    assert page_readiness.preflight({"failed": True, "msg": "x"}, NOW)["ready"] is False


def test_every_source_leads_somewhere() -> None:
    found = [finding(rule.id, "a", ["a"], source=rule.source) for rule in RULES]
    (section,) = page_readiness.view(page_readiness.preflight(preflight(["a"], found), NOW))["sections"]
    for target in {cause["href"] for cause in section["causes"]} | {page_readiness.GUIDE}:
        path, _hash, anchor = target.removeprefix(f"{page_readiness.DOCUMENTS}/").partition("#")
        lines = (ROOT / "docs" / path).read_text(encoding="utf-8").splitlines()
        heads = {
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in lines
            if line.startswith("#")
        }
        assert not anchor or anchor in heads


def test_the_story_of_a_run() -> None:
    accepted = [{"gate": "rpo", "reason": "It is read-only, says the owner.", "text": ""}]
    proofs = [{"proof": "failover_job", "verdict": "holds", "value": "Succeeded", "time": "2026-03-01T05:29:00Z"}]
    data = run_data.run(stages(["web", "db"], approved=True, accepted=accepted, proofs=proofs), verdict(), NOW)
    web = data["machines"][1]
    assert (web["before"], web["after"], web["name"]) == ("out", "home", "web")
    assert web["downtime_seconds"] == 9 * 60
    assert web["recovery_point_age_seconds"] == 7 * 60
    assert web["through"] == ["ps-azure-01", "mt-linux-01", "ds-1"]
    assert web["approved"] is True
    assert data["committed"] == ["db", "web"]
    assert [d["azure_vm"] for d in data["deleted"]] == ["/subscriptions/1/vm-1"] * 2
    assert data["stages"] == ["reprotect_to_onprem", "failover_to_onprem", "commit_to_onprem", "reprotect_to_azure"]
    assert json.loads(json.dumps(data)) == data
    page = Page(render("run", page_run.view(data)))
    for words in (
        "All done",
        "Azure VMs deleted",
        "Longest downtime",
        "down for 9m00s",
        "vm-1",
        "It is read-only, says the owner.",
        "all 1 passed 2026-03-01 05:29:00 failover job: Succeeded",
        "latest, 2026-03-01 04:23:00 (7m old)",
        "approved",
        "Through ps-azure-01, mt-linux-01, ds-1",
        "reprotect home 40m00s · fail over home 9m00s · commit home 2m00s · reprotect to Azure 30m00s",
    ):
        assert words in page.text, words


def test_a_vm_that_outlived_its_commit_is_not_called_deleted() -> None:
    warning = {"code": run_data.REMAINS, "message": "The VM is still there.", "recommended_action": "Delete it."}
    data = run_data.run(stages(["web"], warnings=[warning]), verdict(), NOW)
    assert run_data.REMAINS == LEFT
    assert data["committed"] == ["web"]
    assert data["deleted"] == []
    assert "Still there" in Page(render("run", page_run.view(data))).text


def test_proofs_of_a_commit_that_was_not_sent_are_shown() -> None:
    proofs = [
        {"proof": "onprem_vm", "verdict": "missing", "value": "web powered off", "time": NOW},
        {"proof": "onprem_tools", "verdict": "approved", "value": "not installed", "time": NOW},
        {"proof": "azure_vm", "verdict": "accepted", "value": "gone", "time": NOW},
        {"proof": "recovery_point", "verdict": "unknown", "value": "not reported", "time": NOW},
    ]
    refused = {"done": "refused", "code": "onprem_not_running", "reason": "It is off.", "remedy": "Power it on."}
    machine = row("web", 1, "home_uncommitted", "home_uncommitted", [], proofs=proofs, **refused)
    page = Page(of_run([{"stage": "commit_to_onprem", "machines": [machine], "finished": True}]))
    for words in (
        "not committed",
        "failed on-premises VM: web powered off",
        "approved by a person VMware Tools: not installed",
        "accepted Azure VM: gone",
        "not known recovery point: not reported",
    ):
        assert words in page.text, words


def test_what_the_rules_found_before_a_stage_is_on_the_page() -> None:
    results = stages(["a", "b"])
    results[1]["machines"][0].update(
        done="refused", code="mt_snapshot", reason="The master target has a snapshot.", remedy="Delete it."
    )
    for later in results[2:]:
        later["machines"] = later["machines"][1:]
    results[1]["findings"] = [
        finding("mt_snapshot", "mt-linux-01", ["a"]),
        finding("vm_snapshot", "b", ["b"], "warn"),
        finding("network_link", "b", ["b"], "unknown"),
    ]
    results[2]["findings"] = [finding("vm_off", "b", ["b"], accepted="It is a copy, says the owner.")]
    data = run_data.run(results, verdict(), NOW)
    assert [f["rule"] for f in data["findings"]] == ["mt_snapshot", "vm_snapshot", "network_link", "vm_off"]
    shown = page_run.view(data)
    # What blocked a machine is reported with the machine, with the rule's title and source; the rest under its own head.
    (cause,) = shown["causes"]
    assert (cause["code"], cause["rule"]["title"]) == ("mt_snapshot", "Title of mt_snapshot")
    assert [(s["id"], [c["rule"] for c in s["causes"]]) for s in shown["sections"]] == [
        ("warn", ["vm_snapshot"]),
        ("unknown", ["network_link"]),
        ("accepted", ["vm_off"]),
    ]
    assert "It is a copy, says the owner." in Page(of_run(results)).text


def test_what_stopped_is_reported_first_and_once() -> None:
    results = stages(["a", "b", "i", "c"])[:2]
    for m in results[1]["machines"]:
        m.update(
            done="refused", code="agent_silent", reason=f"The agent of {m['name']} is silent.", remedy="Look at it."
        )
    said = verdict(code="machines_failed", counts={"refused": 3, "moved": 0})
    page = Page(of_run(results, said))
    assert "3 refused" in page.text
    assert page.text.count("is silent") == 1
    assert page.text.index("Needs attention") < page.text.index("Timeline")


@pytest.mark.parametrize(
    ("results", "said", "words"),
    [
        ([], {}, "Nothing to do"),
        ([{"failed": True, "msg": "No vault.", "code": "input"}], {"code": "stage_failed"}, "No vault."),
        ([{"machines": [row("a", 1, "out", "out", [])], "finished": True}], {}, "a"),
        # An operation under way has no end.
        (
            [{"machines": [row("a", 1, "out", "out", [step("reprotect_to_onprem", START, 5, "InProgress", end=None)])], "finished": False}],
            {"counts": {"waiting": 1}},
            "1 still under way",
        ),
        # Rows without any of the newer keys.
        ([{"machines": [{"name": "a", "done": "failed"}]}], {"counts": {"failed": 1}}, "1 failed"),
    ],
)  # fmt: skip
def test_runs_that_ended_early(results: list[dict[str, Any]], said: dict[str, Any], words: str) -> None:
    assert words in Page(of_run(results, verdict(**said))).text


def test_a_thousand_machines_stay_usable() -> None:
    names = [f"machine-with-a-usual-name-{n:04d}" for n in range(1000)]
    value = "machine-with-a-usual-name (503c1d2e-3f40-4a51-9b62-7c8d9e0f1a2b) powered on, host esx-01 connected"
    proofs = [{"proof": f"proof_{n}", "verdict": "holds", "value": value, "time": NOW} for n in range(8)]
    for html in (of_preflight(preflight(names)), of_run(stages(names, proofs=proofs))):
        assert len(html.encode()) < 3_000_000
        page = Page(html)
        # Long lists are folded.
        assert all(f"{name}" in page.text for name in names[::97])
        assert "details" in page.elements
        assert page.of("open") == []


def test_a_remedy_is_escaped_and_what_is_to_be_typed_in_it_is_code() -> None:
    said = str(quoted("Set `asr_refresh: true` for <b>`x`</b> & `a` b`"))
    assert said == "Set <code>asr_refresh: true</code> for &lt;b&gt;<code>x</code>&lt;/b&gt; &amp; <code>a</code> b`"
