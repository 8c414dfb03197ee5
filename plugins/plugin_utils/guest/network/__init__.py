# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's network: recorded, compared and restored, as the role guest_network asks."""
