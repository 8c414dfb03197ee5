# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an execution environment of the example's definition with this tarball in it, and check what ansible-builder found.

``execution_environment.py TARBALL DIRECTORY BIN [--build]``: the context is written to DIRECTORY by the ansible-builder in BIN. With
``--build`` podman builds the image and lists the collection in it. The collections come from the tarball and from where ansible-galaxy
is configured to find the one dependency.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "execution-environment.yml"
IMAGE = "localhost/homeward-asr-gate"


def definition(tarball: Path, where: Path) -> Path:
    """The example, with the tarball in place of the published collection."""
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["dependencies"]["galaxy"]["collections"] = [{"name": f"galaxy/{tarball.name}", "type": "file"}]
    content["additional_build_files"] = [{"src": str(tarball), "dest": "galaxy"}]
    path = where / "execution-environment.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def installed(tarball: Path, where: Path) -> Path:
    """The collection as ansible-galaxy lays it out."""
    target = where / "collections" / "ansible_collections" / "homeward" / "asr"
    target.mkdir(parents=True)
    # By tar: the Python of Debian 12 has no filter for what may be unpacked.
    subprocess.run(["tar", "-xzf", str(tarball), "-C", str(target)], check=True)
    return where / "collections"


def wanted(name: str) -> list[str]:
    """The lines of one of the collection's own lists."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def main() -> int:
    parser = argparse.ArgumentParser(description="Make an execution environment with the collection.")
    parser.add_argument("tarball", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("bin", type=Path)
    parser.add_argument("--build", action="store_true")
    args = parser.parse_args()
    where: Path = args.directory.resolve()
    env = {**os.environ, "PATH": os.pathsep.join([str(args.bin), os.environ.get("PATH", os.defpath)]), "PYTHONPATH": ""}
    path = definition(args.tarball.resolve(), where)
    context = where / "context"
    shutil.rmtree(context, ignore_errors=True)
    subprocess.run(
        ["ansible-builder", "create", "-f", str(path), "-c", str(context), "--output-filename", "Containerfile"],
        cwd=where,
        env=env,
        check=True,
    )
    problems = []
    if not (context / "Containerfile").is_file() or not (context / "_build" / "galaxy" / args.tarball.name).is_file():
        problems.append("the context has no Containerfile, or not the tarball")
    if args.tarball.name not in (context / "_build" / "requirements.yml").read_text(encoding="utf-8"):
        problems.append("the context does not install the tarball")
    # The same look at the collection that the build takes in its image.
    found = subprocess.run(
        ["ansible-builder", "introspect", str(installed(args.tarball, where)), "--sanitize"],
        cwd=where,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    print(found.stdout, found.stderr)
    said = yaml.safe_load(found.stdout) or {}
    needed = " ".join(str(entry) for entry in said.get("python") or ())
    problems += [
        f"ansible-builder does not find {line}"
        for line in wanted("requirements.txt")
        if line.split(">")[0] not in needed
    ]
    if args.build and not problems:
        subprocess.run(
            [
                "ansible-builder",
                "build",
                "-f",
                str(path),
                "-c",
                str(context),
                "-t",
                IMAGE,
                "--container-runtime",
                "podman",
            ],
            cwd=where,
            env=env,
            check=True,
        )
        try:
            command = ["podman", "run", "--rm", IMAGE, "ansible-doc", "-t", "module", "homeward.asr.asr_failback"]
            problems += (
                [] if subprocess.run(command, check=False).returncode == 0 else ["the image lacks the collection"]
            )
        finally:
            subprocess.run(["podman", "rmi", "--force", IMAGE], check=False)
    print("\n".join(problems) or "execution environment: all that the collection needs is in it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
