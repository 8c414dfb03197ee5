# SPDX-License-Identifier: GPL-3.0-or-later
"""What each ARM route answers; importing the parts fills the table."""

from rehearsal.azure.routes import estate, items, jobs, machines, resources, servers, subscriptions
from rehearsal.azure.routes.base import ROUTES

__all__ = ["ROUTES", "estate", "items", "jobs", "machines", "resources", "servers", "subscriptions"]
