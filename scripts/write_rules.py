# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the readiness guide from the rows of the rules. With ``--check`` only reports whether it is current."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORDING = "ansible_collections.homeward.asr.plugins.plugin_utils.output.wording"
READINESS = "ansible_collections.homeward.asr.plugins.module_utils.failback.readiness"
GUIDE = ROOT / "docs" / "docsite" / "rst" / "readiness.rst"

HEAD = """..
  SPDX-License-Identifier: GPL-3.0-or-later
  Written by scripts/write_rules.py from the rules' rows under plugins/module_utils/failback/readiness/rules; change them there.

.. _ansible_collections.homeward.asr.docsite.readiness:

Readiness
=========

``homeward.asr.preflight`` and the module ``asr_preflight`` check whether machines and servers are ready before anything is sent:

.. code-block:: shell

   ansible-playbook homeward.asr.preflight -e @home.yml -e asr_report_file=preflight.html

Vaults, Azure and vCenter are read once: one list of each kind for each vault or subscription, each selected machine individually, and a
constant number of calls to vCenter. Nothing is written except the report. The run fails if something blocks.

The report is one page, ``preflight.html``, with the same data in ``preflight.json`` beside it. The page shows what blocks first, then
warnings, then what is not known, then what was accepted and why; a cause that several machines share is shown once. Each finding has its
remedy, what was read, and a link to its source. Below follow the servers and the machines with their verdicts.
:ref:`Reports <ansible_collections.homeward.asr.docsite.operating.reports>` says where the files go.

By default each machine is checked for its next step, and the failback servers as long as a machine still needs them.
``asr_moments`` names other steps, or ``master_target`` and ``process_server`` for a server that was just built. Where a machine's next
step is not allowed, ``operation_allowed`` gives the reason. Rules about a server that does not exist yet are asked by the playbook
``prepare`` and the module ``asr_process_server`` before they deploy it, also in check mode; rules about a master target from inside by the
role ``master_target_guest`` before it changes anything. No preflight looks there.

A rule passes, warns, blocks, or is not known. An unknown result is never a pass: the rules marked below then block as well, the others
are reported. What blocks a server or a consistency group blocks every machine that uses it.

Accept a rule by its name, with a reason that the result and the report record:

.. code-block:: shell

   ansible-playbook homeward.asr.preflight -e @home.yml -e '{"asr_accept": {"host_memory": "The cluster makes room, says the owner"}}'

Every stage asks the rules of its step right before it sends anything, for each machine, on facts read then, and so does each module in
a play of your own. In check mode the same machines are refused. A machine that a rule blocks is refused with the rule's name, reason and
remedy, its consistency group is held, and the others continue. Warnings and what is not known stop nothing. Result and report list all of it
as ``findings``, with what was accepted and why; the table in the terminal prints the warnings below the machines. Left to preflight are
{preflight_only}.
``guest_ports`` and ``guest_room`` belong to a commit for which ``asr_verify`` has asked the machines.
A failover home needs ``vm_off``, so without vCenter it is blocked until you accept that rule.

``asr_probe=true`` tries the TCP ports of classic servers from where the module runs, which represents the on-premises side.
``asr_probe_azure=true`` runs a script inside the Azure VMs by Run Command: it changes nothing, and reports whether they reach their servers and
whether the agent runs. Without it, whether a machine in Azure reaches its servers shows in its agent's heartbeat, and in the service's error
if a step fails. ``asr_probe_guests=true`` asks on-premises machines from inside, where they are hosts of the inventory
(:ref:`Checking before the commit <ansible_collections.homeward.asr.docsite.verifying>`).

In a rehearsal the vault's clock runs fast, so ``clock_skew`` warns.

Sources are the numbered checks and the sections of ``docs/facts/failback-domain.md``, which names the documents. Where documents
contradict each other, the rule says so and can be accepted.
"""


def guide() -> str:
    """The guide as the rows give it."""
    catalogue: Any = importlib.import_module(f"{READINESS}.rules.catalogue")
    words: Any = importlib.import_module(f"{READINESS}.facts.moments")
    before: Any = importlib.import_module(f"{READINESS}.before_step")
    left = [f"``{rule.id}``" for rule in catalogue.RULES if rule.id in before.PREFLIGHT_ONLY]
    lines = [HEAD.replace("{preflight_only}", f"{', '.join(left[:-1])} and {left[-1]}")]
    for kind, name in words.ABOUT.items():
        title = f"Rules about a {name}"
        lines += [title, "-" * len(title), ""]
        for rule in (r for r in catalogue.RULES if r.about == kind):
            moments = ", ".join(f"``{m}``" for m in words.MOMENTS if m in rule.moments)
            only = "" if len(rule.generations) > 1 else f" Only {next(iter(rule.generations))}."
            unknown = " An unknown result blocks as well." if rule.unknown_blocks else ""
            lines += [
                f"``{rule.id}``",
                f"  {rule.title}. {'Blocks' if rule.severity == 'block' else 'Warns'}.{unknown}{only}",
                *([f"  Cannot be accepted: {catalogue.FIRM[rule.id]}."] if rule.id in catalogue.FIRM else []),
                "",
                f"  * Before: {moments}",
                f"  * Reads: {rule.reads}",
                f"  * Do: {rule.remedy}",
                f"  * Source: {rule.source}",
                "",
            ]
    wording: Any = importlib.import_module(WORDING)
    return str(wording.worded("\n".join(lines) + "\n", True))


def main() -> int:
    sys.path.insert(0, str(ROOT / ".build" / "tree"))
    text = guide()
    if "--check" in sys.argv:
        same = GUIDE.is_file() and GUIDE.read_text(encoding="utf-8") == text
        print("rules: the guide is current" if same else f"run scripts/write_rules.py: {GUIDE.name} is out of date")
        return 0 if same else 1
    GUIDE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
