# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux guest that is to become a master target, as the role master_target_guest asks."""
