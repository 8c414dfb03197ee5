# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles and playbooks say the same thing everywhere.

Each role's ``defaults/main.yml`` and ``meta/argument_specs.yml`` agree in names and values, every option is typed and
described and named in the role's README, every entry point says since when it is there, and every ``asr_*`` variable the playbooks read is explained in
``docs/variables.md`` (which explains no other).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
#: What a chain publishes for the next job of a workflow: no variable that users set.
PUBLISHED = {"asr_result"}
#: A variable, not a module by its full name.
VARIABLE = re.compile(r"(?<!homeward\.asr\.)\basr_[a-z0-9_]+\b")


def load(path: Path) -> Any:
    with path.open(encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def check_role(role: Path) -> list[str]:
    name = role.name
    missing = [
        f
        for f in ("README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml")
        if not (role / f).is_file()
    ]
    if missing:
        return [f"roles/{name}: {', '.join(missing)} is missing"]
    defaults: dict[str, Any] = load(role / "defaults/main.yml") or {}
    entries: dict[str, dict[str, Any]] = load(role / "meta/argument_specs.yml")["argument_specs"]
    options: dict[str, dict[str, Any]] = {}
    readme = (role / "README.md").read_text(encoding="utf-8")
    problems = []
    problems += [f"the entry point {e} has no version_added" for e, s in entries.items() if not s.get("version_added")]
    for entry in entries.values():
        for option, spec in entry["options"].items():
            if options.setdefault(option, spec) != spec:
                problems.append(f"{option} says different things in the entry points of argument_specs.yml")
    for option, spec in options.items():
        if spec.get("required"):
            if option in defaults:
                problems.append(f"{option} is required, so it cannot have a default")
        elif option not in defaults:
            problems.append(f"{option} is in argument_specs.yml and has no default in defaults/main.yml")
        elif spec.get("default") != defaults[option]:
            problems.append(
                f"{option} is {defaults[option]!r} in defaults/main.yml, {spec.get('default')!r} in argument_specs.yml"
            )
        problems += [
            f"{option} has no {key} in argument_specs.yml" for key in ("type", "description") if not spec.get(key)
        ]
        if spec.get("type") == "list" and not spec.get("elements"):
            problems.append(f"{option} has no elements in argument_specs.yml")
        if f"`{option}`" not in readme:
            problems.append(f"{option} is not explained in README.md")
        if not option.startswith(f"{name}_"):
            problems.append(f"{option} does not begin with {name}_")
    problems += [f"{d} is in defaults/main.yml and not in argument_specs.yml" for d in defaults if d not in options]
    return [f"roles/{name}: {p}" for p in problems]


def check_variables() -> list[str]:
    document = ROOT / "docs" / "variables.md"
    explained = set(re.findall(r"^\| `(asr_[a-z0-9_]+)` \|", document.read_text(encoding="utf-8"), re.MULTILINE))
    used: set[str] = set()
    for path in sorted((ROOT / "playbooks").rglob("*.yml")):
        text = "\n".join(
            line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
        )
        used |= set(VARIABLE.findall(text))
    problems = [
        f"docs/variables.md does not explain {v}, which the playbooks read"
        for v in sorted(used - explained - PUBLISHED)
    ]
    problems += [f"docs/variables.md explains {v}, which no playbook reads" for v in sorted(explained - used)]
    return problems


def main() -> int:
    roles = sorted(p for p in (ROOT / "roles").iterdir() if p.is_dir())
    problems = [p for role in roles for p in check_role(role)] + check_variables()
    if not roles:
        problems.append("roles: there is nothing to check")
    print(
        "\n".join(problems)
        if problems
        else f"roles: {len(roles)} agree with their specs, their READMEs and docs/variables.md"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
