# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's waits and numbers of attempts. Seconds unless stated otherwise."""

from __future__ import annotations

#: Seconds of the service's clock for which a list that does not show an accepted operation is taken to lag.
LAG = 60.0

#: Seconds of the service's clock for which a job that was accepted may not be shown yet.
UNSHOWN = 600.0

#: Seconds of the service's clock between two polls of a job that this run did not start.
LINGER = 300.0

#: Seconds of real time for which one read of the vault may be used for sending, and those between two checks of the write bucket.
TRICKLE, REFILL = 10.0, 1.0

#: Writes that the service's bucket takes more in each second of real time (DOC, asr-api.md section 8).
REFILLED = 10.0

#: Refusals of one operation ("busy") after which a machine is given up.
REJECTIONS = 5

#: Pause between two ticks, in seconds, where the service told none: it grows from the first to the last.
FIRST_PAUSE, LAST_PAUSE, GROWTH = 1.0, 30.0, 1.5
