# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrows between the rooms of the house only point down.

    modules -> shell -> azure, vcenter, failback          action, plugin_utils -> shell, failback          filter -> plugin_utils
    failback: machines, deploy -> tracking, readiness, leftovers -> placement, servers, proofs -> wanted -> lifecycle, report -> model
    azure, vcenter -> failback.model, tls
    plugin_utils: running, stages, sources -> output, before_commit, awx -> variables, guest, pages

Beside the arrows: a room of the domain or of ``plugin_utils`` imports itself and rooms of lower floors, a room inside a room only
those of its kind that come before it, and nothing there goes in a circle;
``azure`` is imported in one room, ``pyVmomi`` in one room, ``AnsibleModule`` in one room; the domain (``failback``) uses the
standard library only; the rehearsal and the plugins share no code; an event source imports ``plugin_utils`` only; only one file sleeps.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = "ansible_collections.homeward.asr"

#: The rooms of the domain and the floor each is on.
FLOORS = {
    "model": 1,
    "lifecycle": 2,
    "report": 2,
    "wanted": 3,
    "placement": 4,
    "servers": 4,
    "proofs": 4,
    "leftovers": 5,
    "tracking": 5,
    "readiness": 5,
    "deploy": 6,
    "machines": 6,
}
#: The rooms and files inside a room that have floors of their own; the room's other files are above them.
INNER = {
    "readiness": {"facts": 1, "rules": 2},
    "guest": {"sections": 1, "network": 2, "master_target": 2},
}
#: The rooms of plugin_utils and the floor each is on.
PLUGIN_FLOORS = {
    "variables": 1,
    "guest": 1,
    "pages": 1,
    "awx": 2,
    "before_commit": 2,
    "output": 2,
    "running": 3,
    "sources": 3,
    "stages": 3,
}
#: The parts of the house that have floors: where they are, and their rooms.
HOUSES = {
    "failback": ("plugins/module_utils/failback", FLOORS),
    "plugin_utils": ("plugins/plugin_utils", PLUGIN_FLOORS),
}
#: What of the domain the adapters know.
ADAPTERS_MAY = "model"

#: room -> rooms of module_utils it may import.
ROOMS = {
    "modules": {"shell", "failback"},
    "action": {"failback", "plugin_utils", "shell"},
    "plugin_utils": {"failback", "plugin_utils", "shell"},
    "inventory": {"plugin_utils"},
    "filter": {"plugin_utils"},
    "doc_fragments": set(),
    "shell": {"shell", "failback", "azure", "vcenter"},
    "azure": {"azure", "failback", "tls"},
    "vcenter": {"vcenter", "failback", "tls"},
    "failback": {"failback"},
    "tls": set(),
}
#: Third-party packages and the rooms that may import them.
PACKAGES = {
    "azure": {"azure"},
    "msal": {"azure"},
    "requests": {"azure"},
    "urllib3": {"azure"},
    "pyVmomi": {"vcenter"},
    "pyVim": {"vcenter"},
    "vmware": {"vcenter"},
    "vim": {"vcenter"},
    "jinja2": {"plugin_utils"},
    "markupsafe": {"plugin_utils"},
    "ansible": {"modules", "action", "plugin_utils", "inventory", "shell"},
}


@dataclass(frozen=True)
class Import:
    """One imported module by its full name, with the names taken from it."""

    file: Path
    line: int
    module: str
    names: tuple[str, ...]


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a file, inside functions too, relative ones resolved."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    package = [COLLECTION, *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            names = tuple(a.name for a in node.names)
            if node.level:
                base = package[: len(package) - node.level + 1]
                yield Import(path, node.lineno, ".".join([*base, *([node.module] if node.module else [])]), names)
            else:
                yield Import(path, node.lineno, node.module or "", names)


def room_of(path: Path) -> str:
    """The room a file under plugins/ is in."""
    parts = path.relative_to(ROOT / "plugins").parts
    return parts[1] if parts[0] == "module_utils" and len(parts) > 2 else parts[0]


def targets(found: Import) -> Iterator[tuple[str, str]]:
    """(room, file) of each of our own files an import leads to; the file is empty for the room itself."""
    if not found.module.startswith(f"{COLLECTION}.plugins"):
        return
    rest = found.module.removeprefix(f"{COLLECTION}.plugins").strip(".").split(".")
    if rest[0] == "module_utils":
        rest = rest[1:]
    if not rest or rest == [""]:
        yield from ((name, "") for name in found.names)
    elif len(rest) == 1:
        yield from ((rest[0], name) for name in found.names)
    else:
        yield rest[0], rest[1]


def points_down(house: str, mine: str, other: str) -> bool:
    """Whether house.mine may import house.other."""
    floors = HOUSES[house][1]
    return mine == other or (mine in floors and floors[other] < floors[mine])


def home_of(path: Path, house: str) -> tuple[str, str]:
    """The room of a house that a file is in, and the room inside it, if any."""
    room, inner, *_file = [*path.relative_to(ROOT / HOUSES[house][0]).parts[:-1], "", ""]
    return room, path.stem if path.stem in INNER.get(room, {}) else inner


def inner_points_down(room: str, mine: str, other: str) -> bool:
    """Whether room.mine may import room.other; empty for the room's own files."""
    floors = INNER.get(room, {})
    return mine in ("", other) or floors.get(other, len(floors) + 1) < floors.get(mine, 0)


def check_import(found: Import, room: str) -> Iterator[str]:
    top = found.module.split(".", 1)[0]
    if top == "rehearsal":
        yield "plugins never import the rehearsal"
    if top in PACKAGES and room not in PACKAGES[top]:
        yield f"{top} is imported only in {', '.join(sorted(PACKAGES[top]))}"
    if (found.module.startswith("ansible.module_utils.basic") or "AnsibleModule" in found.names) and room != "shell":
        yield "AnsibleModule is known only to module_utils/shell"
    if room == "failback" and top not in sys.stdlib_module_names and top != "ansible_collections":
        yield f"the domain uses the standard library only, not {top}"
    for other, file in targets(found):
        if other not in ROOMS.get(room, set()):
            yield f"{room} does not import {other}"
        elif other in HOUSES and file not in HOUSES[other][1]:
            yield f"{other} has no room {file or 'of that name'}: it has {', '.join(HOUSES[other][1])}"
        elif other == "failback" and room in {"azure", "vcenter"} and file != ADAPTERS_MAY:
            yield f"adapters know failback.{ADAPTERS_MAY} only, not failback.{file}"
        elif other in HOUSES and other == room:
            mine, inner = home_of(found.file, room)
            if not points_down(room, mine, file):
                yield f"{room}.{mine} does not import {room}.{file}: arrows point down"
            for target in inside(found, room) if mine == file else ():
                theirs = target.split(".")[1]
                theirs = theirs if theirs in INNER.get(mine, {}) else ""
                if not inner_points_down(mine, inner, theirs):
                    yield f"{room}.{mine}.{inner} does not import {target}: arrows point down"


def inside(found: Import, house: str) -> Iterator[str]:
    """The files of a house that an import leads to, as room.file or room.inner.file."""
    base = f"{COLLECTION}.{HOUSES[house][0].replace('/', '.')}"
    if not found.module.startswith(f"{base}."):
        return
    rest = found.module.removeprefix(f"{base}.").split(".")
    deeper = [*rest[:2], ""][1] if (ROOT / HOUSES[house][0] / "/".join(rest[:2])).is_dir() else ""
    if len(rest) == 1 or (len(rest) == 2 and deeper):
        yield from (".".join([*rest, name]) for name in found.names)
    else:
        yield ".".join(rest[:3] if deeper else rest[:2])


def circles(edges: dict[str, set[str]]) -> Iterator[str]:
    """Import circles inside a house, each once."""
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> Iterator[str]:
        if name in trail:
            yield " -> ".join([*trail[trail.index(name) :], name])
            return
        if name in done:
            return
        for other in sorted(edges.get(name, ())):
            yield from walk(other, (*trail, name))
        done.add(name)

    for name in sorted(edges):
        yield from walk(name, ())


def sleeps(path: Path) -> bool:
    """Whether a file calls or hands out time.sleep."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "sleep" and getattr(node.value, "id", "") == "time":
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "time" and any(a.name == "sleep" for a in node.names):
            return True
    return False


def main() -> int:
    problems: list[str] = []
    plugins = sorted((ROOT / "plugins").rglob("*.py"))
    edges: dict[str, dict[str, set[str]]] = {house: {} for house in HOUSES}
    for path in plugins:
        room = room_of(path)
        for found in imports_of(path):
            where = f"{path.relative_to(ROOT)}:{found.line}"
            problems += [f"{where}: {said} ({found.module})" for said in check_import(found, room)]
            if room in HOUSES:
                name = ".".join(path.relative_to(ROOT / HOUSES[room][0]).with_suffix("").parts)
                edges[room].setdefault(name, set()).update(inside(found, room))
    for house, (folder, floors) in HOUSES.items():
        problems += [f"{folder}: imports go in a circle: {c}" for c in circles(edges[house])]
        loose = [path.name for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
        rooms = [path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists()]
        problems += [f"{folder}/{name}: it is in no room; the rooms are {', '.join(floors)}" for name in loose]
        problems += [
            f"{folder}/{name}: its floor is not in scripts/check_imports.py" for name in rooms if name not in floors
        ]
    sleepers = [str(p.relative_to(ROOT)) for p in plugins if sleeps(p)]
    if len(sleepers) > 1:
        problems.append(f"only one file may know time.sleep (the clock), not {', '.join(sleepers)}")
    for path in sorted((ROOT / "extensions" / "eda").rglob("*.py")):
        for found in imports_of(path):
            entered = {other for other, _file in targets(found)}
            if found.module.startswith(COLLECTION) and entered - {"plugin_utils"}:
                where = f"{path.relative_to(ROOT)}:{found.line}"
                problems.append(f"{where}: an event source imports plugin_utils only ({found.module})")
    for path in sorted((ROOT / "extensions" / "rehearsal").rglob("*.py")):
        for found in imports_of(path):
            if found.module.startswith("ansible_collections") and not found.module.startswith(
                f"{COLLECTION}.extensions"
            ):
                where = f"{path.relative_to(ROOT)}:{found.line}"
                problems.append(f"{where}: the rehearsal never imports plugins ({found.module})")
    if len(plugins) < 2:
        problems.append("plugins: there is nothing to check")
    print("\n".join(problems) if problems else f"imports: {len(plugins)} files, every arrow points down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
