# SPDX-License-Identifier: GPL-3.0-or-later
"""Every section of ``docs/facts`` that a comment cites is there, and no comment cites a document that is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "docs" / "facts"

#: A fact sheet, and the sections named after it: "asr-api.md sections 1 and 3", "failback-domain.md 2.1".
CITED = re.compile(r"\b([a-z][a-z-]+)\.md(?:\s+#*\s*)?((?:,?\s*(?:and|to|sections?)?\s*\d+(?:\.\d+)?)*)")
HEADING = re.compile(r"^#+ (\d+(?:\.\d+)?)\b", re.MULTILINE)
SOURCES = ("plugins", "extensions", "scripts", "tests", "roles", "playbooks")
#: Documents of a plan or of another place, which no reader can open.
FOREIGN = re.compile(r"\b(DESIGN(?:\.md)? section|molecule-real-vm|quality-gates|exemplars|peers\.md)\b")


def problems_of(name: str, text: str, sheets: dict[str, set[str]]) -> list[str]:
    """What is wrong with the citations of one file."""
    found = []
    for match in CITED.finditer(text):
        sheet, numbers = match.groups()
        if sheet in sheets:
            line = text.count("\n", 0, match.start()) + 1
            found += [
                f"{name}:{line}: {sheet}.md has no section {number}"
                for number in re.findall(r"\d+(?:\.\d+)?", numbers)
                if number not in sheets[sheet]
            ]
    for match in FOREIGN.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(f"{name}:{line}: cites {match.group(0)!r}, which a reader cannot open")
    return found


def main() -> int:
    sheets = {p.stem: set(HEADING.findall(p.read_text(encoding="utf-8"))) for p in FACTS.glob("*.md")}
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *SOURCES]
    listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = sorted(n for n in listed.split("\0") if n.endswith((".py", ".go", ".yml", ".md", ".sh")))
    problems: list[str] = []
    for name in names:
        path = ROOT / name
        if path.is_file() and path.resolve() != Path(__file__).resolve():
            problems += problems_of(name, path.read_text(encoding="utf-8"), sheets)
    for problem in problems:
        print(problem)
    print(f"facts: {len(sheets)} sheets, {len(names)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
