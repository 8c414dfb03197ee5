# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role awx_setup makes in AWX or Automation Platform."""
