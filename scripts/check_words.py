# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that do not belong in the product, and licence lines that do.

No notes to oneself, no paths of a machine it was written on, no hosts of package registries (pip, Go and Galaxy read
their own configuration). Calques that were removed stay out. Every source file states its licence in its first
lines; modules and action plugins also carry the line that Ansible requires.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
GPL = "GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)"
SOURCES = {".py", ".go", ".sh"}
FIRST_LINES = 6

REGISTRIES = [
    ("pypi", "org"),
    ("".join(("python", "hosted")), "org"),
    ("proxy", "golang", "org"),
    ("sum", "golang", "org"),
    ("galaxy", "ansible", "com"),
    ("quay", "io"),
]

FORBIDDEN = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "a note to oneself"),
    (re.compile(r"(?<![\w./])/(root|work|home/\w+)/"), "a path of one machine"),
    (
        # Put together here, so that this file names none either.
        re.compile(r"\b(" + "|".join(re.escape(".".join(labels)) for labels in REGISTRIES) + r")\b"),
        "a registry's host",
    ),
    (re.compile(r"\b[Ii]ssue\s+#?\d+\b|(?<![\w&#])#\d+\b(?!;)"), "an issue's number"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
]
#: Calques and coined words that readers stumble over, with the field's term. Tests may use them; users do not read those.
PLAIN = {
    r"anew": "again, or recreated",
    r"(the )?way home|(its|their) way home": "failback, or being failed back",
    r"mends?|mended|mending": "fix",
    r"by itself|by themselves": "on its own, individually, or automatically",
    r"once more": "again",
    r"speaks? against|stands? against": "blocks, or prevents",
    r"for your word|person's word|people's word": "approval",
    r"hands on|handed on": "passes on",
    r"takes? back|taken back": "cancels",
    r"taken for the truth": "trusted",
    r"where everybody stands|where (it|everything|every machine|a machine) stands": "the state of",
    r"whose fate": "with an unknown outcome",
    r"legs?": "step, or direction",
    r"nobody (chose|knows)|everybody": "all machines, or the passive",
    r"can be had|be had": "is available",
    r"half-way home": "in the middle of a failback",
    r"(is|are) hollow": "omits details",
}
CALQUES = [(re.compile(rf"(?i)(?<![-\w])({pattern})(?![-\w])"), better) for pattern, better in PLAIN.items()]
#: Where plain English is required: everything that is shipped or read on the project's page.
READ = (
    "plugins/",
    "roles/",
    "playbooks/",
    "docs/",
    "extensions/",
    "scripts/",
    "molecule/",
    "meta/",
    ".github/",
    "tests/",
)

#: This file names what it looks for; the licence and the lock file of Go are not ours to word.
EXEMPT = {"scripts/check_words.py", "LICENSE", "extensions/rehearsal/vcenter/go.sum"}


def files() -> list[str]:
    """Files git knows or would know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return sorted({os.fsdecode(n) for n in listed.stdout.split(b"\0") if n})


def check(name: str) -> list[str]:
    path = ROOT / name
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return [f"{name}: a binary file does not belong in the collection"]
    problems = []
    if name not in EXEMPT:
        for number, line in enumerate(lines, 1):
            problems += [
                f"{name}:{number}: {what}: {m.group(0)}" for pattern, what in FORBIDDEN if (m := pattern.search(line))
            ]
    if name not in EXEMPT and (name.startswith(READ) or ("/" not in name and name != "CHANGELOG.rst")):
        for number, line in enumerate(lines, 1):
            problems += [
                f"{name}:{number}: write {better} instead of: {m.group(0)}"
                for pattern, better in CALQUES
                if (m := pattern.search(line))
            ]
    head = "\n".join(lines[:FIRST_LINES])
    if path.suffix in SOURCES and lines and LICENCE not in head:
        problems.append(f"{name}: the first lines lack '{LICENCE}'")
    if name.startswith(("plugins/modules/", "plugins/action/")) and path.suffix == ".py" and lines and GPL not in head:
        problems.append(f"{name}: the first lines lack '{GPL}'")
    return problems


def main() -> int:
    names = [n for n in files() if (ROOT / n).is_file()]
    problems = [p for name in names for p in check(name)]
    if not names:
        problems.append("found no files to check")
    print("\n".join(problems) if problems else f"words: {len(names)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
