# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a rehearsal up and down: what people type, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rehearsal import handover, launcher, processes
from rehearsal.toolchain import BuildError, build_vcenter, find_go

EXTENSIONS = Path(launcher.__file__).parents[1]


def rehearsal(*arguments):
    """Run the command line; returns (exit status, what it said)."""
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(EXTENSIONS)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def directory(tmp_path, vcenter_binary):
    yield tmp_path / "rehearsal"
    rehearsal("down", "--dir", tmp_path / "rehearsal")


@pytest.fixture
def up(directory, vcenter_binary):
    def start(fleet="classic-12", *more):
        status, said = rehearsal(
            "up", "--fleet", fleet, "--dir", directory, "--vcenter-binary", vcenter_binary, "--cache", directory, *more
        )
        assert status == 0, said
        return said

    return start


def sourced(directory, shell):
    """The variables that sourcing DIR/env sets, by a POSIX shell."""
    script = f". {shlex.quote(str(directory / 'env'))}; env -0"
    told = subprocess.run(
        [shell, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    return dict(entry.partition("=")[::2] for entry in told.stdout.split("\0") if entry)


NAMES = [
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT",
    "AZURE_CLIENT_ID",
    "AZURE_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_AUTHORITY_HOST",
    "AZURE_RESOURCE_MANAGER_ENDPOINT",
    "AZURE_DISABLE_INSTANCE_DISCOVERY",
    "AZURE_CORE_INSTANCE_DISCOVERY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "ASR_RESOURCE_GROUP",
    "ASR_VAULT",
    "VMWARE_HOST",
    "VMWARE_PORT",
    "VMWARE_USER",
    "VMWARE_PASSWORD",
    "ANSIBLE_COLLECTIONS_PATH",
    "PATH",
]

#: What a stranger does with DIR/env: a token and the vault over the SDK, and a login over pyVmomi.
STRANGER = """
import json, os, ssl
from datetime import timedelta
from email.utils import parsedate_to_datetime
from azure.identity import EnvironmentCredential
from pyVim.connect import SmartConnect
import requests
arm = os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"]
token = EnvironmentCredential(disable_instance_discovery=True).get_token(arm + "/.default").token
path = "/subscriptions/{AZURE_SUBSCRIPTION_ID}/resourceGroups/{ASR_RESOURCE_GROUP}/providers" \
       "/Microsoft.RecoveryServices/vaults/{ASR_VAULT}".format(**os.environ)
answer = requests.get(arm + path, params={"api-version": "2024-04-01"}, headers={"Authorization": "Bearer " + token})
si = SmartConnect(host=os.environ["VMWARE_HOST"], port=int(os.environ["VMWARE_PORT"]), user=os.environ["VMWARE_USER"],
                  pwd=os.environ["VMWARE_PASSWORD"], sslContext=ssl.create_default_context())
def date():
    url = arm + "/metadata/endpoints"
    return parsedate_to_datetime(requests.get(url, params={"api-version": "2022-09-01"}).headers["Date"])
between = date(), si.CurrentTime(), date() + timedelta(seconds=1)
print(json.dumps([answer.status_code, answer.json()["name"], si.content.about.apiVersion, sorted(between) == list(between)]))
"""


def test_up_hands_over_everything_a_stranger_needs(up, directory):
    assert "classic-12 is up" in up()
    assert (directory / "env").stat().st_mode & 0o777 == 0o600
    variables = sourced(directory, "sh")
    assert set(NAMES) <= set(variables)
    in_bash = sourced(directory, "bash")
    assert {name: variables[name] for name in NAMES} == {name: in_bash[name] for name in NAMES}
    assert variables["AZURE_SECRET"] == variables["AZURE_CLIENT_SECRET"]
    script = f". {shlex.quote(str(directory / 'env'))}; exec {shlex.quote(sys.executable)} -c {shlex.quote(STRANGER)}"
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [200, "vault-classic-12", "8.0.3.0", True]


def test_the_variables_name_every_machine_and_no_secret(up, directory):
    up()
    text = (directory / "vars.yml").read_text()
    variables = yaml.safe_load(text)
    assert variables["asr_vaults"] == [
        {
            "name": "vault-classic-12",
            "resource_group": "rg-homeward",
            "subscription_id": "11111111-2222-4333-8444-555555555555",
        }
    ]
    assert len(variables["asr_machines"]) == 12
    assert variables["asr_datastore"] == "datastore-1"
    assert variables["asr_process_server"] == "ps-azure-01"
    assert variables["asr_run_as_account_windows"] == "vm-admin-windows"
    assert not any("master_target" in name or "retention" in name or "policy" in name for name in variables)
    environment = sourced(directory, "sh")
    for name in ("AZURE_SECRET", "VMWARE_PASSWORD"):
        assert environment[name] not in text
        assert environment[name] not in (directory / "state.json").read_text()


def test_secrets_stand_in_no_command_line(up, directory):
    up()
    environment = sourced(directory, "sh")
    state = json.loads((directory / "state.json").read_text())
    for part in ("vcenter", "azure"):
        line = Path(f"/proc/{state[part]['pid']}/cmdline").read_text()
        assert environment["VMWARE_PASSWORD"] not in line
        assert environment["AZURE_SECRET"] not in line


def test_up_again_says_so_another_fleet_replaces_it_and_down_stops_both(up, directory):
    up()
    first = json.loads((directory / "state.json").read_text())
    assert "classic-12 is running already" in up()
    assert json.loads((directory / "state.json").read_text()) == first
    assert rehearsal("status", "--dir", directory)[0] == 0
    said = up("classic-2", "--speed", "600", "--page-size", "7")
    assert "classic-12 is stopped" in said
    assert "classic-2 is up (2 machines, 600 times real time)" in said
    assert not processes.alive(first["vcenter"])
    assert not processes.alive(first["azure"])
    second = json.loads((directory / "state.json").read_text())
    status, said = rehearsal("down", "--dir", directory)
    assert (status, said) == (0, "The rehearsal classic-2 is stopped.\n")
    assert not processes.alive(second["vcenter"])
    assert not processes.alive(second["azure"])
    assert not (directory / "env").exists()
    assert rehearsal("status", "--dir", directory)[0] == 3
    assert rehearsal("down", "--dir", directory)[0] == 0


def test_half_a_rehearsal_is_started_again(up, directory):
    up("classic-2")
    first = json.loads((directory / "state.json").read_text())
    os.kill(first["vcenter"]["pid"], signal.SIGKILL)
    assert "is up" in up("classic-2")
    assert not processes.alive(first["azure"]), "nothing of the old one is left running"
    assert rehearsal("status", "--dir", directory)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fleet", "nowhere"), "FLEET=nowhere: there is no such fleet; use one of classic-12"),
        (("--fleet", "classic-2", "--vcenter-binary", "/no/such/binary"), "/no/such/binary: there is no such file"),
        (("--fleet", "classic-2", "--vcenter-binary", "/bin/false"), "vCenter stand-in ended at once (exit 1)"),
    ],
)
def test_what_cannot_start_is_one_sentence_and_leaves_nothing_running(directory, arguments, words):
    status, said = rehearsal("up", "--dir", directory, *arguments)
    assert status == 1
    assert words in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert not (directory / "state.json").exists()


def test_a_fleet_that_vcenter_cannot_hold_stops_what_was_started(directory, vcenter_binary, tmp_path):
    fleet = tmp_path / "odd.yml"
    fleet.write_text("name: odd\ndescription: x\nvaults: [{name: v}]\nmachines: [{name: m, host: esx-77}]\n")
    status, said = rehearsal("up", "--dir", directory, "--fleet", fleet, "--vcenter-binary", vcenter_binary)
    assert status == 1
    assert "host 'esx-77' is not one of the site's hosts" in said
    pid = json.loads((directory / "vcenter.json").read_text())["pid"]
    assert processes.born(pid) is None


def test_a_server_that_ignores_sigterm_is_killed(tmp_path):
    script = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1]).write_text('{}')\n"
        "time.sleep(60)\n"
    )
    ready = tmp_path / "ready.json"
    server = processes.start("test", [sys.executable, "-c", script, str(ready)], os.environ, ready, tmp_path / "log")
    assert processes.stop(server, patience=0.2) == "killed"
    assert processes.stop(server) == "gone"


def test_a_pid_that_belongs_to_another_process_is_left_alone():
    assert processes.stop({"pid": os.getpid(), "born": "1"}) == "gone"


def test_a_current_binary_is_not_built_again(vcenter_binary, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    before = vcenter_binary.stat().st_mtime_ns
    assert build_vcenter() == vcenter_binary
    assert vcenter_binary.stat().st_mtime_ns == before


def test_no_go_and_an_old_go_are_reported_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="no 'go' is on PATH; install Go"):
        find_go()
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    with pytest.raises(BuildError, match=r"go1\.19\.8.*install a newer Go"):
        find_go()


@pytest.mark.parametrize("value", ["plain", "it's", 'a "b" $c `d` \\e', ""])
def test_values_survive_the_shell(value):
    told = subprocess.run(
        ["sh", "-c", f"printf %s {handover.quoted(value)}"], capture_output=True, text=True, check=True
    )
    assert told.stdout == value


@pytest.mark.parametrize("text", ["plain-1", "yes", "11111111-2222", "it's", "a: b", "#x", "null"])
def test_texts_survive_yaml(text):
    assert yaml.safe_load(f"key: {handover.scalar(text)}") == {"key": text}
