# SPDX-License-Identifier: GPL-3.0-or-later
"""What users set for the playbooks (``asr_*``): the list of it, and reading it."""
