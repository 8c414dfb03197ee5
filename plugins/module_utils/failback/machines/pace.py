# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's pace: how long it waits for what, and how often it tries. Seconds, unless a line says otherwise."""

from __future__ import annotations

#: Seconds of the service's clock for which a list that does not show an accepted operation is taken to lag.
LAG = 60.0

#: Seconds of the service's clock for which a job that was accepted may not be shown yet.
UNSHOWN = 600.0

#: Seconds of the service's clock between two looks at somebody else's job that holds a machine.
LINGER = 300.0

#: Seconds of real time for which one look at the vault may be sent by, and those between two looks into the write bucket.
TRICKLE, REFILL = 10.0, 1.0

#: Writes that the service's bucket takes more in each second of real time (DOC, asr-api.md section 8).
REFILLED = 10.0

#: Refusals of one operation ("busy") after which a machine is given up.
REJECTIONS = 5

#: Pause between two ticks, in seconds, where the service told none: it grows from the first to the last.
FIRST_PAUSE, LAST_PAUSE, GROWTH = 1.0, 30.0, 1.5
