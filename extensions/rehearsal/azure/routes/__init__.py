# SPDX-License-Identifier: GPL-3.0-or-later
"""What each ARM route answers; importing the parts fills the table."""

from rehearsal.azure.routes import (
    disks,
    estate,
    items,
    job_control,
    jobs,
    machines,
    more_items,
    plans,
    resources,
    run_command,
    servers,
    settings,
    subscriptions,
)
from rehearsal.azure.routes.base import ROUTES

__all__ = [
    "ROUTES",
    "disks",
    "estate",
    "items",
    "job_control",
    "jobs",
    "machines",
    "more_items",
    "plans",
    "resources",
    "run_command",
    "servers",
    "settings",
    "subscriptions",
]
