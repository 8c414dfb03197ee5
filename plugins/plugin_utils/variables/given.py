# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts values from users, surveys, inventories and templates to lists, strings, numbers and flags. Pure.

Whatever says nothing (an empty text, ``[]``, ``None``, an unanswered question) is left out, which means the default. What
cannot be meant is one sentence that names the variable, its value and the remedy.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import stripped, words, wrong_type
from ansible_collections.homeward.asr.plugins.plugin_utils.variables.catalogue import VARIABLES, Kind, Variable

#: Users' own variables may begin like this; everything else that begins with ``asr_`` is one of ours or misspelt.
OWN = "asr_user_"

#: What an earlier job of a workflow published: AWX gives it to the next as a variable.
PUBLISHED = "asr_result"

#: What templates and surveys make of an empty value. A list that holds such a word keeps it: it is a name then.
_NOTHING = re.compile(r"none|null|undefined|\[\s*\]|\{\s*\}|__omit_place_holder__\w*|<<\s*omit\s*>>", re.IGNORECASE)

_TRUE = frozenset({"true", "yes", "on", "y", "1", "t"})
_FALSE = frozenset({"false", "no", "off", "n", "0", "f"})


class LeftOut(Exception):
    """An empty value."""


def read(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The variables that are set, each converted to its type, and a sentence for each that is unknown or wrong.

    ``values`` are the variables whose names begin with ``asr_``, in any case.
    """
    meant: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in values.items():
        if name.lower().startswith(OWN) or name == PUBLISHED:
            continue
        variable = VARIABLES.get(name)
        if variable is None:
            wrong.append(unknown(name))
            continue
        try:
            meant[name] = value_of(variable, value)
        except LeftOut:
            continue
        except InputError as error:
            wrong.append(error.sentence())
    return meant, wrong


def unreadable(values: Mapping[str, Any], template: Callable[[Any], Any]) -> list[str]:
    """A sentence for each of our variables whose own value is a template that gives nothing. ``values`` are variables before
    ``template``; it raises what Ansible raises."""
    wrong = []
    for name in sorted(name for name in values if name.lower().startswith("asr_")):
        if name.lower().startswith(OWN) or name == PUBLISHED:
            continue
        try:
            template(values[name])
        # A template may raise what it likes.
        except Exception as error:  # noqa: BLE001
            why = stripped(str(error).splitlines()[0] if str(error) else type(error).__name__).rstrip(".")
            wrong.append(f"{name} cannot be read: {why}. Correct its value, or leave {name} out.")
    return wrong


def unknown(name: str) -> str:
    """The message for an unknown variable: a misspelt gate would silently not apply."""
    near = difflib.get_close_matches(name.lower(), VARIABLES, n=1, cutoff=0.6)
    remedy = f"Did you mean {near[0]}?" if near else "See docs/variables.md for the list."
    return f"There is no variable {name}. {remedy} Names of your own variables may begin with {OWN}."


def value_of(variable: Variable, value: Any) -> Any:
    """A variable's value converted to its type. Raises LeftOut if it is empty, InputError if it is wrong."""
    if nothing(value):
        raise LeftOut
    if value is False and "off" in variable.choices:
        # What YAML makes of an unquoted off.
        value = "off"
    found = _READERS[variable.kind](variable.name, value)
    if nothing(found):
        raise LeftOut
    strange = [word for word in (found if isinstance(found, list) else [found]) if word not in variable.choices]
    if variable.choices and strange:
        raise InputError(
            "wrong_value",
            f"{variable.name} is {strange[0]!r}, which is not a valid value.",
            f"Choose one of: {', '.join(variable.choices)}.",
        )
    for key in found if variable.parts else ():
        _check_part(key, variable.parts, variable.name, "it")
    return found


def _check_part(key: str, parts: Sequence[str], owner: str, whole: str) -> None:
    """Raises InputError for a key of a mapping that is none of its parts."""
    if key in parts:
        return
    near = difflib.get_close_matches(key.lower(), parts, n=1, cutoff=0.6)
    raise InputError(
        "wrong_value",
        f"{owner} has {key!r}, which is not a part of {whole}.",
        f"Did you mean {near[0]}?" if near else f"Its parts are {', '.join(parts)}.",
    )


def nothing(value: Any) -> bool:
    """Whether a whole value is empty."""
    if value is None:
        return True
    if isinstance(value, str):
        text = stripped(value)
        return not text or bool(_NOTHING.fullmatch(text))
    return isinstance(value, (list, tuple, set, Mapping)) and not value


def names(option: str, value: Any) -> list[str]:
    """A list of names: a list, a text with commas or lines between names, or a list as JSON, YAML or Python write it.

    Only a text is split. Names in a list stay whole, so that is where a name with a comma goes.
    """
    if nothing(value):
        return []
    if isinstance(value, str):
        listed = _bracketed(value)
        if listed is None:
            return list(words(option, re.split(r"[\r\n,]", value)))
        value = listed
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise wrong_type(option, value, "a list of names")
    return list(words(option, list(_flat(value))))


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, (list, tuple, set)):
            yield from _flat(value)
        else:
            yield value


def _bracketed(text: str) -> list[Any] | None:
    """The list that a text in brackets is; None where it is a word in brackets, such as a pattern."""
    text = stripped(text)
    if not (text.startswith("[") and text.endswith("]")):
        return None
    readers: list[Callable[[str], Any]] = [json.loads, ast.literal_eval]
    if "," in text:
        readers.append(lambda said: yaml.load(said, Loader=yaml.BaseLoader))  # noqa: S506
    for reader in readers:
        try:
            found = reader(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError, yaml.YAMLError):
            continue
        if isinstance(found, list):
            return found
    return None


def _text(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise wrong_type(name, value, "a string")
    return stripped(value)


def _number(name: str, value: Any) -> int | float:
    try:
        number = math.nan if isinstance(value, bool) else float(stripped(value) if isinstance(value, str) else value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise InputError(
            "wrong_type", f"{name} must be a number of zero or more, but is {value!r}.", "Set it to such a number."
        )
    return int(number) if number == int(number) else number


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = stripped(str(value)).lower() if isinstance(value, (str, int)) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise InputError("wrong_type", f"{name} must be true or false, but is {value!r}.", "Set it to true or false.")


def _mapping(name: str, value: Any) -> dict[str, Any]:
    found = _parsed(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise wrong_type(name, value, "a mapping")
    return {str(key): entry for key, entry in found.items()}


def _parsed(text: str) -> Any:
    """A string that is JSON or Python, parsed; the string itself otherwise."""
    text = stripped(text)
    if text[:1] in ("{", "["):
        for reader in (json.loads, ast.literal_eval):
            try:
                return reader(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
    return text


def _vaults(name: str, value: Any) -> list[dict[str, Any]]:
    found = _parsed(value) if isinstance(value, str) else value
    entries = [found] if isinstance(found, Mapping) else found
    if isinstance(entries, str) or not isinstance(entries, Iterable):
        raise wrong_type(name, value, "a list of vaults, each with name and resource_group")
    listed = []
    for entry in entries:
        if nothing(entry):
            continue
        if not isinstance(entry, Mapping):
            raise wrong_type(name, entry, "a list of vaults, each with name and resource_group")
        listed.append(_vault(name, {str(key): part for key, part in entry.items() if not nothing(part)}))
    return listed


#: What an entry of a list of vaults holds; the first two are required.
_PARTS = ("name", "resource_group", "subscription_id")


def _vault(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """One vault. Raises InputError for a part that is misspelt, missing or no text."""
    for key in entry:
        _check_part(key, _PARTS, f"An entry of {name}", "a vault")
        if not isinstance(entry[key], str):
            raise wrong_type(f"{key} of an entry of {name}", entry[key], "a string")
    for key in _PARTS[:2]:
        if key not in entry:
            raise InputError("wrong_value", f"An entry of {name} has no {key}: {entry!r}.", f"Add {key} to it.")
    return entry


def by_machine(name: str, value: Any) -> str | dict[str, str]:
    """One text for all machines, or a mapping from machines to texts, which may be given as JSON."""
    found = _parsed(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        return _text(name, value)
    mapping = {}
    for key, entry in found.items():
        for part in (key, entry):
            if part is not None and not isinstance(part, str):
                raise wrong_type(name, part, "a string, or a mapping from machines to strings")
        if not (nothing(key) or nothing(entry)):
            mapping[stripped(key)] = stripped(entry)
    return mapping


#: Options of modules that are lists of names, and those that may differ from machine to machine.
LISTS = frozenset(
    {"machines", "groups", "recovery_plans", "exclude", "approved", "master_targets", "names", "datastores"}
)
BY_MACHINE = frozenset({"recovery_point", "datastore", "retention_volume"})


def options(given: Mapping[str, Any], kept: Iterable[str] = ()) -> dict[str, Any]:
    """A module's options, with lists and texts read as those of the playbooks are. A blank text is the option's default.

    Options in ``kept`` stay as they are. A list that was given but is empty keeps one blank entry: where omitted means
    all machines, it must not. Raises InputError.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in kept:
            found[name] = value
        elif name in LISTS:
            said = names(name, value)
            found[name] = said or ([] if value is None or (not value and not isinstance(value, str)) else [""])
        elif isinstance(value, str) and not stripped(value):
            continue
        elif name in BY_MACHINE and value is not None:
            found[name] = by_machine(name, value)
        else:
            found[name] = value
    return found


_READERS: dict[Kind, Callable[[str, Any], Any]] = {
    Kind.LIST: names,
    Kind.HOOKS: names,
    Kind.VAULTS: _vaults,
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.MAPPING: _mapping,
    Kind.BY_MACHINE: by_machine,
}
