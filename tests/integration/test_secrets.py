# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret anywhere: output at -vvvv, logs, results as a job runner keeps them, the fact cache, the process list, files
left by a killed run. The rehearsal's own secrets are the canaries; more are given where it has none."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import re
import signal
import subprocess
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from scene import PATIENCE, Scene, linux, vault

FLEET: dict[str, Any] = {
    "name": "secrets",
    "description": "Machines whose failback is watched for secrets",
    "speed": 600,
    "vaults": [vault("vault-secrets")],
    "machines": [linux("watched-01", state="out"), linux("watched-02", state="out"), linux("ready-01", state="ready")],
}

COMMON = {"asr_process_server": "ps-azure-01", "asr_datastore": "datastore-1", "asr_commit_when": "verified"}

PASSPHRASE = "canary-passphrase-4711"
WRONG_SECRET = "canary-wrong-secret-4712"
WRONG_PASSWORD = "canary-wrong-password-4713"

#: A bearer token begins with its JWT header; a signed link carries these values.
TOKEN = re.compile(r"eyJ0eXAi[\w-]+")
SIGNED = re.compile(r"[?&](?:c|s|h)=(?!\.\.\.)[^&\s\"']{8,}")


@dataclass
class Canaries:
    values: dict[str, str]

    def within(self, text: str) -> list[str]:
        """Names of the secrets that stand in a text, plain or in base64."""
        found = [
            name
            for name, value in self.values.items()
            if value in text or base64.b64encode(value.encode()).decode().rstrip("=") in text
        ]
        found += ["token"] if TOKEN.search(text) else []
        return found + (["signed link"] if SIGNED.search(text) else [])

    def beneath(self, *roots: Path) -> list[str]:
        """Where they stand in files."""
        found = []
        for root in roots:
            for path in [root] if root.is_file() else root.rglob("*"):
                if path.is_file():
                    found += [f"{path}: {name}" for text in texts(path) for name in self.within(text)]
        return found


def texts(path: Path) -> list[str]:
    """What a file says. A killed module leaves its archive: what is packed says nothing by its bytes."""
    whole = [path.read_bytes()]
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        whole = [archive.read(name) for name in archive.namelist()]
    return [content.decode("utf-8", errors="replace") for content in whole]


@pytest.fixture(scope="module")
def scene(rehearse: Callable[..., Scene]) -> Scene:
    return rehearse(FLEET)


@pytest.fixture(scope="module")
def canaries(scene: Scene) -> Canaries:
    return Canaries(
        {
            "client secret": scene.env["AZURE_CLIENT_SECRET"],
            "vCenter password": scene.env["VMWARE_PASSWORD"],
            "passphrase": PASSPHRASE,
            "wrong secret": WRONG_SECRET,
            "wrong password": WRONG_PASSWORD,
        }
    )


def children(pid: int) -> list[int]:
    """A process and everything below it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue.extend(parents.get(found[-1], ()))
    return found


@dataclass
class Watch:
    """Reads the command lines of a process and its children for as long as it runs."""

    pid: int
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            for pid in children(self.pid):
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                except OSError:
                    continue
                self.seen.add(line.decode(errors="replace"))

    def end(self) -> str:
        self._over.set()
        self._thread.join()
        return "\n".join(self.seen)


@dataclass
class Place:
    """Where one run leaves everything it writes."""

    scene: Scene
    root: Path

    def environment(self, **more: str) -> dict[str, str]:
        return self.scene.environment(
            HOME=str(self.root / "home"),
            TMPDIR=str(self.root / "tmp"),
            ANSIBLE_HOME=str(self.root / "home" / ".ansible"),
            ANSIBLE_REMOTE_TMP=str(self.root / "remote"),
            ANSIBLE_LOCAL_TEMP=str(self.root / "local"),
            ANSIBLE_LOG_PATH=str(self.root / "ansible.log"),
            ANSIBLE_CACHE_PLUGIN="jsonfile",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self.root / "facts"),
            TOLD_FILE=str(self.root / "told.jsonl"),
            **more,
        )

    def start(self, command: list[str], **more: str) -> subprocess.Popen[bytes]:
        for name in ("home", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            command,
            env=self.environment(**more),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=(self.root / "stdout").open("wb"),
            stderr=(self.root / "stderr").open("wb"),
            start_new_session=True,
        )

    @property
    def text(self) -> str:
        return (self.root / "stdout").read_text(errors="replace") + (self.root / "stderr").read_text(errors="replace")


@pytest.fixture
def place(scene: Scene, tmp_path: Path) -> Place:
    return Place(scene, tmp_path / "run")


def way_home(scene: Scene, *options: str, **variables: Any) -> list[str]:
    given = json.dumps({**COMMON, **variables})
    return [
        "ansible-playbook",
        "homeward.asr.failback",
        "-e",
        f"@{scene.directory / 'vars.yml'}",
        "-e",
        given,
        *options,
    ]


def server_side(scene: Scene) -> list[Path]:
    """What the rehearsal itself writes down of its callers."""
    return [scene.directory / "requests.jsonl", scene.directory / "log"]


def test_a_run_that_is_killed_leaves_nothing(scene: Scene, canaries: Canaries, place: Place) -> None:
    """Killed with signal 9 while a reprotect is on its way; the vault holds the request, so the moment is certain."""
    scene.control("/faults", {"action": "hang", "match": {"operation": "reprotect"}})
    run = place.start(way_home(scene, "-vvvv", asr_machines=["watched-01"]))
    pids = [run.pid]
    try:
        scene.until(lambda: run.poll() is not None or scene.control("/faults")[0]["done"], "the reprotect", 60)
        assert run.poll() is None, place.text[-3000:]
        pids = children(run.pid)
        lines = b" ".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids).decode(errors="replace")
        assert len(pids) > 2, lines
    finally:
        for pid in reversed(pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        run.wait(30)
        scene.control("/faults", method="DELETE")
    assert canaries.within(lines) == []
    assert canaries.beneath(place.root, *server_side(scene)) == []


def test_a_whole_failback_shows_no_secret(scene: Scene, canaries: Canaries, place: Place) -> None:
    run = place.start(way_home(scene, "-vvvv", "--diff", asr_machines=["watched-01", "watched-02"]))
    watch = Watch(run.pid)
    try:
        code = run.wait(PATIENCE)
    finally:
        lines = watch.end()
    assert code == 0, place.text[-3000:]
    assert "ansible-playbook" in lines
    assert canaries.within(lines) == []
    for name in ("stdout", "ansible.log", "told.jsonl"):
        assert (place.root / name).stat().st_size > 1000, f"{name} was written"
    assert canaries.beneath(place.root, *server_side(scene)) == []
    assert scene.control("/settings")["signed_links"] is True, "the answers carried signed links"


def test_wrong_secrets_are_not_repeated_in_the_failure(scene: Scene, canaries: Canaries, place: Place) -> None:
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "ignore_errors": True,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [
                {"homeward.asr.asr_fabric_info": {"secret": WRONG_SECRET}},
                {
                    "homeward.asr.asr_commit": {
                        "direction": "to_onprem",
                        "machines": ["watched-01"],
                        "password": WRONG_PASSWORD,
                    }
                },
                # A task's own environment would stand in the process list.
                {"homeward.asr.asr_fabric_info": {}, "environment": {"AZURE_SECRET": WRONG_SECRET}},
            ],
        }
    ]
    place.root.mkdir(parents=True)
    # The play itself holds what its author wrote into it; it is outside what is searched.
    path = place.root.parent / "play.yml"
    path.write_text(json.dumps(play))
    run = place.start(["ansible-playbook", "-vvvv", str(path)])
    watch = Watch(run.pid)
    try:
        run.wait(PATIENCE)
    finally:
        lines = watch.end()
    told = [json.loads(line) for line in (place.root / "told.jsonl").read_text().splitlines()]
    assert [entry["result"].get("code") for entry in told] == ["login_failed", "vcenter_login_failed", "login_failed"]
    assert canaries.within(lines) == []
    assert canaries.beneath(place.root) == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate with its key under a passphrase, as a service principal logs in with it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homeward")])
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "identity.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_a_passphrase_opens_the_certificate_and_is_not_shown(
    scene: Scene, canaries: Canaries, place: Place, certificate: Path, wrong: bool
) -> None:
    given = {
        "AZURE_SECRET": "",
        "AZURE_CLIENT_SECRET": "",
        "AZURE_CLIENT_CERTIFICATE_PATH": str(certificate),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": WRONG_SECRET if wrong else PASSPHRASE,
    }
    run = place.start(way_home(scene, "-vvvv", "--check", asr_machines=["ready-01"]), **given)
    watch = Watch(run.pid)
    try:
        code = run.wait(PATIENCE)
    finally:
        lines = watch.end()
    assert code == (2 if wrong else 0), place.text[-3000:]
    if wrong:
        assert "x509_certificate_password" in place.text
    assert canaries.within(lines) == []
    assert canaries.beneath(place.root) == []


@pytest.fixture
def document(scene: Scene, place: Place) -> str:
    run = place.start(way_home(scene, asr_machines=["ready-01"]), ANSIBLE_STDOUT_CALLBACK="all_json")
    assert run.wait(PATIENCE) == 0, place.text[-3000:]
    return (place.root / "stdout").read_text()


def test_stdout_for_programs_is_one_json_document_without_secrets(
    document: str, canaries: Canaries, place: Place
) -> None:
    """Progress and the table go to stderr where a callback writes JSON to stdout."""
    results = json.loads(document)
    report = next(r["result"] for r in results if "total" in r["result"])
    assert report["total"] == 1
    assert "ready-01" in (place.root / "stderr").read_text()
    assert canaries.within(document) == []


def test_the_canaries_would_be_seen(canaries: Canaries, tmp_path: Path) -> None:
    for name, value in canaries.values.items():
        (tmp_path / "leak").write_text(f"x {value} y")
        assert canaries.beneath(tmp_path) == [f"{tmp_path / 'leak'}: {name}"]
    assert canaries.within("Bearer eyJ0eXAiOiJKV1Qi.e30.x") == ["token"]
    assert canaries.within("https://a/b?api-version=1&t=63&c=MIIHhzCCBm&s=abcdefghij&h=klmnopqrst") == ["signed link"]
    assert canaries.within("/b?t=...&c=...&s=...&h=...") == []
