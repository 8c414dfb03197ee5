# SPDX-License-Identifier: GPL-3.0-or-later
"""Options, pause and texts of the event source."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.plugin_utils.sources import events

ROOT = Path(__file__).resolve().parents[4]
EDA = ROOT / "extensions" / "eda"


@pytest.mark.parametrize(("reads", "seconds"), [(3, 60.0), (120, 60.0), (600, 300.0)])
def test_a_reading_that_takes_much_of_the_budget_is_followed_by_a_longer_pause(reads: int, seconds: float) -> None:
    assert events.pause(60.0, 120.0, reads) == seconds


def test_blank_answers_mean_the_default() -> None:
    given = {"interval": "", "machines": "", "state_file": "", "vaults": [], "eda_feedback_queue": object()}
    params = events.checked(given, {"ASR_VAULTS": "rg/one, ,rg/two"})
    assert (params["interval"], params["machines"], params["state_file"]) == (60.0, [], None)
    assert [vault["name"] for vault in params["vaults"]] == ["one", "two"]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(InputError, match="machine"):
        events.checked({"machine": "a"}, {})


def test_no_text_of_an_event_is_a_template() -> None:
    text = {"name": "{{ lookup('pipe', 'id') }}", "list": ["{% if %}", "{# x #}", "{plain}"], "n": 1}
    cleaned = events.harmless(text)
    assert not any(mark in str(cleaned["name"]) + "".join(cleaned["list"]) for mark in ("{{", "{%", "{#"))
    assert (cleaned["list"][2], cleaned["n"]) == ("{plain}", 1)
    assert "{{" not in events.harmless("{{{{ a")


def test_the_documentation_names_every_option() -> None:
    source = (EDA / "plugins" / "event_source" / "vault_events.py").read_text(encoding="utf-8")
    documented = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]
    spec = events.argument_spec()
    assert set(documented) == set(spec)
    for name, option in spec.items():
        assert documented[name].get("default") == option.get("default"), name
        if name != "vaults":
            assert documented[name]["type"] == option.get("type", "str"), name


def test_the_rulebook_uses_the_source() -> None:
    (rules,) = yaml.safe_load((EDA / "rulebooks" / "failback.yml").read_text(encoding="utf-8"))
    (source,) = rules["sources"]
    assert set(source["homeward.asr.vault_events"]) <= set(events.argument_spec())
