# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that goes on with a run, out of what ansible-playbook has parsed."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.plugin_utils.output.command import (
    CommandLine,
    command_line,
    json_line,
    typed,
)
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES

#: Settings as Ansible has them when nobody changed anything.
SETTINGS: dict[str, Any] = {
    "DEFAULT_HOST_LIST": ["/etc/ansible/hosts"],
    "TAGS_RUN": [],
    "TAGS_SKIP": [],
    "DEFAULT_FORKS": 5,
    "DEFAULT_TRANSPORT": "ssh",
    "DEFAULT_BECOME_METHOD": "sudo",
    "DEFAULT_BECOME": False,
    "DIFF_ALWAYS": False,
}

PLAIN: dict[str, Any] = {
    "args": ("homeward.asr.failback",),
    "inventory": ("/etc/ansible/hosts",),
    "tags": ("all",),
    "skip_tags": (),
    "forks": 5,
    "connection": "ssh",
    "become": False,
    "become_method": "sudo",
    "check": True,
    "start_at_task": "Report",
    "verbosity": 3,
    "diff": False,
    "vault_ids": (),
}


def line(*extra_vars: str, **options: Any) -> CommandLine:
    return command_line({**PLAIN, "extra_vars": extra_vars, **options}, SETTINGS.get, lambda path: "gone" not in path)


def rest(*extra_vars: str, **options: Any) -> list[str]:
    """The words after the playbook."""
    words = line(*extra_vars, **options).words
    assert words[:2] == ("ansible-playbook", "homeward.asr.failback")
    return list(words[2:])


@pytest.mark.parametrize(
    ("given", "repeated"),
    [
        ((), []),
        (("",), []),
        (("@/srv/home.yml",), ["-e", "@/srv/home.yml"]),
        (("@/a b/home.yml", "@/b.yml"), ["-e", "@/a b/home.yml", "-e", "@/b.yml"]),
        (("asr_machines=app-01",), ["-e", "asr_machines=app-01"]),
        (("asr_machines='app 01' asr_advance=each",), ["-e", "asr_machines='app 01' asr_advance=each"]),
        (('{"asr_machines": ["a"]}',), ["-e", '{"asr_machines": ["a"]}']),
        (("{asr_groups: [shop], asr_exclude: []}",), ["-e", "{asr_groups: [shop], asr_exclude: []}"]),
        (("{\n asr_groups: [shop]\n}",), ["-e", '{"asr_groups": ["shop"]}']),
        (("asr_commit_when=verified",), ["-e", "asr_commit_when=verified"]),
        # The role's own variables, in a play of the user's own.
        (("stage_machines=app-01",), ["-e", "stage_machines=app-01"]),
        # Never repeated.
        (("asr_confirm_failover_to_azure=true",), []),
        (("asr_approved=held",), []),
        (('{"asr_approved": ["a"], "asr_machines": ["b"]}',), ["-e", '{"asr_machines": ["b"]}']),
        (("stage_confirm_failover_to_azure=true stage_machines=a",), ["-e", '{"stage_machines": "a"}']),
        # Not ours.
        (("token=s3cret",), []),
        (("token=s3cret asr_machines=shop-*",), ["-e", '{"asr_machines": "shop-*"}']),
        (('{"token": "s3cret", "asr_groups": ["Büro"]}',), ["-e", '{"asr_groups": ["Büro"]}']),
        (("stage_password=s3cret",), []),
        (("{broken: [",), []),
    ],
)
def test_variables_of_ours_are_repeated_and_no_others(given: tuple[str, ...], repeated: list[str]) -> None:
    assert rest(*given) == repeated
    assert "s3cret" not in line(*given).with_variables({})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("token=s3cret",), ("token",)),
        (("token=s3cret asr_machines=a", '{"other": 1, "token": 2}'), ("token", "other")),
        (("@/dev/fd/63",), ("the file /dev/fd/63",)),
        (("@/tmp/gone.yml",), ("the file /tmp/gone.yml",)),
        (("{broken: [",), ("variables that could not be parsed",)),
        (("asr_machines=a", "@/a.yml"), ()),
    ],
)
def test_what_is_not_repeated_is_named(given: tuple[str, ...], named: tuple[str, ...]) -> None:
    assert line(*given).left_out == named


def test_what_is_kept_back_is_distinguished() -> None:
    assert line("asr_confirm_failover_to_azure=true").withheld == ("asr_confirm_failover_to_azure",)


@pytest.mark.parametrize("variable", VARIABLES.values(), ids=lambda v: v.name)
def test_each_variable_of_the_playbooks_is_carried_as_its_entry_says(variable: Any) -> None:
    assert (rest(f"{variable.name}=x") == ["-e", f"{variable.name}=x"]) is variable.repeated


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"inventory": ("/inv", "localhost,")}, ["-i", "/inv", "-i", "localhost,"]),
        ({"subset": "@retry hosts"}, ["--limit", "@retry hosts"]),
        ({"tags": ("a", "b")}, ["--tags", "a", "--tags", "b"]),
        ({"skip_tags": ("a",)}, ["--skip-tags", "a"]),
        ({"vault_ids": ("dev@prompt",)}, ["--vault-id", "dev@prompt"]),
        ({"vault_password_files": ("/pass",)}, ["--vault-password-file", "/pass"]),
        ({"ask_vault_pass": True}, ["--ask-vault-password"]),
        ({"become": True, "become_user": "dr"}, ["--become", "--become-user", "dr"]),
        ({"connection": "local", "remote_user": "op"}, ["--connection", "local", "--user", "op"]),
        ({"forks": 20, "module_path": ["/m"], "diff": True}, ["--forks", "20", "--module-path", "/m", "--diff"]),
    ],
)
def test_options_that_matter_for_the_same_run(options: dict[str, Any], words: list[str]) -> None:
    assert rest(**options) == words


def test_the_playbooks_are_repeated_as_they_were_typed() -> None:
    words = line(args=("homeward.asr.prepare", "my site.yml")).with_variables({})
    assert words == "ansible-playbook homeward.asr.prepare 'my site.yml'"


def test_options_that_may_hold_a_password_are_named() -> None:
    given = line(ssh_common_args="-o ProxyCommand='sshpass -p s3cret'")
    assert given.left_out == ("--ssh-common-args",)
    assert "s3cret" not in given.with_variables({})


@pytest.mark.parametrize("name", ["o'brien", "Büro", "$(reboot)", "a\nb", "SQL [prod]", "\x9b2J", "!x"])
def test_the_command_is_one_line_that_a_shell_reads_back(name: str) -> None:
    command = line("@/home.yml").with_variables({"asr_approved": [name]})
    assert command.isprintable()
    assert json.loads(shlex.split(command)[-1]) == {"asr_approved": [name]}


def test_values_are_json() -> None:
    assert json_line(["a", "Büro"]) == '["a", "Büro"]'


@pytest.mark.parametrize(
    ("program", "environ", "variables", "options", "by_a_person"),
    [
        ("ansible-playbook", {}, [], {}, True),
        ("ansible-playbook", {"RUNNER_OS": "Linux"}, ["asr_machines"], {"extra_vars": ("@/h.yml",)}, True),
        ("ansible-playbook", {"RUNNER_OMIT_EVENTS": "False"}, [], {}, False),
        ("ansible-playbook", {"AWX_ISOLATED_DATA_DIR": "/runner"}, [], {}, False),
        ("ansible-playbook", {}, ["awx_job_id"], {}, False),
        ("ansible-playbook", {}, ["tower_job_id"], {}, False),
        ("ansible-playbook", {}, [], {"extra_vars": ("@/runner/env/extravars",)}, False),
        ("ansible-console", {}, [], {}, False),
        ("ansible-playbook", {}, [], {"args": ()}, False),
    ],
)
def test_who_typed_it(
    program: str, environ: dict[str, str], variables: list[str], options: dict[str, Any], by_a_person: bool
) -> None:
    assert typed(program, environ, variables, {**PLAIN, **options}) is by_a_person


def test_inventories_are_repeated_whole_also_where_one_is_the_configured_one() -> None:
    given = ["/etc/ansible/hosts", "/srv/more"]
    assert rest(inventory=given) == ["-i", given[0], "-i", given[1]]
    assert rest(inventory=given[:1]) == []


def test_files_are_looked_for_as_ansible_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/me")
    monkeypatch.setenv("SITE", "north")
    seen: list[str] = []
    options = {**PLAIN, "extra_vars": ("@~/home.yml", "@$SITE/home.yml")}
    made = command_line(options, SETTINGS.get, lambda path: not seen.append(path))  # type: ignore[func-returns-value]
    assert made.words[2:] == ("-e", "@~/home.yml", "-e", "@$SITE/home.yml")
    assert seen == ["/srv/me/home.yml", "north/home.yml"]


def test_a_password_file_of_the_shell_is_gone_afterwards() -> None:
    made = line(vault_password_files=["/dev/fd/63"])
    assert made.words == ("ansible-playbook", "homeward.asr.failback")
    assert made.left_out == ("--vault-password-file",)


@pytest.mark.parametrize(
    ("args", "ours"),
    [
        (["homeward.asr.failback"], True),
        (["/srv/c/ansible_collections/homeward/asr/playbooks/failback.yml"], True),
        (["site.yml"], False),
        (["homeward.asr.stage_1_failover_to_azure", "homeward.asr.failback"], False),
    ],
)
def test_a_choice_means_one_run_only_in_one_playbook_of_ours(args: list[str], ours: bool) -> None:
    assert line(args=args).ours is ours
