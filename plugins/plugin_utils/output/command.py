# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that goes on with a run: what the user typed, as far as it can and may be repeated. Pure.

It is made from the options that ansible-playbook has parsed. Files, inventories and the playbooks' own variables are
repeated. Any other variable may be a secret, so it is named instead; so is a file that is gone when the command is typed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from ansible.parsing.splitter import parse_kv

from ..variables.catalogue import VARIABLES

#: Options of ansible-playbook that matter for the same run: key of the parsed options, word, and the setting that holds its
#: default. How much is said (-v), and what narrows a single run (--check, --start-at-task, --step), is not repeated.
_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("subset", "--limit", "DEFAULT_SUBSET"),
    ("tags", "--tags", "TAGS_RUN"),
    ("skip_tags", "--skip-tags", "TAGS_SKIP"),
    ("vault_ids", "--vault-id", ""),
    ("vault_password_files", "--vault-password-file", ""),
    ("ask_vault_pass", "--ask-vault-password", "DEFAULT_ASK_VAULT_PASS"),
    ("connection", "--connection", "DEFAULT_TRANSPORT"),
    ("remote_user", "--user", "DEFAULT_REMOTE_USER"),
    ("private_key_file", "--private-key", "DEFAULT_PRIVATE_KEY_FILE"),
    ("timeout", "--timeout", "DEFAULT_TIMEOUT"),
    ("ask_pass", "--ask-pass", "DEFAULT_ASK_PASS"),
    ("connection_password_file", "--connection-password-file", "CONNECTION_PASSWORD_FILE"),
    ("become", "--become", "DEFAULT_BECOME"),
    ("become_method", "--become-method", "DEFAULT_BECOME_METHOD"),
    ("become_user", "--become-user", "DEFAULT_BECOME_USER"),
    ("become_ask_pass", "--ask-become-pass", "DEFAULT_BECOME_ASK_PASS"),
    ("become_password_file", "--become-password-file", "BECOME_PASSWORD_FILE"),
    ("forks", "--forks", "DEFAULT_FORKS"),
    ("module_path", "--module-path", "DEFAULT_MODULE_PATH"),
    ("force_handlers", "--force-handlers", "DEFAULT_FORCE_HANDLERS"),
    ("diff", "--diff", "DIFF_ALWAYS"),
)

#: Options whose text may hold a password; they are named.
_NAMED = ("ssh_common_args", "ssh_extra_args", "sftp_extra_args", "scp_extra_args")

#: Variables of the environment by which ansible-runner and what is built on it are known.
_RUNNERS = frozenset(
    {"AWX_ISOLATED_DATA_DIR", "AWX_PRIVATE_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS"}
)

#: Beginnings of the variables that job templates hand to a play.
_TEMPLATES = ("awx_job", "tower_job", "awx_user", "tower_user", "awx_workflow", "tower_workflow")

#: Ends of the file in which ansible-runner hands variables over.
_EXTRAVARS = ("/env/extravars", "/extravars")

#: A playbook of this collection, by its name or where it is installed.
_OURS = re.compile(r"^homeward\.asr\.\w+$|(^|/)ansible_collections/homeward/asr/playbooks/[^/]+$")

#: Files that are gone when the process has ended: pipes, and what a shell puts there for ``<(...)``.
_PASSING = ("/dev/", "/proc/")


@dataclass(frozen=True)
class CommandLine:
    """What the user typed. ``words`` are not quoted yet; ``left_out`` names what they do not repeat."""

    words: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    #: Variables of ours that no command carries and that were given.
    withheld: tuple[str, ...] = ()
    #: Whether it runs one playbook of ours and nothing else, so that a choice in it means one run.
    ours: bool = True

    def with_variables(self, variables: Mapping[str, Any]) -> str:
        """The command on one line, quoted for a shell, with these variables last so that they win."""
        extra = ("-e", json_line(variables)) if variables else ()
        return shlex.join((*self.words, *extra))


def json_line(value: Any) -> str:
    """A value as JSON on one line that a terminal shows as it is."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)


def typed(program: str, environ: Mapping[str, str], variables: Iterable[str], options: Mapping[str, Any]) -> bool:
    """Whether a user typed a command line: not if a runner or a job template created it, whose files are private."""
    if program != "ansible-playbook" or not options.get("args"):
        return False
    files = [str(text) for text in options.get("extra_vars") or () if str(text).startswith("@")]
    return not (
        _RUNNERS & set(environ)
        or any(name.startswith(_TEMPLATES) for name in variables)
        or any(name.endswith(_EXTRAVARS) for name in files)
    )


def command_line(
    options: Mapping[str, Any], setting: Callable[[str], Any], there: Callable[[str], bool]
) -> CommandLine:
    """The typed command line, from the parsed ``options``; ``setting`` gives a setting of Ansible by name, and ``there`` says whether
    a file will be there again."""
    words = ["ansible-playbook", *map(str, options.get("args") or ())]
    left_out: list[str] = []
    withheld: list[str] = []
    inventories = [str(source) for source in options.get("inventory") or ()]
    if inventories == [str(source) for source in setting("DEFAULT_HOST_LIST") or ()]:
        inventories = []
    for source in inventories:
        if "," in source or _stays(source, there):
            words += ["-i", source]
        else:
            left_out.append(f"the inventory {source}")
    for text in map(str, options.get("extra_vars") or ()):
        if text.startswith("@"):
            if _stays(text[1:], there):
                words += ["-e", text]
            else:
                left_out.append(f"the file {text[1:]}")
            continue
        repeated, unknown, kept_back = _variables(text)
        words += repeated
        left_out += unknown
        withheld += kept_back
    for key, word, default in _OPTIONS:
        if key.endswith("_files") and any(str(path).startswith(_PASSING) for path in options.get(key) or ()):
            left_out.append(word)
            continue
        words += _option(options.get(key), word, setting(default) if default else None)
    left_out += [f"--{key.replace('_', '-')}" for key in _NAMED if options.get(key)]
    playbooks = [str(text) for text in options.get("args") or ()]
    return CommandLine(
        tuple(words),
        tuple(dict.fromkeys(left_out)),
        tuple(dict.fromkeys(withheld)),
        len(playbooks) == 1 and bool(_OURS.search(playbooks[0])),
    )


def _stays(path: str, there: Callable[[str], bool]) -> bool:
    # Ansible itself replaces ~ and $NAME, and does so again.
    return not path.startswith(_PASSING) and there(os.path.expandvars(os.path.expanduser(path)))


def _variables(text: str) -> tuple[list[str], list[str], list[str]]:
    """One ``-e``: the words that repeat it, the names that are not ours, and ours that are never repeated."""
    if not text.strip():
        return [], [], []
    try:
        given = yaml.safe_load(text) if text[0] in "[{" else parse_kv(text)
    except Exception:  # noqa: BLE001 - what cannot be read cannot be repeated; Ansible has reported it already.
        given = None
    if not isinstance(given, Mapping):
        return [], ["variables that could not be parsed"], []
    given = {str(name): value for name, value in given.items() if name != "_raw_params"}
    ours = {name: value for name, value in given.items() if _repeated(name)}
    unknown = [name for name in given if not _known(name)]
    withheld = [name for name in given if _known(name) and not _repeated(name)]
    if not ours:
        return [], unknown, withheld
    whole = len(ours) == len(given) and text.isprintable()
    return ["-e", text if whole else json_line(ours)], unknown, withheld


def _name(name: str) -> str:
    """A variable's name in our list; the role's own (stage_machines) mean the same as the playbooks' (asr_machines)."""
    return f"asr_{name[6:]}" if name.startswith("stage_") else name


def _known(name: str) -> bool:
    return _name(name) in VARIABLES or name == "stage_hooks"


def _repeated(name: str) -> bool:
    return _known(name) and (name == "stage_hooks" or VARIABLES[_name(name)].repeated)


def _option(value: Any, word: str, default: Any) -> list[str]:
    """An option as it is typed, empty where it was not."""
    if value is None or value is False or value == "" or _same(value, default):
        return []
    if value is True:
        return [word]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [word, str(value)]
    return [part for entry in value if str(entry) != "all" or word != "--tags" for part in (word, str(entry))]


def _same(value: Any, default: Any) -> bool:
    """Whether a value is Ansible's default."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        listed = default if isinstance(default, Sequence) and not isinstance(default, str) else [default]
        return sorted(map(str, value)) == sorted(str(entry) for entry in listed if entry is not None)
    return bool(value == default)
