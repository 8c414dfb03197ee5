# SPDX-License-Identifier: GPL-3.0-or-later
"""What the approval in a workflow says: who waits for it, and whom the next job commits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def announcement(result: Mapping[str, Any]) -> dict[str, Any]:
    """From ``asr_result`` to the approval's ``text`` and the value of ``asr_approved`` for the job after it; ``waiting`` is how many wait.

    The result names at most so many machines; where more wait, those that wait when the next job begins are meant.
    """
    names = [str(name) for name in result.get("awaiting_approval") or ()]
    waiting = max(int((result.get("counts") or {}).get("awaiting_approval") or 0), len(names))
    machines = f"{waiting} machine{'' if waiting == 1 else 's'}"
    more = waiting - len(names)
    text = f"{machines} wait{'s' if waiting == 1 else ''} for the commit to on-premises, which deletes the Azure VM: {', '.join(names)}"
    if more:
        text += (
            f" and {more} more. Approving commits every machine of the selection that waits when the next job begins."
        )
    else:
        text += ". Approving commits these."
    return {"waiting": waiting, "text": text if waiting else "", "approved": ["held"] if more else names}
