# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal: a vault stand-in and a vCenter stand-in on which the real playbooks run."""
