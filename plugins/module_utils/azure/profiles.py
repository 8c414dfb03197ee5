# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles of ``~/.azure/credentials``, the file that azure.azcollection reads as well.

DOC azure.azcollection, "Authenticating with Azure": an INI file with a section for each profile, ``[default]`` where none is
named, and keys that are called like the options.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping

from ..failback.model.errors import InputError

#: Where the file is, for the user that runs the module.
FILE = "~/.azure/credentials"

DEFAULT = "default"

#: Keys that are options here. ``ad_user`` and ``password`` are read only to be refused.
KEYS = (
    "subscription_id",
    "tenant",
    "client_id",
    "secret",
    "x509_certificate_path",
    "cloud_environment",
    "disable_instance_discovery",
)

Profile = dict[str, str]


def read(name: str | None = None, path: str | None = None) -> Profile:
    """The values of a profile that are not blank.

    Raises InputError: ``profile_not_found`` where there is no file, no such profile or nothing in it, ``profile_unreadable``
    for a file that cannot be read, ``login_not_supported`` for a profile of a user and a password.
    """
    wanted = name or DEFAULT
    file = os.path.expanduser(path or FILE)
    if not os.path.isfile(file):
        raise InputError(
            "profile_not_found",
            f"There is no file {file}, so profile '{wanted}' cannot be read from it.",
            "Create the file, or unset profile (AZURE_PROFILE) and choose another auth_source.",
        )
    parsed = _parsed(file)
    if not parsed.has_section(wanted):
        raise InputError(
            "profile_not_found",
            f"{file} has no profile '{wanted}'.",
            f"Set profile (AZURE_PROFILE) to one of: {', '.join(parsed.sections()) or 'none'}; or add a section [{wanted}].",
        )
    values = _values(parsed, wanted)
    if "ad_user" in values and not usable(values):
        raise user_and_password(f"Profile '{wanted}' in {file}")
    if not usable(values):
        raise InputError(
            "profile_not_found",
            f"Profile '{wanted}' in {file} has no client_id with a secret or x509_certificate_path.",
            "Add them, or choose another auth_source.",
        )
    return {key: value for key, value in values.items() if key in KEYS}


def at_hand(path: str | None = None) -> Profile:
    """The values of the default profile where somebody keeps credentials there; empty otherwise.

    Raises InputError ``login_not_supported`` where they are a user's and a password.
    """
    file = os.path.expanduser(path or FILE)
    if not os.path.isfile(file):
        return {}
    try:
        parsed = _parsed(file)
    except InputError:
        # Nobody asked for it.
        return {}
    values = _values(parsed, DEFAULT) if parsed.has_section(DEFAULT) else {}
    return read(path=path) if usable(values) or "ad_user" in values else {}


def usable(values: Mapping[str, str]) -> bool:
    """Whether values log a service principal in."""
    return bool(values.get("client_id") and (values.get("secret") or values.get("x509_certificate_path")))


def user_and_password(where: str) -> InputError:
    """The refusal of the one way of azure.azcollection to log in that is not taken."""
    return InputError(
        "login_not_supported",
        f"{where} holds a user name and a password, and logging in with these is not supported: Microsoft Entra requires "
        "a second factor of users.",
        "Use a service principal (AZURE_CLIENT_ID, AZURE_SECRET and AZURE_TENANT), or set auth_source to managed_identity "
        "or cli.",
    )


def _parsed(file: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section="")
    try:
        with open(file, encoding="utf-8") as stream:
            parser.read_file(stream)
    except (OSError, UnicodeDecodeError, configparser.Error) as exc:
        # The parser's own words quote lines, which may hold the secret.
        raise InputError(
            "profile_unreadable",
            f"{file} cannot be read as an INI file ({type(exc).__name__}).",
            "Correct the file, or unset profile (AZURE_PROFILE) and choose another auth_source.",
        ) from None
    return parser


def _values(parsed: configparser.RawConfigParser, section: str) -> Profile:
    return {key: value.strip() for key, value in parsed.items(section) if value and value.strip()}
