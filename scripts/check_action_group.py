# SPDX-License-Identifier: GPL-3.0-or-later
"""The action group ``asr`` of meta/runtime.yml holds every module and nothing else; each module says so in its attributes.

Every module also runs through an action plugin of ours, by its own name or by routing: that is what keeps clear
arguments out of temporary files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    with (ROOT / "meta" / "runtime.yml").open(encoding="utf-8") as stream:
        runtime: dict[str, Any] = yaml.safe_load(stream)
    modules = {p.stem for p in (ROOT / "plugins" / "modules").glob("*.py") if p.stem != "__init__"}
    group = [str(name) for name in runtime.get("action_groups", {}).get("asr", [])]
    actions = {p.stem for p in (ROOT / "plugins" / "action").glob("*.py")}
    routed = runtime.get("plugin_routing", {}).get("modules", {})

    problems = [f"meta/runtime.yml: {m} is missing in the action group asr" for m in sorted(modules - set(group))]
    problems += [
        f"meta/runtime.yml: the action group asr names {m}, which is no module" for m in sorted(set(group) - modules)
    ]
    problems += [
        f"meta/runtime.yml: the action group asr names {m} twice"
        for m in sorted({m for m in group if group.count(m) > 1})
    ]
    for name in sorted(modules):
        text = (ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8")
        if "homeward.asr.attributes" not in text:
            problems.append(f"plugins/modules/{name}.py: the documentation does not extend homeward.asr.attributes")
        if name not in actions and "action_plugin" not in (routed.get(name) or {}):
            problems.append(f"plugins/modules/{name}.py: the module runs through no action plugin")
    if not modules:
        problems.append("plugins/modules: there is nothing to check")
    print("\n".join(problems) if problems else f"action group: {len(modules)} modules, all in it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
