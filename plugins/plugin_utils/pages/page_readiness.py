# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page shows of readiness: findings by cause, servers and machines with their verdicts. Pure.

``data`` is what stands in the report's JSON: the result of asr_preflight, or that part of a run's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import fold
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.facts.moments import (
    MASTER_TARGET,
    PROCESS_SERVER,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.findings_table import kind_of, scripts
from ansible_collections.homeward.asr.plugins.module_utils.failback.readiness.rules.rule import (
    BLOCK,
    PASS,
    UNKNOWN,
    WARN,
)
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.causes import shape
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.naming import labels
from ansible_collections.homeward.asr.plugins.module_utils.failback.report.progress import STAGES

Found = Mapping[str, Any]

#: Where the project's pages are read.
DOCUMENTS = "https://github.com/homeward-asr/homeward.asr/blob/main/docs"
GUIDE = f"{DOCUMENTS}/docsite/rst/readiness.rst"
CHECKS = f"{DOCUMENTS}/facts/failback-domain.md#4-checks-before-a-failback-by-number"
FACTS = f"{DOCUMENTS}/facts/failback-domain.md"

#: Rows of one list before it is folded.
OPEN = 60

#: Heads in the order of their urgency: mark, title, what it means.
HEADS: Mapping[str, tuple[str, str]] = {
    BLOCK: ("What blocks", "Each of these stops what it names until it is fixed, or accepted with a reason."),
    WARN: ("Warnings", "None of these stops anything. Read them before you continue."),
    UNKNOWN: ("Not known", "These could not be checked. An unknown result never counts as passed."),
    "accepted": ("Accepted", "These were accepted by a person, with a reason."),
}

#: What the groups of machines and the verdicts are called.
WORDS: Mapping[str, str] = {BLOCK: "blocked", WARN: "warnings", UNKNOWN: "something not known", PASS: "ready"}

_MOMENTS = {**STAGES, MASTER_TARGET: "building a master target", PROCESS_SERVER: "building a process server"}


def preflight(result: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The data of a preflight's report: what the module found, or why nothing could be checked."""
    left_out = ("invocation", "lines", "failed", "changed", "exception", "deprecations")
    kept = {k: v for k, v in result.items() if k not in left_out and not k.startswith("_ansible")}
    checked = isinstance(result.get("findings"), list)
    nothing = {} if checked else {"findings": [], "machines": [], "servers": [], "counts": {}, "ready": False}
    return {"kind": "preflight", "format": 1, "time": now, **nothing, **kept, "checked": checked}


def view(data: Mapping[str, Any]) -> dict[str, Any]:
    """The page of a preflight."""
    machines: Sequence[Found] = data.get("machines") or ()
    blocked = sum(m["verdict"] == BLOCK for m in machines)
    counts = data.get("counts") or {}
    if not data.get("checked", True):
        state, said = UNKNOWN, "Not checked"
    elif not data.get("ready"):
        state, said = BLOCK, f"{blocked} of {len(machines)} machines blocked" if blocked else "Blocked"
    else:
        state, said = PASS, "Nothing blocks"
    tiles = [(f"Machines, {blocked} blocked" if blocked else "Machines", len(machines), "")]
    names = ((BLOCK, "Blocks"), (WARN, "Warnings"), (UNKNOWN, "Not known"), ("accepted", "Accepted"))
    tiles += [(title, int(counts.get(word) or 0), word) for word, title in names]
    tiles.append(("Passed", int(counts.get(PASS) or 0), PASS))
    return {
        "title": "Readiness",
        "state": state,
        "said": said,
        "time": data.get("time"),
        "vaults": list(dict.fromkeys(str(m.get("vault") or "") for m in machines)),
        "message": "" if data.get("checked", True) else data.get("msg") or "",
        "remedy": "" if data.get("checked", True) else data.get("remedy") or "",
        "reads": (data.get("requests") or {}).get("reads"),
        "scripts": scripts(data),
        "notes": [str(text) for text in data.get("warnings") or ()],
        "tiles": [{"title": title, "number": number, "mark": mark} for title, number, mark in tiles],
        **parts(data),
    }


def parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The sections: causes under their heads, servers, machines by verdict."""
    findings: Sequence[Found] = data.get("findings") or ()
    sections: list[dict[str, Any]] = []
    places: dict[tuple[str, str, str, str], dict[str, str]] = {}
    number = 0
    for head, (title, meaning) in HEADS.items():
        told = []
        for some in sorted(by_cause([f for f in findings if kind_of(f) == head]), key=_weight):
            number += 1
            told.append(_cause(f"c{number}", head, some))
            link = {"href": f"#c{number}", "rule": str(some[0]["rule"]), "mark": head}
            for finding in some:
                for key in _concerned(finding):
                    places[key] = link
        if told:
            sections.append({"id": head, "title": title, "meaning": meaning, "causes": told})
    return {
        "guide": GUIDE,
        "sections": sections,
        "servers": _servers(data.get("servers") or (), places),
        "groups": _groups(data.get("machines") or (), places),
    }


def by_cause(findings: Sequence[Found]) -> list[list[Found]]:
    """Findings of one head, those with one cause together: sentences that differ in names and numbers alone are one."""
    called = labels([{"vault": f["vault"], "name": f["name"]} for f in findings])
    names = {str(f["name"]).lower() for f in findings}
    found: dict[tuple[str, ...], list[Found]] = {}
    for finding, label in zip(findings, called, strict=True):
        shapes = (shape(str(finding[key]), str(finding["name"]), names) for key in ("text", "remedy"))
        key = (str(finding["rule"]), str(finding["accepted"]), *shapes)
        found.setdefault(key, []).append({**finding, "label": label})
    return list(found.values())


def _weight(some: Sequence[Found]) -> tuple[int, str]:
    """What concerns the most machines comes first."""
    return -len({m for f in some for m in (*f["machines"], f["name"])}), str(some[0]["rule"])


def _cause(key: str, head: str, some: Sequence[Found]) -> dict[str, Any]:
    first = some[0]
    own = {str(f["name"]) for f in some}
    served = sorted({str(m) for f in some for m in f["machines"]} - own, key=fold)
    differ = (
        len({str(f["text"]).replace(str(f["name"]), "*") for f in some}) > 1 or len({f["remedy"] for f in some}) > 1
    )
    return {
        "key": key,
        "mark": head,
        "rule": first["rule"],
        "about": first["about"],
        "names": [f["label"] for f in some],
        "text": first["text"],
        "others": [{"name": f["label"], "text": f["text"]} for f in some[1:]] if differ else [],
        "served": served,
        "remedy": first["remedy"],
        "accepted": first["accepted"],
        "moments": [_MOMENTS.get(str(m), str(m)) for m in dict.fromkeys(m for f in some for m in f["moments"])],
        **origin(first),
    }


def origin(finding: Found) -> dict[str, str]:
    """What a rule demands, what it read, and where it comes from."""
    source = str(finding["source"])
    return {
        "title": str(finding["title"]),
        "read": str(finding["read"]),
        "source": source,
        "href": CHECKS if source.startswith("preflight check") else FACTS,
    }


def _concerned(finding: Found) -> Iterable[tuple[str, str, str, str]]:
    vault, rule = str(finding["vault"]), str(finding["rule"])
    yield (vault, str(finding["about"]), str(finding["name"]), rule)
    for name in finding["machines"]:
        yield (vault, "machine", str(name), rule)


def _links(
    entry: Found, about: str, places: Mapping[tuple[str, str, str, str], dict[str, str]]
) -> list[dict[str, str]]:
    """A subject's rules that do not hold, each leading to its cause."""
    where = str(entry.get("vault") or ""), about, str(entry["name"])
    rules = [rule for key in ("blocked_by", "warned_by", "unknown") for rule in entry.get(key) or ()]
    return [places[(*where, rule)] for rule in rules if (*where, rule) in places]


def _servers(
    servers: Sequence[Found], places: Mapping[tuple[str, str, str, str], dict[str, str]]
) -> list[dict[str, Any]]:
    rank = list(WORDS)
    rows = [
        {
            "name": server["name"],
            "about": server["about"],
            "vault": server.get("vault") or "",
            "machines": len(server.get("machines") or ()),
            "mark": server["verdict"],
            "word": WORDS.get(str(server["verdict"]), server["verdict"]),
            "links": _links(server, str(server["about"]), places),
        }
        for server in servers
    ]
    return sorted(rows, key=lambda r: (rank.index(r["mark"]), str(r["about"]), fold(str(r["name"]))))


def _groups(
    machines: Sequence[Found], places: Mapping[tuple[str, str, str, str], dict[str, str]]
) -> list[dict[str, Any]]:
    """Machines by verdict, the gravest first; long lists are folded."""
    called = labels(machines)
    groups: list[dict[str, Any]] = []
    for verdict, word in WORDS.items():
        rows = [
            {
                "name": name,
                "vault": m.get("vault") or "",
                "generation": m.get("generation") or "",
                "position": str(m.get("position") or "").replace("_", " "),
                "moments": [_MOMENTS.get(str(x), str(x)) for x in m.get("moments") or ()],
                "links": _links(m, "machine", places),
            }
            for name, m in zip(called, machines, strict=True)
            if m["verdict"] == verdict
        ]
        if rows:
            rows.sort(key=lambda r: fold(str(r["name"])))
            groups.append({"mark": verdict, "word": word, "rows": rows, "open": len(rows) <= OPEN})
    return groups
