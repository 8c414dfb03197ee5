# SPDX-License-Identifier: GPL-3.0-or-later
"""The vCenter stand-in: a Go server (main.go and its neighbours), a client for it, and the seeding from a fleet."""
