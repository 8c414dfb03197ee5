# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run or of a preflight: its data, its HTML page, and the files they are written to."""
