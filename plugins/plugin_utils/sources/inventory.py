# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the inventory plugin to hosts: reading once, and what of it a cache may give back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError, InputError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.texts import clean_all
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.words import stripped
from ansible_collections.homeward.asr.plugins.module_utils.shell import accounts, fleet, specs
from ansible_collections.homeward.asr.plugins.module_utils.shell.module import Call
from ansible_collections.homeward.asr.plugins.module_utils.shell.notices import unverified
from ansible_collections.homeward.asr.plugins.plugin_utils.output.wording import worded
from ansible_collections.homeward.asr.plugins.plugin_utils.sources import listing

ENDINGS = (".asr.yml", ".asr.yaml")

#: Changes whenever the shape of what is cached changes.
FORMAT = 1

Facts = dict[str, Any]


class InventoryError(Exception):
    """Why no inventory is made, with what to do next."""


try:
    # From ansible-core 2.19 no text is a template unless it is marked as one.
    from ansible.template import trust_as_template as _template

    def _plain(value: str) -> str:
        return value

except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var as _plain

    def _template(value: str) -> str:  # type: ignore[misc]
        return value


#: What makes a template of a text.
_MARKS = ("{{", "{%", "{#", "#jinja2:")


def untrusted(value: Any) -> Any:
    """Text from the service, never treated as a template.

    Text without any mark of one is passed on as it is: in what ``ansible-inventory --list`` prints, and AWX reads, only
    strings marked as dangerous should stand out.
    """
    if isinstance(value, str):
        return _handed_on(value)
    if isinstance(value, dict):
        return {key: untrusted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [untrusted(part) for part in value]
    return value


@lru_cache(maxsize=1 << 15)
def _handed_on(text: str) -> str:
    """Thousands of machines have much the same values."""
    return _plain(text) if any(mark in text for mark in _MARKS) else _template(text)


def trusted(value: Any) -> Any:
    """Text of ours that is a template."""
    return _template(value) if isinstance(value, str) else value


class Reading:
    """The plugin's options, checked as the modules check theirs. Raises InventoryError, before anything is sent.

    ``option`` gives an option's value; ``said`` are the options as the file has them, None where that is not known.
    """

    def __init__(self, option: Callable[[str], Any], said: Mapping[str, Any] | None = None) -> None:
        spec = specs.merge(specs.azure(), specs.vcenter(), specs.vault())
        self.vault_hosts = bool(option("vault_hosts"))
        self.hostnames: Sequence[str] = option("hostnames") or ()
        prefix = option("hostvars_prefix")
        self.prefix = str(("vault_" if self.vault_hosts else "asr_") if prefix is None else prefix)
        self.group_prefix = str(option("group_prefix") or "")
        self.group_by: Sequence[str] = option("group_by") or ()
        try:
            given = {name: option(name) for name in spec if not _unsaid(name, spec[name], said)}
            given["vaults"] = listing.entries_of(given.get("vaults"))
            if not given["vaults"] and (said or {}).get("vaults") not in (None, []):
                raise InputError(
                    "vault_missing",
                    "Option vaults has nothing but blank entries.",
                    "Name a vault in each entry, or leave vaults out to use ASR_VAULTS, or ASR_VAULT and ASR_RESOURCE_GROUP.",
                )
            checked = _checked(spec, {name: value for name, value in given.items() if value not in (None, [])})
            self.params = accounts.with_profile(checked)
            if self.vault_hosts and self.prefix.lower().startswith("asr_"):
                raise InputError(
                    "prefix_taken",
                    f"With vault_hosts, option hostvars_prefix cannot begin with asr_, but is {self.prefix!r}: the playbooks take such "
                    "variables for their own.",
                    "Leave it out, or choose another prefix.",
                )
            self.include = listing.Filter("include", option("include"))
            self.exclude = listing.Filter("exclude", option("exclude"))
            for word in self.group_by:
                if word not in listing.GROUPINGS:
                    raise InputError(
                        "group_by_unknown",
                        f"Option group_by names {word!r}, by which machines cannot be grouped.",
                        f"Choose from: {', '.join(listing.GROUPINGS)}.",
                    )
            self.call = Call(params=self.params, check=True, environ=os.environ)
            self.refs = self.call.refs
        except FailbackError as exc:
            raise InventoryError(str(worded(exc.sentence(), False))) from exc
        self.warnings = [str(worded(text, False)) for text in unverified(self.params)]

    @property
    def _asked(self) -> str:
        """What the facts depend on; facts that were cached for something else are not used."""
        asked = [
            FORMAT,
            self.vault_hosts,
            [ref.key for ref in self.refs],
            *(self.params.get(name) for name in ("resource_manager_endpoint", "cloud_environment", "hostname", "port")),
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def kept(self, facts: list[Facts]) -> dict[str, Any]:
        """What goes into the cache."""
        return {"asked": self._asked, "facts": facts}

    def usable(self, cached: Any) -> list[Facts] | None:
        """The facts of a cache entry; None where it was made for other vaults or another vCenter."""
        if isinstance(cached, Mapping) and cached.get("asked") == self._asked:
            return list(cached["facts"])
        return None


def _unsaid(name: str, option: Mapping[str, Any], said: Mapping[str, Any] | None) -> bool:
    """Whether the file says nothing about an option that has a variable: the validator reads that one as the modules do.
    Ansible would take a blank one for ``false``."""
    if said is None or "fallback" not in option:
        return False
    value = said.get(name)
    return value is None or (isinstance(value, str) and not stripped(value))


def _checked(spec: specs.Spec, given: dict[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(spec).validate(given)
    if result.error_messages:
        raise InputError("option_invalid", f"{'; '.join(result.error_messages)}.", "Correct the inventory file.")
    params: dict[str, Any] = result.validated_parameters
    specs.check_numbers(params)
    return params


def read_hosts(reading: Reading) -> list[Facts]:
    """Machines, or vaults where those are the hosts, with their facts. Raises InventoryError; never gives a part."""
    try:
        facts = (fleet.read_vaults if reading.vault_hosts else fleet.read_machines)(reading.call)
    except FailbackError as exc:
        raise InventoryError(str(worded(exc.sentence(), False))) from exc
    finally:
        reading.call.close()
    cleaned: list[Facts] = clean_all(facts)
    return cleaned


@dataclass
class Hosts:
    """Hosts in order: name, variables, groups. ``local`` holds further variables by host that may be templates."""

    groups: list[str] = field(default_factory=list)
    entries: list[tuple[str, dict[str, Any], list[str]]] = field(default_factory=list)
    local: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def hosts_of(reading: Reading, facts: list[Facts], named: Callable[[str, dict[str, Any]], str]) -> Hosts:
    """The inventory. ``named`` renders one of the templates in ``hostnames``."""
    return _vault_hosts(reading, facts) if reading.vault_hosts else _machine_hosts(reading, facts, named)


def _machine_hosts(reading: Reading, facts: list[Facts], named: Callable[[str, dict[str, Any]], str]) -> Hosts:
    every = f"{reading.group_prefix}machines"
    variables = [listing.variables(machine, reading.prefix) for machine in facts]
    names = [
        next(filter(None, (named(template, own) for template in reading.hostnames)), "") or str(machine["name"])
        for machine, own in zip(facts, variables, strict=True)
    ]
    # Names are made of all machines, so that what is filtered out does not rename what stays.
    called = dict(zip([m["item_id"] for m in facts], listing.unique(names, facts), strict=True))
    own = dict(zip([m["item_id"] for m in facts], variables, strict=True))
    hosts = Hosts(groups=[every], warnings=reading.include.unmet(facts) + reading.exclude.unmet(facts))
    for machine in listing.listed(facts, reading.include, reading.exclude):
        told = own[machine["item_id"]]
        if machine["address"]:
            told = {**told, "ansible_host": machine["address"]}
        groups = [every, *listing.groups_of(machine, reading.group_by, reading.group_prefix)]
        hosts.entries.append((called[machine["item_id"]], told, groups))
    return hosts


def _vault_hosts(reading: Reading, facts: list[Facts]) -> Hosts:
    every = f"{reading.group_prefix}vaults"
    hosts = Hosts(groups=[every])
    names = [str(vault["vault"]) for vault in facts]
    for name, vault in zip(names, facts, strict=True):
        # Two subscriptions may each have a vault of one name.
        unique = name if names.count(name) == 1 else f"{name}.{vault['resource_group']}.{vault['subscription_id']}"
        entry = {
            "name": name,
            "resource_group": vault["resource_group"],
            "subscription_id": vault["subscription_id"],
        }
        told = {**listing.variables(vault, reading.prefix), "asr_vaults": [entry], "asr_vault": entry}
        hosts.entries.append((unique, told, [every]))
        # As for the implicit localhost: the controller's own Python has the packages.
        hosts.local[unique] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
    return hosts
