# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the RETURN blocks of the stage modules from one template, or check that they are what it says.

``build_returns.py [--check]``. The template is ``scripts/returns/stage.yml.j2``; what differs between the modules is the
table below. The text is written into the module files because ansible-doc before 2.20 cannot read RETURN from a
documentation fragment.
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


def rendered(module: str) -> str:
    """The RETURN text of one module."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (YAML, not HTML)
    )
    text = environment.get_template("stage.yml.j2").render({**STAGE, **DIFFERENCES[module]}).lstrip("\n")
    yaml.safe_load(text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a module says something else")
    check = parser.parse_args().check
    stale = []
    for module in DIFFERENCES:
        path = MODULES / f"{module}.py"
        source = path.read_text(encoding="utf-8")
        found = RETURN.search(source)
        if not found:
            print(f"{path.relative_to(ROOT)}: there is no RETURN block")
            return 1
        text = rendered(module)
        if found.group(1) != text:
            stale.append(path)
            if not check:
                path.write_text(source[: found.start(1)] + text + source[found.end(1) :], encoding="utf-8")
    for path in stale:
        said = "its RETURN is not what the template says; run scripts/build_returns.py" if check else "written"
        print(f"{path.relative_to(ROOT)}: {said}")
    if not stale:
        print(f"returns: {len(DIFFERENCES)} modules say what the template says")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
