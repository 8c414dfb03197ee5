# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest lacks to be a master target, and what prevents it. Pure: survey, generation and settings in, plan out.

Facts of the domain are from failback-domain.md: generations (1.2), order of work (1.5), ApplyCustomChanges (1.6), files and flags (1.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ....module_utils.failback.model.refusal import Refusal
from .agent import agent_problems, agent_state
from .readiness import accepted_lines, judged
from .retention import Objection, Retention, judge
from .survey import Survey, parse
from .versions import core_manages, kernel_fits, numbers

#: The text after BEGIN and END in the lines around the role's part of a file.
HOSTS_MARK = "homeward.asr master target"
MULTIPATH_MARK = "homeward.asr, the retention disk is not for multipath"


def plan(text: str, generation: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the role needs to know before it changes anything.

    Raises SurveyError for a survey that was cut off. ``problems`` hold the step they prevent (``guest`` for all); ``findings`` are what
    rules of readiness found, as in results of asr_preflight.
    """
    survey = parse(text)
    minimums = {**generation["minimums"], **settings.get("minimums", {})}
    disk, disk_problems = judge(
        survey,
        str(settings.get("serial", "")),
        str(settings.get("wwn", "")),
        str(settings["retention_path"]),
        float(minimums["retention_gb"]),
    )
    problems = [
        *_basics(survey, generation, settings, minimums),
        *disk_problems,
        *agent_problems(survey, generation, settings),
    ]
    hosts = hosts_lines(survey)
    multipath = multipath_block(disk.wwids)
    boot = survey.first("boot")
    applied = bool(survey.lines("custom"))
    restart = bool(boot) and (survey.first("restart") == boot or (applied and _applied_since_boot(survey)))
    agent = agent_state(survey, settings)
    found: dict[str, Any] = {
        "lacks": list(_lacks(survey, agent, disk, applied, restart)),
        "warnings": list(_warnings(survey, generation, settings)),
        "kernel": survey.first("kernel"),
        "hostname": survey.first("hostname"),
        "boot": boot,
        "hold": sorted(set(survey.lines("kernels")) - set(survey.lines("held"))),
        "exclude": sorted({*survey.lines("held"), *generation["kernel"]["hold"]}),
        "excluded": set(generation["kernel"]["hold"]) <= set(survey.lines("held")),
        "automatic_upgrades": _automatic_upgrades(survey),
        "missing_packages": [p for p in settings["packages"] if p not in survey.lines("packages")],
        "retention": asdict(disk),
        "multipath": multipath,
        "multipath_kept": _part(survey, "multipath", MULTIPATH_MARK) == multipath.splitlines(),
        "hosts": hosts,
        "hosts_kept": _part(survey, "hosts", HOSTS_MARK) == hosts,
        "applied": applied,
        "restart": restart,
        "leftovers": survey.first("leftovers").split(),
        "firewall": _firewall(survey, settings),
        "agent": agent,
        "unpacked": {"install", "ApplyCustomChanges.sh"} <= set(survey.lines("archive"))
        and str(settings.get("archive_name", "")) in survey.lines("archive"),
    }
    findings, left = judged(survey.first("hostname"), problems, found, settings)
    found["problems"] = [p.result() for p in left]
    found["findings"] = [f.result() for f in findings]
    found["warnings"] += accepted_lines(findings)
    return found


def _basics(
    survey: Survey, generation: Mapping[str, Any], settings: Mapping[str, Any], minimums: Mapping[str, Any]
) -> Iterator[Objection]:
    """The operating system, its kernel, the machine's size, the root disk, what the documents leave open."""

    def no(code: str, said: str, remedy: str, step: str = "guest") -> Objection:
        return Objection(step, Refusal(code, said, remedy))

    title = generation["title"]
    if survey.first("user") != "0":
        yield no("not_root", "The tasks are not running as root.", "Set become: true, or connect as root.")
    system = generation["os"]
    known = any(_same_release(survey.os_version, v) for v in map(str, system["versions"]))
    if survey.os_id not in system["ids"] or not known:
        yield no(
            "wrong_system",
            f"This machine runs {survey.os_id} {survey.os_version}, not {title}.",
            "Correct master_target_guest_generation, or use a machine with that system.",
        )
        return
    if survey.first("arch") != "x86_64":
        yield no("wrong_machine", f"This machine is {survey.first('arch')}.", "A master target needs x86_64.")
    yield from _pythons(survey, generation, settings)
    kernel = survey.first("kernel")
    if not kernel_fits(kernel, generation["kernel"]):
        yield no(
            "wrong_kernel",
            f"This machine runs kernel {kernel}; a master target on {title} needs {generation['kernel']['said']}.",
            "Install and boot such a kernel. The role then holds it.",
        )
    if not settings.get("accept_undocumented"):
        for gap in generation.get("undocumented", ()):
            spared = gap.get("unless_kernel") and re.search(gap["unless_kernel"], kernel)
            if gap["refuse"] and not spared:
                yield no(
                    "undocumented",
                    str(gap["said"]).strip(),
                    "Set master_target_guest_accept_undocumented: true to continue anyway.",
                )
    lower = "Give the virtual machine more, or lower {} in master_target_guest_minimums."
    cpus, memory = survey.number("cpus"), survey.number("memory") // 1024
    if cpus < minimums["cpus"]:
        yield no(
            "few_cpus",
            f"This machine has {cpus} CPUs; the documentation requires {minimums['cpus']}.",
            lower.format("cpus"),
        )
    # The kernel keeps some for itself.
    if memory < minimums["memory_mb"] * 0.9:
        yield no(
            "little_memory",
            f"This machine has {memory} MB of memory; the documentation requires {minimums['memory_mb']} MB.",
            lower.format("memory_mb"),
        )
    yield from _root_problems(survey, minimums, no)
    if not survey.first("hostname") or survey.first("hostname").startswith("localhost"):
        yield no("no_hostname", "This machine has no host name.", "Set one. The vault lists it by that name.")
    if not survey.lines("addresses"):
        yield no("no_address", "This machine has no IPv4 address.", f"Configure one ({generation['network_file']}).")


def _root_problems(survey: Survey, minimums: Mapping[str, Any], no: Any) -> Iterator[Objection]:
    root = next((m for m in reversed(survey.mounts) if m.path == "/" and m.kind != "rootfs"), None)
    stack = list(survey.below(root.dev)) if root else []
    lvm = next((d for d in stack if d.dm_uuid.startswith("LVM-")), None)
    if lvm:
        yield no(
            "root_on_lvm",
            f"The root file system is on LVM ({lvm.node}), which a master target must not use.",
            (
                "Reinstall the system without LVM (the role can render an unattended install file: entry point "
                "unattended)."
            ),
        )
    disks = [d for d in stack if not d.dm_uuid and d.size]
    size = sum(d.size for d in disks)
    if disks and not lvm and size < minimums["os_disk_gb"] * 1e9:
        yield no(
            "small_root_disk",
            f"The system disk has {size / 1e9:.0f} GB; the documentation requires {minimums['os_disk_gb']} GB.",
            "Enlarge it, or lower os_disk_gb in master_target_guest_minimums.",
        )


def _same_release(version: str, wanted: str) -> bool:
    """7.9 is a 7, 20.04.6 is a 20.04; 20.10 is no 20.04."""
    return numbers(version)[: len(numbers(wanted))] == numbers(wanted)


def _pythons(survey: Survey, generation: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Objection]:
    """Name the ansible-core that supports the guest's Python, before Ansible's first module fails on it."""
    core = str(settings.get("ansible_version") or "")
    found = [line.split() for line in survey.lines("python") if len(line.split()) == 2]
    if not core or (found and core_manages(core, found[0][1])):
        return
    newest = generation["python"]["newest_core"]
    note = str(generation["python"].get("note", "")).strip()
    if not found:
        yield Objection(
            "guest", Refusal("no_python", "This machine has no Python that Ansible can use.", note or "Install one.")
        )
        return
    usable = next((path for path, version in found if core_manages(core, version)), "")
    remedy = f"Set ansible_python_interpreter to {usable}." if usable else note
    yield Objection(
        "guest",
        Refusal(
            "old_python",
            f"ansible-core {core} cannot manage Python {found[0][1]} of this machine; for {generation['title']} the newest is {newest}.",
            remedy,
        ),
    )


def _lacks(survey: Survey, agent: Mapping[str, Any], disk: Retention, applied: bool, restart: bool) -> Iterator[str]:
    """What a finished master target must not lack, each a sentence."""
    if not applied:
        yield "ApplyCustomChanges.sh has not run: its marker is missing."
    if restart:
        yield "The machine was not restarted after ApplyCustomChanges.sh or the installer."
    if disk.state != "mounted" or not disk.fstab:
        yield "The retention volume is not mounted by UUID through fstab."
    if disk.stolen_by:
        yield f"Multipath has claimed the retention disk ({disk.stolen_by})."
    if not agent["installed"]:
        yield "The agent is not installed."
        return
    if not agent["registered"]:
        yield "The agent is not registered: its configuration has no HostId."
    if agent["platform"] and agent["platform"].lower() != "vmware":
        yield (
            f"The agent is set up for the platform {agent['platform']}, not VmWare; uninstall it (entry point "
            "unregister)."
        )
    if agent["service"] != "active":
        yield f"The service vxagent is {agent['service'] or 'missing'}."
    if not agent["log"]:
        yield "The log /var/log/ua_install.log is missing."
    elif agent["aborted"]:
        yield "The log /var/log/ua_install.log says that the configuration was aborted."


def _applied_since_boot(survey: Survey) -> bool:
    """Whether ApplyCustomChanges ran after the last start, by the marker it leaves: a restart must follow it."""
    lines = survey.lines("boot")
    started = int(lines[1]) if len(lines) > 1 and lines[1].isdigit() else 0
    return bool(started) and survey.number("custom") >= started


def _automatic_upgrades(survey: Survey) -> bool:
    """Whether the machine upgrades itself, and with it its kernel."""
    said = survey.lines("upgrades")
    if "yum 1" in said:
        return True
    period = [line.split()[1] for line in said if line.startswith("apt ") and len(line.split()) > 1]
    # Without a period, an installed tool may be switched on by its next configuration file.
    return ("tool unattended-upgrade" in said and not period) or any(p != "0" for p in period)


def multipath_block(wwids: tuple[str, ...]) -> str:
    """The part of multipath.conf that keeps multipath off the retention disk; the names are regular expressions there."""
    lines = [f'    wwid "^{re.escape(w)}$"' for w in wwids]
    return "\n".join(["blacklist {", *lines, "}"]) if lines else ""


def _part(survey: Survey, section: str, mark: str) -> list[str]:
    """The role's own part of a file, between its lines of begin and end."""
    lines = survey.lines(section)
    begin, end = f"# BEGIN {mark}", f"# END {mark}"
    return lines[lines.index(begin) + 1 : lines.index(end)] if begin in lines and end in lines else []


def hosts_lines(survey: Survey) -> list[str]:
    """Lines for the hosts file that map the host name to every IPv4 address; addresses in other lines are left out."""
    name = survey.first("hostname")
    names = list(dict.fromkeys(n.strip() for n in reversed(survey.lines("hostname")) if n.strip()))
    ours = _part(survey, "hosts", HOSTS_MARK)
    entries = [line.split("#", 1)[0].split() for line in survey.lines("hosts") if line not in ours]
    mapped = {fields[0] for fields in entries if name in fields[1:]}
    addresses = [line.split()[1] for line in survey.lines("addresses") if len(line.split()) == 2]
    return [f"{a} {' '.join(names)}" for a in dict.fromkeys(addresses) if a not in mapped]


def _firewall(survey: Survey, settings: Mapping[str, Any]) -> dict[str, Any]:
    tool = next((line for line in survey.lines("firewall") if not line.startswith("open ")), "")
    opened = {line.split()[1] for line in survey.lines("firewall") if line.startswith("open ")}
    missing = [int(p) for p in settings.get("ports", ()) if str(p) not in opened] if tool else []
    return {"tool": tool, "missing": missing}


def _warnings(survey: Survey, generation: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        str(gap["said"]).strip()
        for gap in generation.get("undocumented", ())
        if not gap["refuse"] or settings.get("accept_undocumented")
    )
    for line in survey.lines("reach"):
        word, host, port = line.split()
        if word == "no":
            yield f"{host} does not answer on port {port}; allow the connection from this machine."
