# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading vaults for the inventory plugin and the event source."""
