# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for guests of virtual machines, made from what a script saw in them. They run on the controller, whatever Python the guest has."""
