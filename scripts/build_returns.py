# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the RETURN blocks that modules share from templates, or check that they are what these say.

``build_returns.py [--check]``. The stage modules' whole RETURN is ``scripts/returns/stage.yml.j2``; other modules take single
blocks of ``shared.yml.j2``. What differs between modules is in the tables below. The text is written into the module files
because ansible-doc before 2.20 cannot read RETURN from a documentation fragment. A block that two modules have word for word
and no template writes is reported.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import jinja2
import yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "scripts" / "returns"
MODULES = ROOT / "plugins" / "modules"
RETURN = re.compile(r'^RETURN = r"""\n(.*?)^"""$', re.DOTALL | re.MULTILINE)
#: Where a block of the outermost level begins.
BLOCK = re.compile(r"^(?=\S)", re.MULTILINE)

#: A stage of a classic failback; the modules below differ from it.
STAGE: dict[str, Any] = {
    "cancel": False,
    "arrived": "arrived",
    "changed": "moved the machine",
    "command": "ansible-playbook homeward.asr.failback -e @vars.yml",
    "vault": "vault-classic-12",
    "generation": "classic",
    "note": "Classic replication is past its retirement; bring the machines home before migrating them.",
    "before": "out",
    "after": "home",
    "step": "reprotect_to_azure",
    "operation": "reProtect",
    "body": "{properties: {failoverDirection: RecoveryToPrimary,"
    " providerSpecificDetails: {instanceType: InMage, datastoreName: datastore-01}}}",
    "accepted": "Rules that were accepted, as given in O(accept).",
    "counts": {
        "what": "machines",
        "moved": "Machines whose state changed, or for which an operation succeeded. In check mode, machines that would move.",
        "failed": "Machines that failed.",
        "refused": "Machines that were refused.",
        "awaiting": "Machines that stopped before their commit and await approval.",
        "held": "Machines that stay behind with their consistency group.",
        "waiting": "Machines that had not finished when O(wait_timeout) expired.",
    },
    "doing": "synchronizing to on-premises",
    "problem": {
        "code": "28175",
        "message": "The machine was renamed during failover because its name was already in use at the destination.",
        "causes": "A machine with the same name exists at the destination.",
        "action": "Rename the machine after the failover if its former name is needed.",
    },
    "refusal": {
        "code": "synchronising_home",
        "reason": "The machine is still synchronizing to on-premises.",
        "remedy": "Wait until it is synchronized, then rerun.",
    },
}

DIFFERENCES: dict[str, dict[str, Any]] = {
    "asr_failback": {},
    "asr_reprotect": {
        "after": "ready",
        "step": "reprotect_to_onprem",
    },
    "asr_failover": {
        "before": "ready",
        "after": "home_uncommitted",
        "step": "failover_to_onprem",
        "operation": "unplannedFailover",
        "body": "{properties: {failoverDirection: PrimaryToRecovery,"
        " providerSpecificDetails: {instanceType: InMage, recoveryPointType: LatestTime}}}",
    },
    "asr_commit": {
        "before": "home_uncommitted",
        "after": "home_unprotected",
        "step": "commit_to_onprem",
        "operation": "failoverCommit",
        "body": "null",
    },
    "asr_cancel_failback": {
        "cancel": True,
        "arrived": "is ready to fail over to on-premises again",
        "changed": "cancelled the machine's failover",
        "command": "ansible-playbook cancel.yml",
        "vault": "vault-modernized-12",
        "generation": "modernized",
        "note": "Modernized replication: machines are failed back through an appliance of the vault.",
        "before": "home_uncommitted",
        "after": "ready",
        "step": "cancel_failover_to_onprem",
        "operation": "cancelFailover",
        "body": "null",
        "accepted": "Rules that were accepted. Always empty for this module.",
        "counts": {
            "what": "machines",
            "moved": "Machines whose failover was cancelled. In check mode, machines whose failover would be cancelled.",
            "failed": "Machines that failed.",
            "refused": "Machines that were refused.",
            "waiting": "Machines that had not finished when O(wait_timeout) expired.",
        },
        "doing": "cancelling the failover to on-premises",
        "problem": {
            "code": "500",
            "message": "The snapshot of a disk could not be removed.",
            "causes": "The datastore is busy.",
            "action": "Remove the snapshot by hand.",
        },
        "refusal": {
            "code": "nothing_to_cancel",
            "reason": "There is no failover to on-premises that waits for its commit.",
            "remedy": "Leave the machine out. Only a planned failover that is not committed yet can be cancelled.",
        },
    },
}


#: What an info module needs of the shared blocks.
INFO: dict[str, Any] = {
    "code": {
        "lines": ["Error code, stable across versions, for playbooks to branch on."],
        "returned": "on failure",
        "sample": "vault_not_found",
    },
    "remedy": {
        "returned": "on failure",
        "sample": "Check the names in vaults, or set ASR_VAULT and ASR_RESOURCE_GROUP.",
    },
    "details": "on failure",
    "requests": {"writes_text": "Always V(0).", "reads": 5},
}

#: The modules that prepare servers.
SERVERS: dict[str, Any] = {
    "code": {
        "lines": [
            "Error code, stable across versions, for playbooks to branch on.",
            (
                "V(machines_failed) or V(machines_refused) when servers or machines failed or were refused, V(still_running) when "
                "O(wait_timeout)\n      expired, another code when the task could not start."
            ),
        ],
        "returned": "on failure, and when O(wait_timeout) expired",
        "sample": "master_target_not_found",
    },
    "remedy": {
        "returned": "when the task could not start",
        "sample": '"Registered: mt-linux-01, mt-windows-01. Choose one of them, or let a new one register first."',
    },
    "details": "when the task could not start",
    "continue_command": "ansible-playbook homeward.asr.prepare -e @vars.yml",
    "counts": {
        "what": "servers and machines",
        "moved": "Those that were changed. In check mode, those that would be.",
        "failed": "Those that failed.",
        "refused": "Those that were refused.",
        "waiting": "Those that had not finished when O(wait_timeout) expired.",
    },
    "names": {
        "failed": "servers and machines that failed",
        "refused": "servers and machines that were refused",
        "awaiting_approval": "",
        "held": "",
        "most": "At most 50 names if the task failed; RV(counts) has the number and RV(machines) all of them.",
    },
    "requests": {
        "reads": 2,
        "floor": {
            "writes_text": "The refreshes asked for with O(refresh).",
            "writes": 0,
            "reads_text": "One list for each vault, and the replicated items if needed.",
            "reads": 2,
        },
    },
    "msg": "2 servers: 1 changed, 1 as wanted.",
    "finished": None,
    "lines": None,
    "progress": None,
    "cursor": None,
}

#: Module -> the blocks it takes of shared.yml.j2, with what goes into them. A block of names is named by ``names``.
SHARED: dict[str, dict[str, Any]] = {
    "asr_appliance_info": INFO,
    "asr_fabric_info": INFO,
    "asr_job_info": INFO,
    "asr_leftovers": {
        "code": {**INFO["code"], "sample": "leftovers_kept"},
        "remedy": {"returned": "on failure", "sample": "Follow the reasons, or leave these resources out."},
        "details": "on failure",
        "requests": {
            "writes_text": "Removals that were sent.",
            "writes": 1,
            "reads": 12,
            "returned": "when the vaults could be read",
        },
    },
    "asr_leftovers_info": INFO,
    "asr_replicated_item_info": INFO,
    "asr_estate_info": {
        **INFO,
        "code": {**INFO["code"], "sample": "vcenter_missing"},
        "remedy": {
            "returned": "on failure",
            "sample": "Set hostname, username and password (or VMWARE_HOST, VMWARE_USER and VMWARE_PASSWORD).",
        },
        "requests": {"writes_text": "Always V(0).", "reads": 18},
    },
    "asr_preflight": {
        "code": {
            "lines": ["V(blocked) when something blocks, another stable code if the checks could not run."],
            "returned": "when something blocks, and on failure",
            "sample": "blocked",
        },
        "remedy": {
            "returned": "when something blocks, and on failure",
            "sample": "Check the names in vaults, or set ASR_VAULT and ASR_RESOURCE_GROUP.",
        },
        "details": "on failure",
        "requests": {"writes_text": "Always V(0).", "reads": 21, "returned": "when the checks ran"},
        "report_files": {"returned": "with O(report_file)", "name": "preflight"},
    },
    "asr_master_target": SERVERS,
    "asr_process_server": {
        **SERVERS,
        "code": {**SERVERS["code"], "sample": "process_server_not_found"},
        "remedy": {
            "returned": "when the task could not start",
            "sample": '"Registered: CS-01, ps-azure-01. Choose one of them, or let a new one register first."',
        },
        "requests": {
            "reads": 2,
            "floor": {
                **SERVERS["requests"]["floor"],
                "writes_text": "One for each container that machines are moved in, and the refreshes asked for with O(refresh).",
            },
        },
        "msg": "3 servers and machines: 2 changed, 1 as wanted.",
    },
    "asr_report": {
        "code": {
            "lines": [
                "V(machines_failed), V(stage_failed), or V(still_running), which with O(on_timeout=ok) is no failure."
            ],
            "returned": "on failure, and when a stage's wait_timeout expired",
            "sample": "machines_failed",
        },
        "requests": {
            "what": "Requests of all stages together.",
            "writes": 48,
            "reads": 160,
            "floor": {
                "whose": "the stages",
                "writes_text": "State-changing requests.",
                "writes": 48,
                "reads_text": "Reads.",
                "reads": 150,
            },
        },
        "counts": {**STAGE["counts"], "waiting": "Machines that had not finished when a stage's wait_timeout expired."},
        "names": {
            "failed": "machines that failed",
            "refused": "machines that were refused",
            "awaiting_approval": "machines that stopped before their commit and await approval",
            "held": "machines that stay behind with their consistency group",
            "most": "At most 50; RV(counts) has the number.",
        },
        "report_files": {"returned": "with O(report_file)", "name": "failback"},
    },
    "asr_stages": {
        "report_files": {"returned": "with the report, when a file is named", "name": "failback"},
        "code": {
            "lines": [
                "V(machines_failed), V(stage_failed), or V(still_running), which with C(on_timeout=ok) is no failure."
            ],
            "returned": "when something went wrong or a stage's wait_timeout expired",
            "sample": "machines_failed",
        },
    },
}


def render(template: str, given: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (YAML, not HTML)
    )
    # Macros end in line breaks of their own; RETURN has no empty line.
    text = re.sub(r"\n{2,}", "\n", environment.get_template(template).render(given)).lstrip("\n")
    yaml.safe_load(text)
    return text


def blocks_of(text: str) -> dict[str, str]:
    """The blocks of the outermost level, by key, in order."""
    return {block.partition(":")[0]: block for block in BLOCK.split(text) if block.strip()}


def written_by_templates(module: str) -> set[str]:
    """Keys of the blocks that a template writes for a module that is no stage."""
    taken = set(SHARED.get(module, {}))
    names = set(SHARED[module]["names"]) - {"most"} if "names" in taken else set()
    return (taken - {"names"}) | {f"{key}_machines" for key in names}


def returns_of(module: str, present: str) -> str:
    """The RETURN text of one module as it should be; ``present`` is what it says now."""
    if module in DIFFERENCES:
        return render("stage.yml.j2", {**STAGE, **DIFFERENCES[module]})
    if module not in SHARED:
        return present
    # Blocks that the module does not take are rendered from the values of one that does.
    fill = {**SERVERS, **SHARED["asr_report"], **SHARED[module]}
    shared = blocks_of(render("shared.yml.j2", fill))
    taken = written_by_templates(module)
    return "".join(shared[key] if key in taken else block for key, block in blocks_of(present).items())


def doubles(texts: dict[str, str]) -> list[str]:
    """Blocks that several modules have word for word although no template writes them."""
    seen: dict[str, list[str]] = {}
    for module, text in texts.items():
        if module not in DIFFERENCES:
            for key, block in blocks_of(text).items():
                if key not in written_by_templates(module):
                    seen.setdefault(block, []).append(module)
    return [
        f"{block.partition(':')[0]} is the same in {', '.join(modules)}; take it from scripts/returns/shared.yml.j2"
        for block, modules in seen.items()
        if len(modules) > 1
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a module says something else")
    check = parser.parse_args().check
    problems: list[str] = []
    texts: dict[str, str] = {}
    for path in sorted(MODULES.glob("*.py")):
        module, source = path.stem, path.read_text(encoding="utf-8")
        found = RETURN.search(source)
        if not found:
            problems.append(f"{path.relative_to(ROOT)}: there is no RETURN block")
            continue
        try:
            yaml.safe_load(found.group(1))
        except yaml.YAMLError as why:
            problems.append(f"{path.relative_to(ROOT)}: RETURN is not YAML: {' '.join(str(why).split())}")
            continue
        texts[module] = returns_of(module, found.group(1))
        missing = written_by_templates(module) - set(blocks_of(found.group(1)))
        problems += [f"{path.relative_to(ROOT)}: RETURN has no {key}" for key in sorted(missing)]
        if found.group(1) == texts[module]:
            continue
        if check:
            problems.append(
                f"{path.relative_to(ROOT)}: its RETURN is not what the template says; run scripts/build_returns.py"
            )
        else:
            path.write_text(source[: found.start(1)] + texts[module] + source[found.end(1) :], encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written")
    problems += doubles(texts)
    print("\n".join(problems) if problems else f"returns: {len(texts)} modules say what the templates say")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
