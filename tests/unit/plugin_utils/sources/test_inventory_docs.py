# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin's documentation says what its code does, and the modules' variables are its variables."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.homeward.asr.plugins.doc_fragments.environment import ModuleDocFragment
from ansible_collections.homeward.asr.plugins.inventory import replicated_items
from ansible_collections.homeward.asr.plugins.module_utils.shell import specs
from ansible_collections.homeward.asr.plugins.plugin_utils.sources.listing import ASPECTS, GROUPINGS

OPTIONS: dict[str, Any] = yaml.safe_load(replicated_items.DOCUMENTATION)["options"]


def test_the_environment_is_that_of_the_modules() -> None:
    told = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    spec = specs.merge(specs.azure(), specs.vcenter())
    assert {name: [e["name"] for e in entry["env"]] for name, entry in told.items()} == {
        name: option["fallback"][1]
        for name, option in spec.items()
        # A blank ANSIBLE_AZURE_AUTH_SOURCE would be refused by Ansible; the plugin reads the variable itself.
        if "fallback" in option and name != "auth_source"
    }


def test_no_option_of_a_log_in_hides_another() -> None:
    assert not set(OPTIONS) & set(specs.merge(specs.azure(), specs.vcenter()))


def test_filters_and_groups_are_those_of_the_code() -> None:
    assert list(OPTIONS["include"]["suboptions"]) == list(OPTIONS["exclude"]["suboptions"]) == list(ASPECTS)
    assert OPTIONS["group_by"]["choices"] == list(GROUPINGS)
    assert set(OPTIONS["group_by"]["default"]) <= set(GROUPINGS)


def test_the_examples_are_files_of_this_plugin() -> None:
    # Only the first is bare: the sanity test of ansible-core 2.16 takes one document.
    first, *others = replicated_items.EXAMPLES.strip().split("\n\n")
    bare = ["\n".join(line.removeprefix("# ") for line in other.splitlines()[1:]) for other in others]
    documents = [yaml.safe_load(text) for text in (first, *bare)]
    assert len(documents) == 3
    for document in documents:
        assert document["plugin"] == "homeward.asr.replicated_items"
