# SPDX-License-Identifier: GPL-3.0-or-later
"""How an action plugin runs a module of ours: once or slice by slice, in a process forked from Ansible's worker."""
