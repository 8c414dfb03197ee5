# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of stages of a run, as the role ``stage`` asks for it."""
