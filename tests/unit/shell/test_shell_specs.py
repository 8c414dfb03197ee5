# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs and the documentation say the same: names, types, defaults, choices, environment variables."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.shell import reporting, specs

STAGES = ("asr_failover", "asr_reprotect", "asr_commit", "asr_failback")
INFOS = ("asr_replicated_item_info", "asr_job_info", "asr_fabric_info", "asr_estate_info", "asr_preflight")
SERVERS = ("asr_master_target", "asr_process_server")
MODULES = (*STAGES, *SERVERS, *INFOS, "asr_report")
ROOT = "ansible_collections.homeward.asr.plugins"


def module(name: str) -> Any:
    return importlib.import_module(f"{ROOT}.modules.{name}")


def documented(name: str) -> dict[str, Any]:
    """The module's own options and those of its fragments."""
    doc = yaml.safe_load(module(name).DOCUMENTATION)
    options = dict(doc.get("options") or {})
    for fragment in doc["extends_documentation_fragment"]:
        where, _dot, variant = fragment.removeprefix("homeward.asr.").partition(".")
        holder = importlib.import_module(f"{ROOT}.doc_fragments.{where}").ModuleDocFragment
        part = yaml.safe_load(getattr(holder, (variant or "documentation").upper()))
        for option, entry in (part.get("options") or {}).items():
            assert option not in options, f"{option} is documented twice"
            options[option] = entry
    return options


def spec(name: str) -> dict[str, Any]:
    return reporting.argument_spec() if name == "asr_report" else module(name).argument_spec()


def compare(spec_options: dict[str, Any], doc_options: dict[str, Any], where: str) -> None:
    assert set(spec_options) == set(doc_options), where
    for name, option in spec_options.items():
        doc = doc_options[name]
        here = f"{where}: {name}"
        for key in ("type", "elements", "choices", "default", "aliases"):
            assert option.get(key) == doc.get(key), f"{here}: {key}"
        assert bool(option.get("required")) == bool(doc.get("required")), here
        told = set(re.findall(r"E\((\w+)\) (?:or E\((\w+)\) )?environment variable is used", str(doc["description"])))
        variables = {v for pair in told for v in pair if v}
        assert variables == set(option["fallback"][1] if "fallback" in option else ()), here
        if "options" in option:
            compare(option["options"], doc["suboptions"], here)


@pytest.mark.parametrize("name", MODULES)
def test_spec_and_documentation_agree(name: str) -> None:
    compare(spec(name), documented(name), name)


@pytest.mark.parametrize("name", MODULES)
def test_the_limits_of_a_number_are_documented(name: str) -> None:
    for option, entry in documented(name).items():
        if option in specs.LIMITS:
            least, most, _remedy = specs.LIMITS[option]
            said = str(entry["description"])
            assert all(f"{limit:g}" in said or str(int(limit)) in said for limit in (least, most) if limit), option


@pytest.mark.parametrize("name", MODULES)
def test_every_secret_is_marked(name: str) -> None:
    for option, entry in spec(name).items():
        if re.search("secret|password|passphrase|token", option) and not option.endswith("file"):
            assert entry.get("no_log") is True, option


def test_every_secret_of_a_spec_is_known_to_the_action_plugin() -> None:
    marked = {o for name in MODULES for o, e in spec(name).items() if e.get("no_log")}
    assert marked == set(specs.SECRETS)


@pytest.mark.parametrize("name", MODULES)
def test_the_action_plugin_passes_on_exactly_the_shared_options_of_the_spec(name: str) -> None:
    plugin = importlib.import_module(f"{ROOT}.action.{name}").ActionModule
    foreign = plugin._foreign(plugin.__new__(plugin))
    shared = {option for part in specs.SHARED.values() for option in part()}
    assert shared - foreign == shared & set(spec(name))


def test_stages_return_the_same_fields() -> None:
    def fields(tree: dict[str, Any]) -> Any:
        return {
            k: (v["type"], v.get("elements"), v["returned"], fields(v.get("contains") or {})) for k, v in tree.items()
        }

    shapes = [fields(yaml.safe_load(module(name).RETURN)) for name in STAGES]
    assert all(shape == shapes[0] for shape in shapes)


def test_merge_refuses_a_name_in_two_parts() -> None:
    with pytest.raises(ValueError, match="hostname"):
        specs.merge(specs.vcenter(), {"hostname": {"type": "str"}})


@pytest.mark.parametrize("option", sorted(specs.LIMITS))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1, 1e12])
def test_absurd_numbers_are_refused_with_option_value_and_remedy(option: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        specs.check_numbers({option: value})
    assert caught.value.code == "number_invalid"
    assert option in caught.value.message
    assert f"{value:g}" in caught.value.message
    assert caught.value.remedy


def test_numbers_in_use_pass() -> None:
    defaults = {name: option.get("default") for name, option in specs.waiting().items()}
    specs.check_numbers({**defaults, "poll_interval": 0.2, "agent_timeout": 0, "retries": 0, "port": 443})


def test_stages_and_preflight_accept_the_same_words() -> None:
    from ansible_collections.homeward.asr.plugins.module_utils.shell.stages import order_of

    for route in ((), ("reprotect_to_onprem",)):
        given = order_of({"accept": {"rpo": "said", "mt_snapshot": "said"}}, (), route, check=False)
        assert set(given.accept) == {"rpo", "mt_snapshot"}
        with pytest.raises(InputError) as caught:
            order_of({"accept": {"mt_snapshto": "typo"}}, (), route, check=False)
        assert caught.value.code == "accept_unknown"
