# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after a play on on-premises machines, which records their networks or asks them from inside: who its hosts are, and what became
of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.homeward.asr.plugins.plugin_utils.before_commit import at_home, failed_over, guests, verify
from ansible_collections.homeward.asr.plugins.plugin_utils.running.calling import Calling
from ansible_collections.homeward.asr.plugins.plugin_utils.running.once import display
from ansible_collections.homeward.asr.plugins.plugin_utils.stages import tasks
from ansible_collections.homeward.asr.plugins.plugin_utils.variables import play_hosts


class ActionModule(Calling):
    """See the module's documentation."""

    def _work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        self._vars = task_vars
        self._hostvars: Mapping[str, Any] = task_vars.get("hostvars") or {}
        self._settings: Mapping[str, Any] = self._task.args.get("settings") or {}
        parts = {"find": self._find, "tell": self._tell, "aim": self._aim, "answers": self._answers}
        return parts[str(self._task.args.get("part") or "tell")]()

    def _find(self) -> dict[str, Any]:
        """The hosts of the play, in a file: a thousand of them are too much for a result."""
        run = str(self._settings.get("guest") or "")
        inventory = (self._vars.get("groups") or {}).get("all") or []
        entries: list[dict[str, Any]] = []
        if run == guests.RECORD or any(
            guests.host_value(self._hostvars, str(host)) == guests.RECORD for host in inventory
        ):
            arguments = {**tasks.listing(self._settings), **tasks.chooses(self._settings)}
            arguments = {key: value for key, value in arguments.items() if value not in (None, "", [])}
            listed = self._listed(arguments)
            if listed.get("failed"):
                return listed
            rows = listed.get("machines") or []
            given = self._addresses(rows)
            entries = [
                e
                for e in guests.entries(rows, given, inventory if self._where else None)
                if (guests.host_value(self._hostvars, e["host"]) or run) == guests.RECORD
            ]
        limit, homes = str(self._vars.get("ansible_limit") or ""), [str(e["host"]) for e in entries if e["home"]]
        if left := play_hosts.left_out(limit, guests.GROUP, homes, self._vars.get("groups") or {}):
            raise play_hosts.unreached(guests.VARIABLE, limit, guests.GROUP, left)
        self._keep(entries)
        home = any(entry["home"] for entry in entries)
        return {"changed": False, "group": guests.GROUP if entries else "", "home": home, "file": str(self._path())}

    def _addresses(self, rows: list[dict[str, Any]]) -> dict[str, str]:
        """Addresses by item id. Raises InputError for a key that means nobody in the vaults."""
        given = self._settings.get("verify_addresses") or {}
        found = verify.addresses(given, rows)

        def all_machines() -> list[dict[str, Any]]:
            listed = self._inner("asr_replicated_item_info", tasks.listing(self._settings), False, self._vars)
            return listed.get("machines") or []

        for note in verify.strangers({"asr_verify_addresses": given}, rows, None if self._where else all_machines):
            self._say(note)
        return found

    def _listed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The machines, with the addresses that VMware Tools report. They are a second way in: without vCenter the run continues."""
        certificates = str(self._settings.get("validate_certs") or "").strip()
        more = {"onprem_machines": True, **({"validate_certs": certificates} if certificates else {})}
        listed = self._inner("asr_replicated_item_info", {**arguments, **more}, False, self._vars)
        if not listed.get("failed"):
            return listed
        alone = self._inner("asr_replicated_item_info", arguments, False, self._vars)
        if not alone.get("failed"):
            display.warning(f"Addresses that VMware Tools report are not known: {listed.get('msg')}")
        return alone

    def _tell(self) -> dict[str, Any]:
        entries = json.loads(self._path().read_text(encoding="utf-8"))
        homes = [str(e["host"]) for e in entries if e["home"]]
        facts = {host: guests.facts(self._hostvars, host, guests.OUTCOME) for host in homes}
        found = guests.rows(entries, facts, guests.RECORD)
        recorded = guests.result(found, guests.RECORD, str(self._settings.get("record_dir") or ""))
        for note in recorded["notes"]:
            self._say(note)
        return {"changed": recorded["changed"], "recorded": recorded}

    # -- asked from inside -------------------------------------------------------------------------------------------------

    def _aim(self) -> dict[str, Any]:
        """The machines that preflight asks from inside. In check mode nothing runs in a machine, so there are none."""
        nobody: dict[str, Any] = {"changed": False, "group": "", "file": ""}
        if self._task.check_mode:
            return nobody
        arguments = {**tasks.listing(self._settings), **tasks.chooses(self._settings)}
        listed = self._inner("asr_replicated_item_info", {k: v for k, v in arguments.items() if v}, False, self._vars)
        if listed.get("failed"):
            return listed
        rows = listed.get("machines") or []
        if not any(row.get("position") in at_home.ASKED for row in rows):
            return nobody
        vaults = {"vaults": self._settings["vaults"]} if self._settings.get("vaults") else {}
        servers = self._inner("asr_fabric_info", vaults, False, self._vars)
        if servers.get("failed"):
            return servers
        inventory = list((self._vars.get("groups") or {}).get("all") or ())
        wanted = self._settings.get("process_server_onprem")
        entries = at_home.entries(rows, servers.get("fabrics") or (), inventory, wanted)
        limit, hosts = str(self._vars.get("ansible_limit") or ""), [str(e["host"]) for e in entries if e["host"]]
        if left := play_hosts.left_out(limit, at_home.GROUP, hosts, self._vars.get("groups") or {}):
            raise play_hosts.unreached(at_home.VARIABLE, limit, at_home.GROUP, left)
        self._keep(entries)
        return {"changed": False, "group": at_home.GROUP if hosts else "", "file": str(self._path())}

    def _answers(self) -> dict[str, Any]:
        """What they have found, in the file that asr_preflight is given."""
        asked = json.loads(self._path().read_text(encoding="utf-8"))
        facts = {e["host"]: guests.facts(self._hostvars, e["host"], failed_over.OUTCOME) for e in asked if e["host"]}
        # Another file: those of the other hosts of this run are read meanwhile.
        path = self._path().with_suffix(".answers.json")
        self._keep(at_home.looks(asked, facts, self._doubled()), path)
        return {"changed": False, "file": str(path)}

    def _doubled(self) -> set[str]:
        """Names that machines of several vaults of this run have."""
        aimed = [guests.facts(self._hostvars, str(host), "aimed").get("aimed") for host in self._hosts(self._vars)]
        files = [Path(told["file"]) for told in aimed if isinstance(told, Mapping) and told.get("file")]
        return failed_over.doubled(json.loads(file.read_text(encoding="utf-8")) for file in files)

    def _keep(self, rows: list[dict[str, Any]], path: Path | None = None) -> None:
        with os.fdopen(
            os.open(path or self._path(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as f:
            json.dump(rows, f, default=str)

    def _path(self) -> Path:
        """Each host of the run has its own."""
        host = hashlib.sha256(str(self._vars.get("inventory_hostname")).encode()).hexdigest()[:16]
        return Path(constants.DEFAULT_LOCAL_TMP) / f"homeward-asr-guests-{host}.json"
