# SPDX-License-Identifier: GPL-3.0-or-later
"""How a sentence of the domain names what users set and run, without knowing how they run it.

The same machine is failed back by a playbook, where users set variables and run stages, or by a task, where they set
options and use modules. So a sentence holds hints, and plugin_utils/output/wording.py turns them into words when the result leaves:
``{option:datastore}`` is the option, ``{set:split_groups=true}`` the option with a value, ``{accept:rpo=reason}`` gates to
accept with their reasons, ``{run:reprotect_to_onprem}`` what takes a machine over a step.

Words are longer or shorter than their hints, so a line of a table that has hints is divided last: it begins with ``{fold:FIRST|REST}``,
the beginnings of its first line and of the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

#: A hint: its kind, and what it names.
HINT = re.compile(r"\{(option|set|accept|run):([^{}]*)\}")
#: The beginning of a line that is divided when its hints are words.
FOLD = re.compile(r"\{fold:([^{}|]*)\|([^{}|]*)\}")

#: Characters of a reason that a hint keeps as they are.
SAFE = " ,.:'()/-_"


def accepting(reasons: Mapping[str, str]) -> str:
    """Gates with the reasons to accept them, as one would type them."""
    return f"{{accept:{';'.join(f'{gate}={quote(reason, safe=SAFE)}' for gate, reason in reasons.items())}}}"
