# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a Linux guest that is to become a master target. Standard library only; runs on the controller, whatever Python the guest has."""
