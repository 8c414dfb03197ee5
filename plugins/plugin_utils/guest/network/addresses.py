# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of all records in one table, for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from .record import RecordError, load


def guest_addresses(texts: Iterable[str]) -> str:
    """CSV of every address in the records, one line for each, for people. Files that are no records are left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["machine", "interface", "mac", "address", "gateway", "dns", "vault"])
    rows = []
    for text in texts:
        try:
            data = load(text)
        except RecordError:
            continue
        gateways = {
            str(r.get("dev")): str(r.get("via", "")) for r in data.get("routes") or [] if r.get("to") == "default"
        }
        servers = " ".join(map(str, (data.get("dns") or {}).get("servers") or []))
        for i in data.get("interfaces") or []:
            for address in [*(i.get("addresses") or []), *(["DHCP"] if i.get("dhcp") else [])]:
                rows.append(
                    [
                        str(data.get("machine", "")),
                        str(i["name"]),
                        str(i.get("mac", "")),
                        str(address),
                        gateways.get(str(i["name"]), ""),
                        servers,
                        str(data.get("vault", "")),
                    ]
                )
    writer.writerows(sorted(rows))
    return out.getvalue()
