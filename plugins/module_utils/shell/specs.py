# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs, in the same parts as the documentation fragments (plugins/doc_fragments): one function per fragment.

Each call returns a fresh dictionary, so that a module may change its copy. ``merge`` refuses a name that is in two
parts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleFallbackNotFound

from ..azure.sources import SOURCES
from ..failback.model.errors import InputError

Spec = dict[str, dict[str, Any]]

AUTH_SOURCES = list(SOURCES)
DIRECTIONS = ["to_azure", "to_onprem"]

#: Options whose values are secrets, with the variables that may carry them. The action plugin uses it as well: a secret
#: given through a task's ``environment`` would otherwise be in the process list.
SECRETS: dict[str, tuple[str, ...]] = {
    "secret": ("AZURE_SECRET", "AZURE_CLIENT_SECRET"),
    "x509_certificate_password": ("AZURE_X509_CERTIFICATE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    "password": ("VMWARE_PASSWORD",),
    "admin_password": ("ASR_ADMIN_PASSWORD",),
    "passphrase": ("ASR_PASSPHRASE",),
}


#: Secrets of other collections that are not used here; like those above, they must not get into the process list.
UNUSED_SECRETS = ("AZURE_PASSWORD",)


def filled_env(*names: str) -> str:
    """The first of the environment variables that is not blank. AWX sets those of unanswered questions to empty texts."""
    for name in names:
        value = os.environ.get(name)
        if value is not None and value.strip():
            return value
    raise AnsibleFallbackNotFound


def _env(*names: str) -> tuple[Any, list[str]]:
    return (filled_env, list(names))


def azure() -> Spec:
    """How to reach and log in to Azure (fragment ``homeward.asr.azure``)."""
    return {
        "auth_source": {
            "type": "str",
            "choices": AUTH_SOURCES,
            "default": "auto",
            "fallback": _env("ANSIBLE_AZURE_AUTH_SOURCE"),
        },
        "profile": {"type": "str", "fallback": _env("AZURE_PROFILE")},
        "subscription_id": {"type": "str", "fallback": _env("AZURE_SUBSCRIPTION_ID")},
        "tenant": {"type": "str", "fallback": _env("AZURE_TENANT", "AZURE_TENANT_ID")},
        "client_id": {"type": "str", "fallback": _env("AZURE_CLIENT_ID")},
        "secret": {"type": "str", "no_log": True, "fallback": _env(*SECRETS["secret"])},
        "x509_certificate_path": {
            "type": "path",
            "fallback": _env("AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"),
        },
        "x509_certificate_password": {
            "type": "str",
            "no_log": True,
            "fallback": _env(*SECRETS["x509_certificate_password"]),
        },
        "federated_token_file": {"type": "path", "no_log": False, "fallback": _env("AZURE_FEDERATED_TOKEN_FILE")},
        "cloud_environment": {"type": "str", "default": "AzureCloud", "fallback": _env("AZURE_CLOUD_ENVIRONMENT")},
        "resource_manager_endpoint": {"type": "str", "fallback": _env("AZURE_RESOURCE_MANAGER_ENDPOINT")},
        "authority_host": {"type": "str", "fallback": _env("AZURE_AUTHORITY_HOST")},
        "ca_path": {"type": "path", "fallback": _env("AZURE_CA_PATH")},
        "disable_instance_discovery": {"type": "bool", "fallback": _env("AZURE_DISABLE_INSTANCE_DISCOVERY")},
    }


def vcenter() -> Spec:
    """How to reach and log in to vCenter (fragment ``homeward.asr.vcenter``)."""
    return {
        "hostname": {"type": "str", "fallback": _env("VMWARE_HOST")},
        "username": {"type": "str", "aliases": ["user"], "fallback": _env("VMWARE_USER")},
        "password": {"type": "str", "aliases": ["pass"], "no_log": True, "fallback": _env(*SECRETS["password"])},
        "port": {"type": "int", "default": 443, "fallback": _env("VMWARE_PORT")},
        "validate_certs": {"type": "bool", "default": True, "fallback": _env("VMWARE_VALIDATE_CERTS")},
        "proxy_host": {"type": "str", "fallback": _env("VMWARE_PROXY_HOST")},
        "proxy_port": {"type": "int", "fallback": _env("VMWARE_PROXY_PORT")},
    }


def vault() -> Spec:
    """Which vaults the run spans (fragment ``homeward.asr.vault``)."""
    return {
        "vaults": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "resource_group": {"type": "str", "required": True},
                "subscription_id": {"type": "str"},
            },
        }
    }


def machines() -> Spec:
    """Which machines the run is for (fragment ``homeward.asr.machines``)."""
    return {
        "machines": {"type": "list", "elements": "str", "default": []},
        "groups": {"type": "list", "elements": "str", "default": []},
        "recovery_plans": {"type": "list", "elements": "str", "default": []},
        "exclude": {"type": "list", "elements": "str", "default": []},
    }


def groups() -> Spec:
    """What a part of a consistency group means (fragment ``homeward.asr.groups``)."""
    return {"split_groups": {"type": "bool", "default": False}}


def waiting() -> Spec:
    """Waiting, time limits, allowed failures (fragment ``homeward.asr.waiting``)."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 172800},
        "poll_interval": {"type": "float"},
        "slice_seconds": {"type": "float", "default": 25.0},
        "retries": {"type": "int", "default": 2},
        "allowed_failures": {"type": "float", "default": 0.0},
        "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
        "on_timeout": {"type": "str", "choices": ["fail", "ok"], "default": "fail"},
        "continue_command": {"type": "str", "default": ""},
        "cursor": {"type": "dict"},
    }


def direction() -> Spec:
    """The step's direction, always required."""
    return {"direction": {"type": "str", "choices": list(DIRECTIONS), "required": True}}


def approval() -> Spec:
    """Machines whose commit is approved (fragment ``homeward.asr.approval``)."""
    return {"approved": {"type": "list", "elements": "str", "default": []}}


def failover() -> Spec:
    """How a failover is done."""
    return {
        "recovery_point": {"type": "raw", "default": "latest"},
        "shut_down_source": {"type": "bool", "default": True},
    }


def accepting() -> Spec:
    """The rules that a person overrides (fragment ``homeward.asr.accepting``)."""
    return {"accept": {"type": "dict", "default": {}}}


def gates() -> Spec:
    """How old a recovery point may be (fragment ``homeward.asr.gates``)."""
    return {"rpo_limit": {"type": "float"}}


def places() -> Spec:
    """Which master targets lost their place (fragment ``homeward.asr.places``)."""
    return {"lost_places": {"type": "list", "elements": "dict", "default": []}}


def placing() -> Spec:
    """Through which servers, onto which datastore, under which policy (fragment ``homeward.asr.placing``)."""
    return {
        "master_targets": {"type": "list", "elements": "str", "default": []},
        "process_server": {"type": "str"},
        "datastore": {"type": "raw"},
        "retention_volume": {"type": "raw"},
        "policy": {"type": "str"},
        "run_as_account": {"type": "str"},
        "run_as_account_windows": {"type": "str"},
        "run_as_account_linux": {"type": "str"},
        "log_storage_account": {"type": "str"},
    }


def reprotect() -> Spec:
    """How a reprotect is done (fragments ``homeward.asr.placing`` and ``homeward.asr.reprotect``)."""
    return {
        **placing(),
        "exclude_temporary_disk": {"type": "bool", "default": True},
        "wait_for": {"type": "str", "choices": ["synchronised", "job"], "default": "synchronised"},
        "agent_timeout": {"type": "float", "default": 1200.0},
    }


def secret(name: str) -> dict[str, Any]:
    """An option of one module whose value is a secret."""
    return {"type": "str", "no_log": True, "fallback": _env(*SECRETS[name])}


def deployment() -> Spec:
    """Option ``deploy`` of asr_process_server."""
    return {
        "resource_group": {"type": "str"},
        "subscription_id": {"type": "str"},
        "virtual_network": {"type": "str"},
        "virtual_network_resource_group": {"type": "str"},
        "subnet": {"type": "str"},
        "address": {"type": "str"},
        "configuration_server": {"type": "str"},
        "configuration_server_address": {"type": "str"},
        "source": {"type": "str", "choices": ["auto", "gallery", "windows"], "default": "auto"},
        "image": {
            "type": "dict",
            "options": {part: {"type": "str"} for part in ("publisher", "offer", "sku", "version")},
        },
        "size": {"type": "str"},
        "daily_change_gb": {"type": "int", "default": 250},
        "machine_count": {"type": "int", "default": 0},
        "zone": {"type": "str"},
        "disk_type": {"type": "str", "default": "Premium_LRS"},
        "admin_username": {"type": "str", "default": "asradmin"},
        "data_port": {"type": "int", "default": 9443},
        "data_sources": {"type": "list", "elements": "str", "default": ["VirtualNetwork"]},
        "rdp_sources": {"type": "list", "elements": "str", "default": []},
        "public_address": {"type": "bool", "default": False},
        "installer_url": {"type": "str", "default": "https://aka.ms/unifiedinstaller"},
        "installer_checksum": {"type": "str"},
        "tags": {"type": "dict", "default": {}},
    }


#: Minimum and maximum of an option's number, and the remedy.
LIMITS: dict[str, tuple[float, float, str]] = {
    "wait_timeout": (
        1,
        31536000,
        "Set it in seconds. With wait: false the task returns as soon as everything is sent.",
    ),
    "poll_interval": (0.1, 86400, "Set it in seconds, or omit it to use the interval the service asks for."),
    "slice_seconds": (0.1, 3600, "Set it in seconds, or omit it."),
    "retries": (0, 100, "Set how often a failed attempt is retried per machine; 0 disables retries."),
    "allowed_failures": (0, 100, "Set a percentage of the machines."),
    "agent_timeout": (0, 604800, "Set it in seconds; the default is 1200."),
    "ready_timeout": (0, 604800, "Set it in seconds; the default is 1200."),
    "guest_shutdown_timeout": (0, 86400, "Set it in seconds; the default is 300."),
    "rpo_limit": (0, 31536000, "Set it in seconds."),
    "verification_age": (1, 604800, "Set it in seconds; the default is 3600."),
    "hours": (0, 87600, "Set it in hours."),
    "port": (1, 65535, "Set a TCP port number."),
    "proxy_port": (1, 65535, "Set a TCP port number."),
    "interval": (1, 86400, "Set it in seconds."),
    "request_budget": (
        1,
        1500,
        "Set a number of reads a minute; Azure allows about 1500 for everything in a subscription.",
    ),
}


def check_numbers(params: Mapping[str, Any]) -> None:
    """Refuse numbers that make no sense. Raises InputError naming option, value and remedy; nothing has been sent then."""
    for option, (least, most, remedy) in LIMITS.items():
        value = params.get(option)
        # Not a number compares as False with everything.
        if isinstance(value, (int, float)) and not least <= value <= most:
            raise InputError(
                "number_invalid", f"Option {option} is {value:g}; it must be between {least:g} and {most:g}.", remedy
            )


#: The parts that several modules share. Somebody may set defaults for them for the whole action group.
SHARED: dict[str, Callable[[], Spec]] = {
    "azure": azure,
    "vcenter": vcenter,
    "vault": vault,
    "machines": machines,
    "waiting": waiting,
}


def merge(*parts: Spec) -> Spec:
    """One spec out of parts. Raises ValueError when a name is in two of them."""
    whole: Spec = {}
    for part in parts:
        for name, option in part.items():
            if name in whole:
                raise ValueError(f"option {name} is in two parts")
            whole[name] = option
    return whole
