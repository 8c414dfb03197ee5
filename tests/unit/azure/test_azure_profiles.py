# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of azure.azcollection for logging in: honoured, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.homeward.asr.plugins.module_utils.azure import credential, profiles
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError
from ansible_collections.homeward.asr.plugins.module_utils.shell import accounts, specs

FILE = """\
[default]
subscription_id = of-the-file
client_id = app
secret = can%ary-1
tenant = t
cloud_environment = AzureChinaCloud

[cert]
client_id = app
x509_certificate_path = /cert.pem
tenant = t
disable_instance_discovery = true

[person]
subscription_id = s
ad_user = someone@example.org
password = canary-2

[half]
client_id = app
secret =
"""

GIVEN: dict[str, Any] = {
    "auth_source": "auto",
    "profile": None,
    "cloud_environment": "AzureCloud",
    "subscription_id": "given",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "credentials").write_text(FILE, encoding="utf-8")
    return tmp_path


def params(**more: Any) -> dict[str, Any]:
    return accounts.with_profile({**GIVEN, **more})


@pytest.mark.parametrize(
    "given",
    [
        {"auth_source": "credential_file"},
        {"auth_source": "credential_file", "profile": "default"},
        {"auth_source": "auto", "profile": "default", "secret": "other"},
        {"auth_source": "env", "profile": "default"},
        # Nothing else is at hand.
        {"auth_source": "auto"},
    ],
)
def test_a_profile_logs_in(given: dict[str, Any]) -> None:
    found = params(**given)
    told = {key: found[key] for key in ("subscription_id", "client_id", "secret", "tenant", "cloud_environment")}
    assert told == {
        "subscription_id": "of-the-file",
        "client_id": "app",
        "secret": "can%ary-1",
        "tenant": "t",
        "cloud_environment": "AzureChinaCloud",
    }
    account = accounts.azure_account(found)
    assert credential.choose(account, {"IDENTITY_ENDPOINT": "x"}, True) == "service_principal"
    assert "can%ary-1" in account.secrets


def test_a_profile_with_a_certificate_leaves_no_secret_of_another() -> None:
    found = params(profile="cert", secret="other")
    assert (found["x509_certificate_path"], found["secret"]) == ("/cert.pem", None)
    assert found["disable_instance_discovery"] is True
    assert found["subscription_id"] == "given"


@pytest.mark.parametrize(
    "given",
    [
        {"secret": "s"},
        {"x509_certificate_path": "/c"},
        {"federated_token_file": "/f"},
        {"auth_source": "msi"},
        {"auth_source": "managed_identity"},
        {"auth_source": "cli", "profile": "person"},
        {"auth_source": "env"},
    ],
)
def test_the_default_profile_is_not_used_where_something_else_was_chosen(given: dict[str, Any]) -> None:
    assert params(**given) == {**GIVEN, **given}


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        ({"profile": "nobody"}, "profile_not_found", "'nobody'"),
        ({"profile": "half"}, "profile_not_found", "'half'"),
        ({"auth_source": "credential_file", "profile": "person"}, "login_not_supported", "'person'"),
    ],
)
def test_a_profile_that_cannot_log_in_is_refused(given: dict[str, Any], code: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        params(**given)
    assert caught.value.code == code
    assert named in caught.value.message
    assert caught.value.remedy
    assert "canary" not in caught.value.sentence()


def test_a_file_that_is_no_ini_file_is_refused_without_its_lines(home: Path) -> None:
    (home / ".azure" / "credentials").write_text("secret canary-3\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        params(auth_source="credential_file")
    assert caught.value.code == "profile_unreadable"
    assert "canary" not in f"{caught.value.sentence()} {caught.value.__cause__}"
    assert params() == GIVEN


def test_no_file_at_all(home: Path) -> None:
    (home / ".azure" / "credentials").unlink()
    assert params() == GIVEN
    with pytest.raises(InputError) as caught:
        params(auth_source="credential_file")
    assert caught.value.code == "profile_not_found"


def test_a_person_in_the_default_profile_is_refused_and_not_passed_over(home: Path) -> None:
    (home / ".azure" / "credentials").write_text("[default]\nad_user = x\npassword = y\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        params()
    assert caught.value.code == "login_not_supported"
    assert params(auth_source="cli")["auth_source"] == "cli"


@pytest.mark.parametrize(
    ("options", "environment", "source"),
    [
        ({"auth_source": "msi"}, {}, "managed_identity"),
        ({"auth_source": "env", "secret": "s"}, {}, "service_principal"),
        ({"auth_source": "env", "x509_certificate_path": "c"}, {}, "service_principal"),
        ({"auth_source": "env", "federated_token_file": "f"}, {}, "workload_identity"),
        ({"auth_source": "credential_file"}, {}, "service_principal"),
        ({"secret": "s"}, {"AZURE_AD_USER": "someone"}, "service_principal"),
        ({"auth_source": "cli"}, {"AZURE_AD_USER": "someone"}, "cli"),
        ({}, {"AZURE_AD_USER": " "}, "cli"),
    ],
)
def test_the_words_of_the_azure_collection(options: dict[str, Any], environment: dict[str, str], source: str) -> None:
    assert credential.choose(AzureAccount(**options), environment, True) == source


@pytest.mark.parametrize(
    ("options", "environment", "code", "named"),
    [
        ({}, {"AZURE_AD_USER": "someone"}, "login_not_supported", "AZURE_AD_USER"),
        ({"auth_source": "env"}, {"AZURE_AD_USER": "someone"}, "login_not_supported", "AZURE_AD_USER"),
        ({"auth_source": "env"}, {"IDENTITY_ENDPOINT": "x"}, "login_incomplete", "auth_source is env"),
    ],
)
def test_what_they_do_not_give_is_refused(
    options: dict[str, Any], environment: dict[str, str], code: str, named: str
) -> None:
    with pytest.raises(InputError) as caught:
        credential.choose(AzureAccount(**options), environment, True)
    assert caught.value.code == code
    assert named in caught.value.message


def test_one_list_of_words() -> None:
    assert list(credential.SOURCES) == specs.AUTH_SOURCES
    assert set(profiles.KEYS) <= set(specs.azure())


def test_blank_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    spec = specs.merge(specs.azure(), specs.vcenter())
    for option in spec.values():
        for name in option.get("fallback", (None, []))[1]:
            monkeypatch.setenv(name, "")
    monkeypatch.setenv("AZURE_TENANT_ID", "second")
    monkeypatch.setenv("VMWARE_VALIDATE_CERTS", "False")
    checked = ArgumentSpecValidator(spec).validate({})
    assert not checked.error_messages
    told = checked.validated_parameters
    assert (told["auth_source"], told["tenant"], told["port"]) == ("auto", "second", 443)
    assert told["validate_certs"] is False
    assert told["secret"] is None
