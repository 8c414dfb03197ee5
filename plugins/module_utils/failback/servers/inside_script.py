# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that looks from inside a machine: TCP ports of its servers, its agent, and room for it. It changes nothing. Pure.

Azure runs it by Run Command, Ansible by the connection of a guest. On Linux it needs a shell, bash and timeout, as the agent's own
installer does, and no Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: An address and a TCP port.
TcpPort = tuple[str, int]

#: Seconds for which the script tries a port.
PATIENCE = 5

#: MB that the agent's folder needs (DOC SUP, for Windows; INFER for Linux).
ROOM_MB = 500

#: What an address may be made of: it becomes part of a script.
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")

#: The line that the answer begins with: what a login shell prints before it is no answer.
_BEGIN = "asr begin"

_LINUX = """\
echo "asr begin"
if read b </proc/sys/kernel/random/boot_id; then echo "asr boot $b"; fi 2>/dev/null
t() {
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then :; else return; fi
if timeout SECONDS bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; then echo "asr tcp $1 $2 open"; else echo "asr tcp $1 $2 closed"; fi
}
if systemctl is-active --quiet vxagent 2>/dev/null || pgrep svagent >/dev/null 2>&1; then echo "asr agent running"
elif [ -e /usr/local/.vx_version ]; then echo "asr agent stopped"
else echo "asr agent missing"
fi
d=/usr/local
if [ -d /usr/local/ASR ]; then d=/usr/local/ASR; fi
df -Pk "$d" | awk 'NR==2 {print "asr free " int($4/1024)}'"""

_WINDOWS = """\
'asr begin'
function t($h, $p) {
$c = New-Object Net.Sockets.TcpClient
try { $ok = $c.ConnectAsync($h, $p).Wait(SECONDS000) } catch { $ok = $false }
$c.Dispose()
if ($ok) { "asr tcp $h $p open" } else { "asr tcp $h $p closed" }
}
$s = Get-Service -DisplayName 'InMage Scout Application Service' -ErrorAction SilentlyContinue
if (-not $s) { 'asr agent missing' } elseif ($s.Status -eq 'Running') { 'asr agent running' } else { 'asr agent stopped' }
'asr free ' + [math]::Floor((Get-PSDrive $env:SystemDrive[0]).Free / 1MB)"""


@dataclass(frozen=True)
class Inside:
    """What the script has found in one machine. ``why``: why it found nothing. ``agent`` is running, stopped or missing; empty and
    None: the script did not say. ``boot`` is the random id that a Linux kernel has for this boot, whoever asks it."""

    ports: Mapping[TcpPort, bool] = field(default_factory=dict)
    agent: str = ""
    free_mb: float | None = None
    why: str = ""
    boot: str = ""


def lines(windows: bool, ports: Iterable[TcpPort]) -> list[str]:
    """The script. What is no address is not tried."""
    tries = [f"t {address} {port}" for address, port in ports if ADDRESS.fullmatch(address)]
    return [*(_WINDOWS if windows else _LINUX).replace("SECONDS", str(PATIENCE)).splitlines(), *tries]


def found(text: str) -> Inside:
    """What the script has printed, among the words that others put around it."""
    ports: dict[TcpPort, bool] = {}
    agent, free, boot = "", None, ""
    for line in text.rpartition(_BEGIN)[2].splitlines():
        words = line.split()
        if words[:2] == ["asr", "boot"] and len(words) == 3:
            boot = words[2]
        elif words[:2] == ["asr", "tcp"] and len(words) == 5 and words[3].isdigit():
            ports[words[2], int(words[3])] = words[4] == "open"
        elif words[:2] == ["asr", "agent"] and len(words) == 3:
            agent = words[2]
        elif words[:2] == ["asr", "free"] and len(words) == 3 and words[2].isdigit():
            free = float(words[2])
    nothing = not (ports or agent or free is not None)
    return Inside(ports, agent, free, "the script printed nothing that is understood" if nothing else "", boot)
