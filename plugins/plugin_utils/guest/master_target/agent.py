# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a master target: what the survey tells of it, and what prevents installing, registering or upgrading it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....module_utils.failback.model.refusal import Refusal
from .retention import Objection
from .survey import Survey
from .versions import archive_version, newer_than, numbers, release

AGENT_STEPS = ("agent", "register", "upgrade")


def agent_problems(survey: Survey, generation: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Objection]:
    """What prevents installing, registering or upgrading the agent, reported before anything is changed."""
    agent = agent_state(survey, settings)
    archive = str(settings.get("archive") or "")
    version = archive_version(archive)
    if not agent["installed"]:
        yield Objection(
            "upgrade", Refusal("not_installed", "There is no agent to upgrade.", "Run the entry point guest first.")
        )
    at_once = not generation["agent"]["register"]
    needs = ["register"] if not agent["registered"] else []
    needs += ["agent"] if at_once and not agent["installed"] else []
    for step in needs:
        if not settings.get("configuration_server"):
            yield Objection(
                step,
                Refusal(
                    "no_configuration_server",
                    "master_target_guest_configuration_server is not set.",
                    "Set it to the address of the configuration server.",
                ),
            )
        if not settings.get("has_passphrase"):
            yield Objection(
                step,
                Refusal(
                    "no_passphrase",
                    "The passphrase of the configuration server is missing.",
                    (
                        "Set master_target_guest_passphrase, from a vault file or the environment; genpassphrase.exe -n "
                        "on the server prints it."
                    ),
                ),
            )
    if agent["registered"] and not agent["same_server"]:
        yield Objection(
            "register",
            Refusal(
                "other_server",
                f"The agent is registered with {agent['server']}, not with {settings.get('configuration_server')}.",
                "Run the entry point unregister first, or correct master_target_guest_configuration_server.",
            ),
        )
    yield from _archive_problems(agent, generation, settings, archive, version)


def _archive_problems(
    agent: Mapping[str, Any], generation: Mapping[str, Any], settings: Mapping[str, Any], archive: str, version: str
) -> Iterator[Objection]:
    if str(settings.get("agent_dir", "")).startswith("/usr/local"):
        yield Objection(
            "agent",
            Refusal(
                "unpacked_in_usr_local",
                "The agent's setup fails when it is unpacked below /usr/local.",
                "Set master_target_guest_agent_dir to a directory below a home directory.",
            ),
        )
    wanted = [s for s in AGENT_STEPS if s != "register" and (s == "upgrade" or not agent["installed"])]
    above = newer_than(version, settings.get("limits", {})) if version else []
    for step in wanted:
        if not archive:
            pattern = generation["archive"]["pattern"]
            yield Objection(
                step,
                Refusal(
                    "no_archive",
                    str(settings.get("archive_trouble") or "master_target_guest_agent_archive is not set."),
                    f"Set master_target_guest_agent_archive to {pattern} (from {generation['archive']['from']}): a file or a folder on "
                    "the controller, or a URL.",
                ),
            )
        elif above:
            yield Objection(
                step,
                Refusal(
                    "agent_too_new",
                    (
                        f"The agent {version} is newer than {' and '.join(above)}: reprotect would succeed, but "
                        "replication would fail."
                    ),
                    "Use an archive that is not newer, or update the servers first.",
                ),
            )
        below = generation["agent"].get("below")
        if step == "agent" and version and below and release(version) >= numbers(below):
            yield Objection(
                step,
                Refusal(
                    "generation_closed",
                    (
                        f"New master targets on {generation['title']} support agents up to {below}; this archive is "
                        f"{version}."
                    ),
                    "Use a newer generation for a new master target.",
                ),
            )
    if archive and agent["installed"] and not (version and any(settings.get("limits", {}).values())):
        missing = "The archive's name contains no version" if not version else "No server version is known"
        yield Objection(
            "upgrade",
            Refusal(
                "versions_unknown",
                f"{missing}, so the role cannot check that the agent is not newer than the servers.",
                "Keep the archive's original name, and set master_target_guest_configuration_server_version and "
                "master_target_guest_process_server_version, or set master_target_guest_vaults.",
            ),
        )


def agent_state(survey: Survey, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the survey tells of the agent: installed, registered, with which server, in which version."""
    pairs = dict(line.strip().split("=", 1) for line in survey.lines("agent") if "=" in line)
    config = {
        k.strip().lower(): v.strip().strip('"')
        for k, v in (line.split("=", 1) for line in survey.lines("drscout") if "=" in line)
    }
    registered = survey.first("registered")
    server = str(settings.get("configuration_server") or "")
    log = survey.lines("log")
    version = pairs.get("VERSION", "")
    wanted = archive_version(str(settings.get("archive") or ""))
    return {
        "installed": bool(version),
        "version": version,
        "older": bool(version and wanted) and numbers(version) < numbers(wanted),
        "wanted": wanted,
        "registered": bool(version and registered and config.get("hostid")),
        "server": registered,
        "same_server": not server or registered == server,
        "platform": config.get("vm_platform", ""),
        "service": survey.first("service"),
        "log": bool(log),
        "aborted": len(log) > 1 and log[1].strip() != "0",
    }
