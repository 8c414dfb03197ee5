# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses an agent's archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.homeward.asr.plugins.plugin_utils.guest.master_target.versions import choose_archive

DOCUMENTATION = r"""
name: agent_archive
short_description: The newest archive of the agent that no server forbids
version_added: 1.0.0
author:
  - The homeward.asr contributors (!UNKNOWN)
description:
  - Chooses among file names, such as those in the repository of a process server, the newest archive that fits a pattern and is not newer
    than any of the servers. An agent newer than its servers lets a reprotect succeed and the replication after it fail.
positional: pattern, limits
options:
  _input:
    description: Names of files, with or without their directory.
    type: list
    elements: str
    required: true
  pattern:
    description: Shell pattern of the file's name.
    type: str
    required: true
  limits:
    description: Versions of the servers by name. An empty version limits nothing.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: The archive for Ubuntu 20.04
  ansible.builtin.debug:
    msg: >-
      {{ lookup('ansible.builtin.fileglob', '/srv/asr/repository/*', wantlist=true)
         | homeward.asr.agent_archive('Microsoft-ASR_UA_*_UBUNTU-20.04-64*.tar.gz', {'configuration server': '9.62.1.1'}) }}
"""

RETURN = r"""
_value:
  description: The name that was chosen; empty when none fits.
  type: str
"""


def agent_archive(names: Iterable[str], pattern: str, limits: Mapping[str, str] | None = None) -> str:
    """See DOCUMENTATION."""
    return choose_archive(names, pattern, limits or {})


class FilterModule:
    """Filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"agent_archive": agent_archive}
