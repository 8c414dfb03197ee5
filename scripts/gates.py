# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every gate and every test, cheap ones first; one calm line for each, the details in ``.build/log``.

``gates.py [--quick | --further] [--list] [NAME ...]``: NAMEs choose single gates. The exit code is 0 when nothing failed.
The make targets set up what the gates need and call this:

* ``make gates`` (``--quick``): what needs neither stand-ins nor long runs.
* ``make test``: that, and every promise on the stand-ins once: tests, Molecule, and a rehearsal of both generations from the tarball.
* ``make test-all`` (``--further``): the same journeys in other environments. Every ansible-core and the oldest
  packages, the installed tarball alone, ansible-runner, ansible-test integration, other people's clients against the
  stand-ins, and the tests that carry the
  marker ``further`` (mostly the second generation of a proof that was made on the first).

Gates that keep one core busy run two at a time; those that share the work between two processes run alone.

Tools that want a collection at ``.../ansible_collections/homeward/asr`` with nothing else around it get a copy of the
files that git knows (or would know) under ``.build/gates``, as a separate repository.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import clients
from environments import BUILD, PYTHON, ROOT, Failed, Skipped, environment_with, real_python
from seed_ansible_test import seed

VENV = BUILD / "venv"
LOG = BUILD / "log"
WORK = BUILD / "gates"
TREE = WORK / "ansible_collections" / "homeward" / "asr"
INSTALLED = WORK / "installed"
HOME = BUILD / "home"
TAIL_LINES = 40
#: Gates with ``beside`` that run at the same time.
PLACES = 2
#: Commands that run now, to be ended when the whole run is interrupted.
RUNNING: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Step:
    """One command: where it runs and what it finds set beside the common environment."""

    argv: Sequence[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """A named list of steps, made when its turn comes. ``timeout`` (seconds) is for the whole gate."""

    name: str
    steps: Callable[[], Sequence[Step]]
    quick: bool = True
    timeout: float = 1200.0
    further: bool = False
    #: One process at a time, in its own directory: another gate may run in parallel.
    beside: bool = False


def environment() -> dict[str, str]:
    """What every gate finds set: our tools first in PATH, the checkout importable, a separate home directory."""
    env = dict(os.environ)
    env.update(
        PATH=os.pathsep.join([str(VENV / "bin"), str(BUILD / "go-venv" / "bin"), env.get("PATH", os.defpath)]),
        HOME=str(HOME),
        PYTHONPATH=os.pathsep.join([str(BUILD / "tree"), str(ROOT / "extensions")]),
        PYTHONDONTWRITEBYTECODE="1",
        ANSIBLE_COLLECTIONS_PATH=str(BUILD / "tree"),
        ANSIBLE_NOCOLOR="1",
        NO_COLOR="1",
        MOLECULE_GLOB="molecule/*/molecule.yml",
    )
    # Colour asked for by a caller would make the logs unreadable; ansible-test refuses PYTHONPATH entries it may not see.
    for name in ("FORCE_COLOR", "ANSIBLE_FORCE_COLOR", "PY_COLORS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        env.pop(name, None)
    return env


def in_copy(*argv: str, root: Path = WORK, **env: str) -> Step:
    """A step in a clean copy of the collection, below ``root``."""
    where = root / TREE.relative_to(WORK)
    return Step(argv, cwd=where, env={"ANSIBLE_COLLECTIONS_PATH": str(root), "PYTHONPATH": "", **env})


def own_copy(name: str) -> Path:
    """The root of a copy for one gate alone, whose tool writes into the collection it looks at."""
    root = WORK / "copies" / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(TREE, root / TREE.relative_to(WORK), symlinks=True)
    return root


def own(*names: str) -> list[Step]:
    """Our own checks, each a script."""
    return [Step([sys.executable, f"scripts/{name}.py"]) for name in names]


def own_checks() -> Sequence[Step]:
    checks = own("check_imports", "check_roles", "check_action_group", "check_facts", "check_words")
    return [*checks, Step([sys.executable, "scripts/build_returns.py", "--check"])]


def just(*argv: str) -> Callable[[], Sequence[Step]]:
    return lambda: [Step(argv)]


def copy_tree() -> None:
    """Copy what git knows, or would know, to where the ecosystem's tools expect a collection."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = sorted({os.fsdecode(n) for n in listed.stdout.split(b"\0") if n})
    if TREE.exists():
        shutil.rmtree(TREE)
    for name in names:
        source, target = ROOT / name, TREE / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # Tools ask git for the files; without a separate repository the copy would be an ignored folder of the checkout's.
    subprocess.run(["git", "init", "--quiet", "."], cwd=TREE, check=True)
    subprocess.run(["git", "add", "--all"], cwd=TREE, check=True)


def types() -> Sequence[Step]:
    package = "ansible_collections.homeward.asr.plugins"
    config = str(ROOT / "mypy.ini")
    return [
        Step(["mypy", "--config-file", config, "-p", package], cwd=BUILD / "tree"),
        Step(["mypy", "--config-file", config, "-p", "rehearsal"], cwd=ROOT / "extensions"),
        Step(["mypy", "--config-file", config, "extensions/eda/plugins"], env={"MYPYPATH": str(BUILD / "tree")}),
        Step(
            ["mypy", "--config-file", config, "scripts"],
            env={"MYPYPATH": f"{ROOT / 'extensions'}:{ROOT / 'scripts'}:{BUILD / 'tree'}"},
        ),
    ]


def changelog() -> Sequence[Step]:
    return [
        in_copy("antsibull-changelog", "lint"),
        in_copy("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", "--strict"),
    ]


def docs() -> Sequence[Step]:
    lint = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self")
    names = [p.stem for p in sorted((TREE / "plugins" / "modules").glob("*.py"))]
    if not names:
        raise Failed("there are no modules in plugins/modules")
    return [
        in_copy(*lint, "--check-extra-docs-refs", "."),
        in_copy("ansible-doc", "-t", "inventory", "homeward.asr.replicated_items"),
        in_copy("ansible-doc", "-t", "module", *[f"homeward.asr.{n}" for n in names]),
    ]


def pytest(directory: str, marked: str = "not further") -> Callable[[], Sequence[Step]]:
    """A directory of tests, those with the marker or without it; one without tests fails (pytest's exit code 5)."""
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--durations=25", "-m", marked, f"tests/{directory}"]
    return lambda: [Step(argv)]


def sanity() -> Sequence[Step]:
    if list((TREE / "tests" / "sanity").glob("ignore-*")):
        raise Failed("there is an ignore file under tests/sanity; fix what it hides instead")
    argv = ("ansible-test", "sanity", "--local", "--python", PYTHON, "--color", "no")
    return [in_copy(*argv, root=own_copy("sanity"))]


#: Every ansible-core that is promised beside the one of the test tools, with the Python it is tried on.
CORES = {"2.16": "3.11", "2.17": "3.11", "2.18": "3.11", "2.20": "3.12", "2.21": "3.12"}


def core(version: str) -> Path:
    """The programs of one ansible-core, with what the collection needs beside it."""
    return environment_with(f"core-{version}", CORES[version], f"ansible-core=={version}.*", "-r", "requirements.txt")


#: What the sanity tests of the other cores look at.
SHIPPED = ("plugins/", "roles/", "playbooks/", "extensions/", "meta/", "galaxy.yml", "changelogs/")


def sanity_of(version: str) -> Callable[[], Sequence[Step]]:
    """All sanity tests as one ansible-core has them."""

    def steps() -> Sequence[Step]:
        places = [str(core(version)), str(real_python(CORES[version])), os.environ.get("PATH", "")]
        # What runs on the users' machines; the tests and scripts around it run on the core of the test tools alone.
        argv = ("ansible-test", "sanity", "--local", "--python", CORES[version], "--color", "no", *SHIPPED)
        # Its environments are its own: two of them may be made at the same time.
        home = BUILD / f"home-core-{version}"
        if not (home / ".ansible" / "test").is_dir():
            seed(home)
        return [in_copy(*argv, root=own_copy(f"sanity-{version}"), PATH=os.pathsep.join(places), HOME=str(home))]

    return steps


def journey_of(version: str) -> Callable[[], Sequence[Step]]:
    """A short journey, out to Azure and home again, on one ansible-core."""
    return lambda: journey(f"core-{version}", core(version))


def floors() -> Sequence[Step]:
    """The oldest packages that requirements.txt allows, together, on the oldest Python and ansible-core."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line.split(",")[0].replace(">=", "==") + ".*" for line in lines if line and not line.startswith("#")]
    if not packages or not all("==" in package for package in packages):
        raise Failed("requirements.txt does not name a floor for every package")
    # Old pyvmomi is a source package whose setup.py imports six.
    builders = ("setuptools", "wheel", "six")
    return journey("floors", environment_with("floors", "3.10", "ansible-core==2.16.*", *packages, builders=builders))


def journey(name: str, bin_dir: Path) -> Sequence[Step]:
    """The playbook rehearse with two machines and the programs of one environment."""
    vars_file = f"@{WORK / f'journey-{name}' / 'vars.yml'}"
    command = ("ansible-playbook", "homeward.asr.rehearse", "-e", vars_file)
    return rehearsal(f"journey-{name}", "classic-2", *command, bin_dir=bin_dir)


def sanity_oldest() -> Sequence[Step]:
    """The oldest Python that modules run on: does everything compile and import there?"""
    path = os.pathsep.join([str(VENV / "bin"), str(real_python("3.10")), os.environ.get("PATH", "")])
    tests = ("--test", "compile", "--test", "import")
    argv = ("ansible-test", "sanity", "--venv", "--python", "3.10", "--color", "no", *tests)
    return [in_copy(*argv, root=own_copy("sanity-3.10"), PATH=path)]


def ansible_lint() -> Sequence[Step]:
    return [in_copy("ansible-lint", "--profile", "production", "--offline", root=own_copy("ansible-lint"))]


def molecule() -> Sequence[Step]:
    return just("molecule", "test", "--all", "-e", "master_target_guest", "-e", "master_target_guest_apt")()


def vcenter() -> Sequence[Step]:
    source = ROOT / "extensions" / "rehearsal" / "vcenter"
    gofmt = 'files=$(gofmt -l .); test -z "$files" || { echo "not formatted: $files"; exit 1; }'
    return [
        Step(["sh", "-c", gofmt], cwd=source),
        Step(["go", "vet", "./..."], cwd=source),
        Step(["go", "test", "./..."], cwd=source),
    ]


def tarball() -> str:
    made = sorted((WORK / "dist").glob("homeward-asr-*.tar.gz"))
    if len(made) != 1:
        raise Failed(f"expected one tarball in {WORK / 'dist'}, found {len(made)}; the gate `build` makes it")
    return str(made[0])


def build() -> Sequence[Step]:
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


def importer() -> Sequence[Step]:
    config = WORK / "galaxy-importer.cfg"
    config.write_text(
        "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nRUN_FLAKE8 = True\nCHECK_REQUIRED_TAGS = False\nINFRA_OSD = False\n",
        encoding="utf-8",
    )
    bin_dir = BUILD / "venv-importer" / "bin"
    path = os.pathsep.join([str(bin_dir), os.environ.get("PATH", "")])
    env = {"GALAXY_IMPORTER_CONFIG": str(config), "PATH": path, "PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": ""}
    return [Step([str(bin_dir / "python"), "-m", "galaxy_importer.main", tarball()], cwd=WORK, env=env)]


def rehearsal(name: str, fleet: str, *command: str, bin_dir: Path | None = None) -> Sequence[Step]:
    """A command against separate stand-ins, with the collection as it was built and installed."""
    if not (INSTALLED / "ansible_collections" / "homeward" / "asr" / "MANIFEST.json").is_file():
        raise Failed("the collection is not installed under .build/gates/installed; the gate `build` does it")
    up = f"--collections-path {INSTALLED}"
    env = {"PYTHONPATH": ""}
    if bin_dir:
        env["ANSIBLE_BIN"] = str(bin_dir)
    return [Step(["scripts/with_rehearsal.sh", fleet, str(WORK / name), up, *command], env=env)]


def installed() -> Sequence[Step]:
    """The tarball as a user has it: installed offline, with nothing of the checkout but the Python packages.

    Its own stand-ins are built and started, and its playbooks run against them.
    """
    root = WORK / "alone"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    at = root / "ansible_collections" / "homeward" / "asr"
    env = {"PYTHONPATH": "", "ANSIBLE_COLLECTIONS_PATH": str(root)}
    # The one dependency is for Windows guests alone, and Galaxy is not asked here.
    galaxy = ["ansible-galaxy", "collection", "install", tarball(), "-p", str(root), "--offline", "--no-deps"]
    return [
        Step(galaxy, cwd=root, env=env),
        Step([str(ROOT / "scripts" / "rehearse_installed.sh"), str(at), str(root / "rehearsal")], cwd=root, env=env),
    ]


def rehearse_mixed() -> Sequence[Step]:
    """Both generations in one run."""
    vars_file = f"@{WORK / 'rehearsal-mixed' / 'vars.yml'}"
    return rehearsal("rehearsal-mixed", "mixed-12", "ansible-playbook", "homeward.asr.rehearse", "-e", vars_file)


def runner() -> Sequence[Step]:
    """ansible-runner, which AWX is built on, with a project that only imports our playbook."""
    private = WORK / "runner-data"
    shutil.rmtree(private, ignore_errors=True)
    (private / "project").mkdir(parents=True)
    play = "---\n- name: Rehearse\n  ansible.builtin.import_playbook: homeward.asr.rehearse\n"
    (private / "project" / "site.yml").write_text(play, encoding="utf-8")
    options = f"-e @{WORK / 'runner' / 'vars.yml'}"
    return rehearsal(
        "runner", "classic-2", "ansible-runner", "run", str(private), "-p", "site.yml", "--cmdline", options
    )


#: The oldest Java that ansible-rulebook runs on.
JAVA_NEEDED = 17
RULEBOOK = ("ansible-rulebook==1.3.2", "ansible-core==2.19.14", "-r", "requirements.txt")


def rulebook() -> Sequence[Step]:
    """The example rulebook in a real ansible-rulebook."""
    java = shutil.which("java")
    if java is None:
        raise Skipped("there is no Java on this machine, which ansible-rulebook needs")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    number = re.search(r'version "(\d+)', said)
    if number is None or int(number[1]) < JAVA_NEEDED:
        raise Skipped(f"ansible-rulebook needs Java {JAVA_NEEDED}, and this machine has {said.splitlines()[:1]}")
    bin_dir = environment_with("rulebook", PYTHON, *RULEBOOK)
    return [
        Step(
            [sys.executable, "-m", "pytest", "-q", "-m", "further", "tests/rulebook"],
            env={"RULEBOOK_BIN": str(bin_dir)},
        )
    ]


BUILDER = ("ansible-builder==3.2.0",)


def execution_environment() -> Sequence[Step]:
    """ansible-builder makes the context of an execution environment with the tarball, and has found what the collection needs."""
    bin_dir = environment_with("builder", PYTHON, *BUILDER)
    where = WORK / "execution-environment"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return [
        Step([sys.executable, "scripts/execution_environment.py", tarball(), str(where), str(bin_dir)]),
    ]


def execution_environment_build() -> Sequence[Step]:
    """The image itself, where podman can build it."""
    podman = shutil.which("podman")
    if podman is None:
        raise Skipped("there is no podman on this machine")
    if subprocess.run([podman, "info"], capture_output=True, check=False).returncode:
        raise Skipped("podman does not run here")
    bin_dir = environment_with("builder", PYTHON, *BUILDER)
    where = WORK / "execution-environment-image"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    return [
        Step([sys.executable, "scripts/execution_environment.py", tarball(), str(where), str(bin_dir), "--build"]),
    ]


def foreign_clients(installed_clients: Callable[[], Sequence[clients.Client]]) -> Callable[[], Sequence[Step]]:
    """Other people's clients, each with its own stand-ins of both generations."""

    def steps() -> Sequence[Step]:
        made: list[Step] = []
        for client in installed_clients():
            env = {"PYTHONPATH": "", "ANSIBLE_BIN": str(client.bin_dir), **client.env}
            up = ("mixed-12", str(WORK / f"client-{client.name}"), "--speed 3600 --page-size 3")
            made.append(Step(["scripts/with_rehearsal.sh", *up, *client.command], env=env))
        return made

    return steps


def ansible_test_integration() -> Sequence[Step]:
    """The targets under tests/integration/targets, as ansible-test finds and runs them."""
    root = own_copy("ansible-test-integration")
    built = root / TREE.relative_to(WORK) / ".build" / "bin" / "vcenter-standin"
    built.parent.mkdir(parents=True)
    shutil.copy2(BUILD / "bin" / "vcenter-standin", built)
    return [in_copy("ansible-test", "integration", "--color", "no", root=root)]


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
    Gate("execution-environment", execution_environment, quick=False, further=True, beside=True),
    Gate("execution-environment-build", execution_environment_build, quick=False, further=True, timeout=1800.0),
    Gate("foreign-clients", foreign_clients(clients.python_clients), quick=False, further=True, beside=True),
    Gate("foreign-clients-node", foreign_clients(clients.node_clients), quick=False, further=True, beside=True),
    Gate("ansible-test-integration", ansible_test_integration, quick=False, further=True, beside=True),
    Gate("proofs-further", pytest("proofs", "further"), quick=False, further=True),
    Gate("browser", pytest("browser", "further"), quick=False, further=True),
    Gate("integration-further", pytest("integration", "further"), quick=False, further=True),
]


def run_step(step: Step, log: Path, deadline: float) -> int:
    """Run one command with its output in the log; its whole process group is ended at the deadline (code 124)."""
    env = {**environment(), **step.env}
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(step.argv)}   (in {step.cwd})\n".encode())
        stream.flush()
        child = subprocess.Popen(
            list(step.argv),
            cwd=step.cwd,
            env={k: v for k, v in env.items() if v != ""},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(child)
        try:
            return child.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            stream.write(b"stopped: the gate's time is over\n")
            return 124
        finally:
            RUNNING.discard(child)
            if child.poll() is None:
                end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a command's process group to end, then insist. It may hold stand-ins that want to be stopped in order."""
    for sign, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, sign)
            child.wait(timeout=patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_gate(gate: Gate) -> tuple[str, str]:
    """("ok" | "skipped" | "FAILED", why)."""
    log = LOG / f"{gate.name}.log"
    log.write_bytes(b"")
    deadline = time.monotonic() + gate.timeout
    try:
        for step in gate.steps():
            code = run_step(step, log, deadline)
            if code:
                return "FAILED", f"exit code {code}: {' '.join(step.argv)}"
    except Skipped as why:
        return "skipped", str(why)
    except (Failed, OSError) as why:
        return "FAILED", str(why)
    return "ok", ""


def timed(gate: Gate) -> tuple[str, str, float]:
    begun = time.monotonic()
    return *run_gate(gate), time.monotonic() - begun


def run_all(gates: Sequence[Gate]) -> Iterator[tuple[Gate, str, str, float]]:
    """Each gate with its outcome, why and seconds, as it ends. Neighbours that may run beside each other do."""
    for beside, group in itertools.groupby(gates, key=lambda gate: gate.beside):
        with ThreadPoolExecutor(PLACES if beside else 1) as pool:
            futures: dict[Future[tuple[str, str, float]], Gate] = {pool.submit(timed, gate): gate for gate in group}
            try:
                for future in as_completed(futures):
                    yield futures[future], *future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in list(RUNNING):
                    end(child)
                raise


def tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    | {line}" for line in lines[-TAIL_LINES:])


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
        # What the further gates install is what `build` made.
        chosen = [g for g in chosen if g.further == args.further or (args.further and g.name == "build")]

    LOG.mkdir(parents=True, exist_ok=True)
    HOME.mkdir(parents=True, exist_ok=True)
    copy_tree()
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    started = time.monotonic()
    for gate, outcome, why, seconds in run_all(chosen):
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
