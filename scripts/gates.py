# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every gate and every test, cheap ones first; one calm line for each, the details in ``.build/log``.

``gates.py [--quick | --further] [--list] [NAME ...]``: NAMEs choose single gates. The exit code is 0 when nothing failed.
The make targets set up what the gates need and call this:

* ``make gates`` (``--quick``): what needs neither stand-ins nor long runs.
* ``make test``: that, and every promise on the stand-ins once: tests, Molecule, and a rehearsal of both generations from the tarball.
* ``make test-all`` (``--further``): the same journeys in other environments (``gate_environments``), and the tests that carry the
  marker ``further`` (mostly the second generation of a proof that was made on the first).

Gates that keep one core busy run two at a time; those that share the work between two processes run alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from itertools import chain

import clients
from environments import BUILD, PYTHON, ROOT, Failed
from gate_copies import TREE, WORK, copy_tree, in_copy, own_copy
from gate_environments import (
    CORES,
    INSTALLED,
    ansible_test_integration,
    awx_setup,
    execution_environment,
    execution_environment_build,
    floors,
    foreign_clients,
    installed,
    journey_of,
    rehearsal,
    rulebook,
    runner,
    sanity_of,
    sanity_oldest,
    tarball,
)
from gate_run import HOME, LOG, Gate, GateCommand, run_all, tail


def own(*names: str) -> list[GateCommand]:
    """Our own checks, each a script."""
    return [GateCommand([sys.executable, f"scripts/{name}.py"]) for name in names]


def own_checks() -> Sequence[GateCommand]:
    checks = own("check_imports", "check_roles", "check_action_group", "check_facts", "check_words")
    return [*checks, GateCommand([sys.executable, "scripts/build_returns.py", "--check"])]


def just(*argv: str) -> Callable[[], Sequence[GateCommand]]:
    return lambda: [GateCommand(argv)]


def types() -> Sequence[GateCommand]:
    package = "ansible_collections.homeward.asr.plugins"
    config = str(ROOT / "mypy.ini")
    return [
        GateCommand(["mypy", "--config-file", config, "-p", package], cwd=BUILD / "tree"),
        GateCommand(["mypy", "--config-file", config, "-p", "rehearsal"], cwd=ROOT / "extensions"),
        GateCommand(["mypy", "--config-file", config, "extensions/eda/plugins"], env={"MYPYPATH": str(BUILD / "tree")}),
        GateCommand(
            ["mypy", "--config-file", config, "scripts"],
            env={"MYPYPATH": f"{ROOT / 'extensions'}:{ROOT / 'scripts'}:{BUILD / 'tree'}"},
        ),
    ]


def changelog() -> Sequence[GateCommand]:
    return [
        in_copy("antsibull-changelog", "lint"),
        in_copy("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", "--strict"),
    ]


def docs() -> Sequence[GateCommand]:
    lint = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self")
    names = [p.stem for p in sorted((TREE / "plugins" / "modules").glob("*.py"))]
    if not names:
        raise Failed("there are no modules in plugins/modules")
    return [
        in_copy(*lint, "--check-extra-docs-refs", "."),
        in_copy("ansible-doc", "-t", "inventory", "homeward.asr.replicated_items"),
        in_copy("ansible-doc", "-t", "module", *[f"homeward.asr.{n}" for n in names]),
    ]


def pytest(directory: str, marked: str = "not further") -> Callable[[], Sequence[GateCommand]]:
    """A directory of tests, those with the marker or without it; one without tests fails (pytest's exit code 5)."""
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--durations=25", "-m", marked, f"tests/{directory}"]
    return lambda: [GateCommand(argv)]


def sanity() -> Sequence[GateCommand]:
    if list((TREE / "tests" / "sanity").glob("ignore-*")):
        raise Failed("there is an ignore file under tests/sanity; fix what it hides instead")
    argv = ("ansible-test", "sanity", "--local", "--python", PYTHON, "--color", "no")
    return [in_copy(*argv, root=own_copy("sanity"))]


def ansible_lint() -> Sequence[GateCommand]:
    return [in_copy("ansible-lint", "--profile", "production", "--offline", root=own_copy("ansible-lint"))]


def molecule() -> Sequence[GateCommand]:
    # Those that boot a machine are make test-vm's.
    boot = ("master_target_guest", "master_target_guest_apt", "guest_network")
    return just("molecule", "test", "--all", *(word for name in boot for word in ("-e", name)))()


def vcenter() -> Sequence[GateCommand]:
    source = ROOT / "extensions" / "rehearsal" / "vcenter"
    gofmt = 'files=$(gofmt -l .); test -z "$files" || { echo "not formatted: $files"; exit 1; }'
    return [
        GateCommand(["sh", "-c", gofmt], cwd=source),
        GateCommand(["sh", "-c", gofmt], cwd=clients.SCRIPTS / "go"),
        GateCommand(["go", "vet", "./..."], cwd=source),
        GateCommand(["go", "test", "./..."], cwd=source),
    ]


def build() -> Sequence[GateCommand]:
    shutil.rmtree(WORK / "dist", ignore_errors=True)
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir(parents=True)
    output = str(WORK / "dist")
    # The one dependency is for Windows guests alone, and Galaxy is not asked here.
    galaxy = "ansible-galaxy collection install {0}/homeward-asr-*.tar.gz -p {1} --offline --no-deps --force"
    return [
        in_copy("ansible-galaxy", "collection", "build", "--force", "--output-path", output),
        in_copy("sh", "-c", galaxy.format(output, INSTALLED)),
    ]


def importer() -> Sequence[GateCommand]:
    config = WORK / "galaxy-importer.cfg"
    config.write_text(
        "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nRUN_FLAKE8 = True\nCHECK_REQUIRED_TAGS = False\nINFRA_OSD = False\n",
        encoding="utf-8",
    )
    bin_dir = BUILD / "venv-importer" / "bin"
    path = os.pathsep.join([str(bin_dir), os.environ.get("PATH", "")])
    env = {"GALAXY_IMPORTER_CONFIG": str(config), "PATH": path, "PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": ""}
    return [GateCommand([str(bin_dir / "python"), "-m", "galaxy_importer.main", tarball()], cwd=WORK, env=env)]


def rehearse_mixed() -> Sequence[GateCommand]:
    """Both generations in one run."""
    vars_file = f"@{WORK / 'rehearsal-mixed' / 'vars.yml'}"
    return rehearsal("rehearsal-mixed", "mixed-12", "ansible-playbook", "homeward.asr.rehearse", "-e", vars_file)


GATES = [
    Gate("format", just("ruff", "format", "--check", "."), beside=True),
    Gate("lint", just("ruff", "check", "."), beside=True),
    Gate("yaml", just("yamllint", "--strict", "."), beside=True),
    Gate("build", build, beside=True),
    # The longest first, so that the short ones run beside it.
    Gate("sanity", sanity, beside=True),
    Gate("types", types, beside=True),
    Gate("ansible-lint", ansible_lint, beside=True),
    Gate("own-checks", own_checks, beside=True),
    Gate("changelog", changelog, beside=True),
    Gate("docs", docs, beside=True),
    Gate("unit", pytest("unit")),
    Gate("importer", importer, beside=True),
    Gate("vcenter", vcenter, quick=False, beside=True),
    Gate("contract", pytest("contract"), quick=False),
    Gate("rehearsal", pytest("rehearsal"), quick=False),
    Gate("adapters", pytest("adapters"), quick=False),
    Gate("proofs", pytest("proofs"), quick=False, timeout=1800.0),
    Gate("integration", pytest("integration"), quick=False, timeout=2400.0),
    # The scenarios that boot a machine are `make test-vm`.
    Gate("molecule", molecule, quick=False),
    Gate("rehearse-mixed", rehearse_mixed, quick=False),
    Gate("docs-site", lambda: own("build_docs"), quick=False, further=True),
    Gate("installed", installed, quick=False, further=True),
    *(Gate(f"sanity-core-{version}", sanity_of(version), quick=False, further=True, beside=True) for version in CORES),
    Gate("sanity-3.10", sanity_oldest, quick=False, further=True, beside=True),
    *(
        Gate(f"journey-core-{version}", journey_of(version), quick=False, further=True, beside=True)
        # The journey on the floors is the one on the oldest core.
        for version in list(CORES)[1:]
    ),
    Gate("journey-floors", floors, quick=False, further=True, beside=True),
    Gate("ansible-runner", runner, quick=False, further=True, beside=True),
    Gate("ansible-rulebook", rulebook, quick=False, further=True, beside=True),
    Gate("awx", awx_setup, quick=False, further=True, beside=True),
    Gate("execution-environment", execution_environment, quick=False, further=True, beside=True),
    Gate("execution-environment-build", execution_environment_build, quick=False, further=True, timeout=1800.0),
    Gate("foreign-clients", foreign_clients(clients.python_clients), quick=False, further=True, beside=True),
    Gate("foreign-clients-go", foreign_clients(clients.go_clients), quick=False, further=True, beside=True),
    Gate("foreign-clients-node", foreign_clients(clients.node_clients), quick=False, further=True, beside=True),
    Gate("ansible-test-integration", ansible_test_integration, quick=False, further=True, beside=True),
    Gate("proofs-further", pytest("proofs", "further"), quick=False, further=True),
    Gate("browser", pytest("browser", "further"), quick=False, further=True),
    Gate("integration-further", pytest("integration", "further"), quick=False, further=True),
]


#: Gates that install what `build` makes. It runs before them.
OF_THE_TARBALL = frozenset({"importer", "installed", "execution-environment", "execution-environment-build"})


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the gates and tests of homeward.asr.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="gates to run; all of them when left out")
    parser.add_argument("--quick", action="store_true", help="only gates that need no stand-ins and no long run")
    parser.add_argument("--further", action="store_true", help="only the gates of make test-all")
    parser.add_argument("--list", action="store_true", help="name the gates and end")
    args = parser.parse_args()
    known = [g.name for g in GATES]
    unknown = [n for n in args.names if n not in known]
    if unknown:
        parser.error(f"there is no gate {unknown[0]!r}; the gates are {', '.join(known)}")
    if args.list:
        print("\n".join(known))
        return 0
    chosen = [g for g in GATES if (not args.names or g.name in args.names) and (g.quick or not args.quick)]
    if not args.names:
        chosen = [g for g in chosen if g.further == args.further]
    first = [g for g in GATES if g.name == "build"] if {g.name for g in chosen} & OF_THE_TARBALL else []
    chosen = [g for g in chosen if g not in first]

    LOG.mkdir(parents=True, exist_ok=True)
    HOME.mkdir(parents=True, exist_ok=True)
    copy_tree()
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    started = time.monotonic()
    for gate, outcome, why, seconds in chain(run_all(first), run_all(chosen)):
        counts[outcome] += 1
        line = f"  {gate.name:<26}{outcome:<9}{seconds:7.1f} s"
        print(f"{line}   {why}" if why else line, flush=True)
        if outcome == "FAILED":
            print(tail(LOG / f"{gate.name}.log"), flush=True)
            print(f"    the whole log: {(LOG / f'{gate.name}.log').relative_to(ROOT)}", flush=True)
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['ok']} passed, {counts['FAILED']} failed{skipped} in {minutes} min {seconds} s", flush=True)
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
