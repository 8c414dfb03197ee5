# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the failover to on-premises and the commit: the machines as hosts of a play, their checks and their guests' networks."""
