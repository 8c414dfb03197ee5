# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's options: checked before anything is sent."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.homeward.asr.plugins.module_utils.azure import credential
from ansible_collections.homeward.asr.plugins.module_utils.azure.clouds import resolve
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import InputError

TREE = Path(credential.__file__.partition("ansible_collections")[0])


def account(**options: Any) -> AzureAccount:
    return AzureAccount(**options)


@pytest.mark.parametrize(
    ("options", "environment", "cli", "source"),
    [
        ({"secret": "s"}, {}, False, "service_principal"),
        ({"x509_certificate_path": "c"}, {"IDENTITY_ENDPOINT": "x"}, True, "service_principal"),
        ({"federated_token_file": "f"}, {"IDENTITY_ENDPOINT": "x"}, True, "workload_identity"),
        ({}, {"IDENTITY_ENDPOINT": "x"}, True, "managed_identity"),
        ({}, {"MSI_ENDPOINT": "x"}, False, "managed_identity"),
        ({}, {"IDENTITY_ENDPOINT": ""}, True, "cli"),
        ({"auth_source": "cli", "secret": "s"}, {}, False, "cli"),
        ({"auth_source": "managed_identity"}, {}, False, "managed_identity"),
    ],
)
def test_auto_takes_the_first_way_at_hand(
    options: dict[str, Any], environment: dict[str, str], cli: bool, source: str
) -> None:
    assert credential.choose(account(**options), environment, cli) == source


def test_auto_says_what_it_looked_for() -> None:
    with pytest.raises(InputError) as caught:
        credential.choose(account(), {}, False)
    for word in ("secret", "x509_certificate_path", "federated_token_file", "managed identity", "CLI"):
        assert word in caught.value.message


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        ({"auth_source": "password"}, "auth_source_unknown", "auth_source"),
        ({"cloud_environment": "AzureMoon"}, "cloud_unknown", "cloud_environment"),
        ({"resource_manager_endpoint": "http://arm.example"}, "endpoint_invalid", "resource_manager_endpoint"),
        ({"resource_manager_endpoint": "https://"}, "endpoint_invalid", "resource_manager_endpoint"),
        ({"resource_manager_endpoint": "https://a:b"}, "endpoint_invalid", "resource_manager_endpoint"),
        ({"authority_host": "ftp://login.example"}, "endpoint_invalid", "authority_host"),
        ({"ca_path": "/nowhere/ca.pem"}, "file_not_found", "ca_path"),
        ({"secret": "s", "client_id": "c"}, "login_incomplete", "tenant (AZURE_TENANT)"),
        ({"secret": "s", "tenant": "t"}, "login_incomplete", "client_id (AZURE_CLIENT_ID)"),
        (
            {"auth_source": "service_principal", "tenant": "t", "client_id": "c"},
            "login_incomplete",
            "secret (AZURE_SECRET)",
        ),
        (
            {"x509_certificate_path": "/nowhere/c.pem", "tenant": "t", "client_id": "c"},
            "file_not_found",
            "x509_certificate_path",
        ),
        (
            {"auth_source": "workload_identity", "tenant": "t", "client_id": "c"},
            "login_incomplete",
            "federated_token_file",
        ),
        (
            {"federated_token_file": "/nowhere/t", "tenant": "t", "client_id": "c"},
            "file_not_found",
            "federated_token_file",
        ),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(options: dict[str, Any], code: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        credential.check(account(**options), {})
    assert caught.value.code == code
    assert named in caught.value.sentence()
    assert caught.value.remedy


def test_a_ca_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing\n")
    with pytest.raises(InputError, match="ca_path"):
        credential.check(account(secret="s", tenant="t", client_id="c", ca_path=str(file)))


def test_secrets_do_not_show_in_the_account() -> None:
    shown = repr(account(secret="canary-1", x509_certificate_password="canary-2", tenant="t"))
    assert "canary" not in shown
    assert "tenant='t'" in shown


@pytest.mark.parametrize(
    ("options", "endpoint", "authority", "scope", "discovery"),
    [
        (
            {},
            "https://management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com/.default",
            True,
        ),
        (
            {"cloud_environment": "azurechinacloud"},
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn/.default",
            True,
        ),
        (
            {"cloud_environment": "AzureUSGovernment"},
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            "https://management.core.usgovcloudapi.net/.default",
            True,
        ),
        (
            {"resource_manager_endpoint": "https://arm.corp.example:8443/", "authority_host": "login.corp.example"},
            "https://arm.corp.example:8443",
            "https://login.corp.example",
            "https://arm.corp.example:8443/.default",
            False,
        ),
        (
            {"resource_manager_endpoint": "https://westeurope.management.azure.com"},
            "https://westeurope.management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com/.default",
            True,
        ),
        (
            {"disable_instance_discovery": True},
            "https://management.azure.com",
            "https://login.microsoftonline.com",
            "https://management.azure.com/.default",
            False,
        ),
        (
            {"authority_host": "https://login.corp.example", "disable_instance_discovery": False},
            "https://management.azure.com",
            "https://login.corp.example",
            "https://management.azure.com/.default",
            True,
        ),
    ],
)
def test_clouds(options: dict[str, Any], endpoint: str, authority: str, scope: str, discovery: bool) -> None:
    cloud = account(**options).cloud()
    assert (cloud.endpoint, cloud.authority, cloud.scope, cloud.instance_discovery) == (
        endpoint,
        authority,
        scope,
        discovery,
    )


def test_named_clouds_agree_with_the_sdk() -> None:
    from azure.core import AzureClouds
    from azure.identity import AzureAuthorityHosts
    from azure.mgmt.core.tools import get_arm_endpoints

    for name, cloud, host in (
        ("AzureCloud", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        ("AzureChinaCloud", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
        ("AzureUSGovernment", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    ):
        ours, theirs = resolve(name), get_arm_endpoints(cloud)
        assert ours.endpoint == theirs["resource_manager"].rstrip("/")
        assert [ours.scope] == theirs["credential_scopes"]
        assert ours.authority == f"https://{host}"


def test_values_the_library_cannot_take_are_refused_by_name() -> None:
    odd = account(tenant="not a tenant!", client_id="c", secret="canary-3")
    source, cloud = credential.check(odd)
    with pytest.raises(InputError) as caught:
        credential.build(odd, source, cloud)
    assert "AZURE_TENANT" in caught.value.remedy
    assert "canary" not in caught.value.sentence()


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "only.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    without = account(tenant="t", client_id="c", x509_certificate_path=str(file))
    source, cloud = credential.check(without)
    with pytest.raises(InputError, match="x509_certificate_path"):
        credential.build(without, source, cloud)


CODE = """
import sys
sys.path[:0] = {paths!r}
from ansible_collections.homeward.asr.plugins.module_utils.azure.credential import AzureAccount
from ansible_collections.homeward.asr.plugins.module_utils.azure.vaults import connect
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.errors import FailbackError
from ansible_collections.homeward.asr.plugins.module_utils.failback.model.ports import Clock
import time
try:
    connect(AzureAccount(tenant="t", client_id="c", secret="s"), clock=Clock(time.monotonic, time.sleep))
except FailbackError as error:
    print(error.code, error.sentence())
"""


def run_bare(*paths: str) -> str:
    """Connect in an interpreter that sees no installed packages but those under ``paths``."""
    code = CODE.format(paths=[*paths, str(TREE)])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_a_missing_sdk_is_one_sentence() -> None:
    said = run_bare()
    assert said.startswith("sdk_missing ")
    for word in ("azure-mgmt-recoveryservicessiterecovery", sys.executable, "pip install"):
        assert word in said


def test_an_old_sdk_is_one_sentence(tmp_path: Path) -> None:
    package = tmp_path / "azure" / "mgmt" / "recoveryservicessiterecovery"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "1.3.0"\n')
    said = run_bare(str(tmp_path))
    assert said.startswith("sdk_too_old ")
    assert "1.3.0" in said
    assert ">=2.0.0,<3" in said


def test_the_cli_is_asked_when_it_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "az"
    tool.write_text(
        "#!/bin/sh\n"
        """echo '{"accessToken": "from-the-cli", "expires_on": 4102444800, "expiresOn": "2100-01-01 00:00:00.0"}'\n"""
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    source, cloud = credential.check(account(), {})
    assert source == "cli"
    assert credential.build(account(), source, cloud).get_token(cloud.scope).token == "from-the-cli"


def test_the_user_agent_names_this_version() -> None:
    from ansible_collections.homeward.asr.plugins.module_utils.azure.policies import USER_AGENT

    galaxy = (TREE / "ansible_collections/homeward/asr/galaxy.yml").read_text(encoding="utf-8")
    version = next(line.split()[1] for line in galaxy.splitlines() if line.startswith("version:"))
    assert f"homeward.asr/{version}" == USER_AGENT
