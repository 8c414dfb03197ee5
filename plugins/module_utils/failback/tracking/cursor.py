# SPDX-License-Identifier: GPL-3.0-or-later
"""A run between two slices, and its cursor: small, plain, without secrets, and droppable at any time.

Nothing depends on it: the state is in the vault. It saves reads, keeps ``before`` and ``changed`` honest over slices, and carries the service's
pace on, which only the 202 reports.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..model.ports import Requests
from .track import Track

VERSION = 2


@dataclass
class Memory:
    """The cursor as an object."""

    tracks: dict[str, Track] = field(default_factory=dict)
    pace: float | None = None
    idle_ticks: int = 0
    wait_left: float = 0.0
    spent: Requests = field(default_factory=Requests)
    floor: Requests = field(default_factory=Requests)
    checked: bool = False
    notes: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def load(cls, cursor: Mapping[str, Any] | None) -> Memory:
        """From a cursor; one of another version, or one that is not a cursor, is dropped."""
        if not isinstance(cursor, Mapping) or cursor.get("version") != VERSION:
            return cls()
        try:
            return cls(
                tracks={key: Track(**value, key=key) for key, value in unpacked(cursor["tracks"]).items()},
                pace=cursor["pace"],
                idle_ticks=cursor["idle_ticks"],
                wait_left=cursor["wait_left"],
                spent=Requests(**cursor["spent"]),
                floor=Requests(**cursor["floor"]),
                checked=cursor["checked"],
                notes=list(cursor["notes"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError, zlib.error):
            return cls()

    def dump(self, spent: Requests | None = None) -> dict[str, Any]:
        """As a cursor; ``spent`` are the requests of the whole run so far, where there are more than were known."""
        tracks = packed({key: track.written() for key, track in self.tracks.items()})
        return {"version": VERSION, **asdict(replace(self, tracks={}, spent=spent or self.spent)), "tracks": tracks}


def packed(tracks: Mapping[str, Any]) -> str:
    """Tracks as one short string. Ansible processes every value of a result and of an argument several times, in the
    module and in the controller; for a thousand machines that would cost more than all the rest of a slice."""
    text = json.dumps(tracks, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(text, 1)).decode()


def unpacked(text: Any) -> dict[str, Any]:
    """The reverse of ``packed``. Raises TypeError, ValueError or zlib.error for anything else."""
    if not isinstance(text, str):
        raise TypeError("tracks are no text")
    tracks: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    return tracks
