# SPDX-License-Identifier: GPL-3.0-or-later
"""What deploying a process server asks of Azure beside the vault."""

from __future__ import annotations

from typing import Protocol

from .items import Json
from .server_ports import ServerVaultPort


class ResourcePort(ServerVaultPort, Protocol):
    """Resource Manager: resources by id. Reads and writes keep the promises of ``VaultPort``."""

    def get(self, resource_id: str) -> Json:
        """A resource. Raises NotFound."""

    def get_with(self, resource_id: str, **query: str) -> Json:
        """A resource, or an action in a path, with additional query parameters (``odata_expand``: ``$expand``)."""

    def list_resources(self, resource_id: str, **query: str) -> list[Json]:
        """A whole list by its path."""

    def put(self, resource_id: str, body: Json) -> None:
        """Make or change a resource: accepted, not finished. Raises Rejected or Unknown."""

    def delete(self, resource_id: str) -> None:
        """Have a resource removed: accepted, not finished. Raises Rejected or Unknown."""

    def run_script(self, vm_id: str, body: Json) -> Json:
        """Run a script inside an Azure VM and wait for what it prints (VirtualMachines_RunCommand). Something runs in the machine, so
        a read-only connection refuses. Raises Rejected, Unknown or ReadFailed."""

    def ask(self, resource_id: str, operation: str, body: Json) -> Json:
        """A POST that changes nothing. Raises Rejected, Unknown or ReadFailed."""
