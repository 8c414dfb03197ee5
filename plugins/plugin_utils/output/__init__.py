# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result says when it leaves: its words, its size, the command that goes on and the next steps."""
