# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and kills it, as with kill -9, once a file exists on the machine.

``kill_during.py KEY PORT FILE COMMAND ...``. Ends with 1 when the command ended before that, or within 600 s.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

PATIENCE = 600.0


def main() -> int:
    key, port, file, *command = sys.argv[1:]
    ssh = ["ssh", "-i", key, "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    ssh += ["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10", "root@127.0.0.1"]
    # Logging in is the most that an emulated machine does here, so one connection looks many times.
    ssh += [f"n=0; until test -e {file}; do n=$((n + 1)); test $n -lt 40 || exit 1; sleep 0.5; done"]
    child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    reached = False
    while not reached and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
        reached = subprocess.run(ssh, check=False, stdin=subprocess.DEVNULL).returncode == 0
    alone = child.poll() is None
    if alone:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return 0 if reached and alone else 1


if __name__ == "__main__":
    sys.exit(main())
