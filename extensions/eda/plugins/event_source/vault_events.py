# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes in Site Recovery vaults as events for ansible-rulebook."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
name: vault_events
short_description: Report changes in Site Recovery vaults
version_added: 1.0.0
description:
  - Reads one or more Recovery Services vaults at intervals and reports what has changed, once. It changes nothing in a vault.
  - Each event has C(kind) (V(machine), V(server), V(job), V(vault) or V(selection)), C(changes) (the names of the fields that changed,
    and V(found) or V(gone) for what appears and goes), C(was) (their former values) and the facts.
  - A machine has C(name), C(vault), C(item_id), C(group), C(os_type), C(state) (its position, such as V(out) or V(ready)), C(health),
    C(doing), C(job) and, where its health has turned critical, C(health_errors). C(state), C(health) and C(doing) are watched.
  - A server has C(role) (V(configuration_server), V(process_server), V(master_target) or V(appliance)), C(name), C(vault), C(state)
    (V(connected), V(lost) or V(gone)), C(health) and C(reason). C(state) and C(health) are watched.
  - A job has C(job), C(scenario), C(name) (the machine), C(vault), C(state), C(alive), C(succeeded), C(start), C(end) and, where it
    failed, C(errors). C(state) is watched.
  - A vault has C(vault), C(resource_group), C(subscription_id), C(readable) and C(reason). It is reported when it cannot be read, and when
    it can be read again. What is in a vault that cannot be read is not reported as gone.
  - With O(machines), O(groups) or O(recovery_plans), an event of the kind V(selection) reports the chosen machines together. It has
    C(machines) (names, fit for C(asr_machines)), C(total), C(by_state), C(state) (V(mixed) if they are in several), C(busy), C(ready),
    C(held) and C(holds).
    C(ready) is true when every one of them is ready for its failover home, none is busy, and nothing holds them. C(holds) are sentences. A
    lost configuration server, critical health of a chosen machine and a vault that cannot be read hold the selection.
  - It needs ansible-core and the collection's Python packages in the Python that runs ansible-rulebook.
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  vaults:
    description:
      - The vaults, each as a mapping of C(name), C(resource_group) and, where it differs from O(subscription_id), C(subscription_id), or as
        a text such as V(rg-dr/vault-dr).
      - If not set, the environment variables E(ASR_VAULTS), or E(ASR_VAULT) and E(ASR_RESOURCE_GROUP), name them.
    type: list
    elements: raw
  machines:
    description: Machines that are waited for, by name, pattern or item id, or V(all).
    type: list
    elements: str
    default: []
  groups:
    description: Consistency groups that are waited for.
    type: list
    elements: str
    default: []
  recovery_plans:
    description: Recovery plans whose machines are waited for.
    type: list
    elements: str
    default: []
  exclude:
    description: Machines to leave out of those.
    type: list
    elements: str
    default: []
  interval:
    description: Seconds between two readings.
    type: float
    default: 60
  request_budget:
    description:
      - Reads a minute that this source may send at most. Where a reading takes more than O(interval) allows, the next one waits longer. A
        vault takes about three reads, and one for each further page of its lists.
      - Failbacks that run at the same time share Azure's limit with this source. Where Azure refuses for lack of it, the source waits as
        long as Azure says.
    type: float
    default: 120
  jobs:
    description: Whether jobs are read and reported.
    type: bool
    default: true
  state_file:
    description:
      - File that keeps what was reported, so that after a restart only what has changed since is reported. It holds no secret.
      - Events are passed on before the file is written. A kill between the two repeats the events of one reading, with the same C(meta.uuid).
      - Without it, and where it does not exist yet, the first reading reports everything as it is then.
    type: path
  report_current:
    description: Whether a first reading without a former state reports everything. If V(false), it reports the selection only.
    type: bool
    default: true
  auth_source:
    description: These options and their environment variables are those of the modules, such as M(homeward.asr.asr_failback).
    type: str
    default: auto
  profile:
    description: See O(auth_source). Environment variable E(AZURE_PROFILE).
    type: str
  subscription_id:
    description: See O(auth_source). Environment variable E(AZURE_SUBSCRIPTION_ID).
    type: str
  tenant:
    description: See O(auth_source). Environment variable E(AZURE_TENANT).
    type: str
  client_id:
    description: See O(auth_source). Environment variable E(AZURE_CLIENT_ID).
    type: str
  secret:
    description: See O(auth_source). Environment variable E(AZURE_SECRET); prefer it to an option in a rulebook.
    type: str
  x509_certificate_path:
    description: See O(auth_source).
    type: path
  x509_certificate_password:
    description: See O(auth_source). Environment variable E(AZURE_X509_CERTIFICATE_PASSWORD); prefer it to an option in a rulebook.
    type: str
  federated_token_file:
    description: See O(auth_source).
    type: path
  cloud_environment:
    description: See O(auth_source).
    type: str
    default: AzureCloud
  resource_manager_endpoint:
    description: See O(auth_source).
    type: str
  authority_host:
    description: See O(auth_source).
    type: str
  ca_path:
    description: See O(auth_source).
    type: path
  disable_instance_discovery:
    description: See O(auth_source).
    type: bool
"""

EXAMPLES = r"""
- name: Failback of the shop
  hosts: all
  sources:
    - homeward.asr.vault_events:
        vaults: [rg-dr/vault-dr]
        recovery_plans: [shop]
        interval: 60
        state_file: /var/lib/eda/shop.json
  rules:
    - name: All machines of the shop are ready
      condition: event.kind == "selection" and event.ready == true
      action:
        run_job_template:
          name: asr stage 3
          organization: Default
          job_args:
            extra_vars:
              asr_machines: "{{ event.machines }}"
"""


def _make_importable() -> None:
    """ansible-rulebook runs this file by its path; the collection around it need not be importable there."""
    try:
        import ansible_collections.homeward.asr.plugins.plugin_utils.sources.events
    except ModuleNotFoundError:
        # extensions/eda/plugins/event_source of .../ansible_collections/homeward/asr
        collections = Path(__file__).absolute().parents[6]
        sys.path.append(str(collections.parent))
        import ansible_collections

        # A package of that name elsewhere, such as that of PyPI's ansible, hides this directory.
        if str(collections) not in ansible_collections.__path__:
            ansible_collections.__path__.append(str(collections))


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Entry point of ansible-rulebook."""
    try:
        _make_importable()
        from ansible_collections.homeward.asr.plugins.plugin_utils.sources import events
    except ModuleNotFoundError as exc:
        raise RuntimeError(
            f"The event source needs the Python package {exc.name}. Install ansible-core and the packages of the collection's "
            f"requirements.txt for {sys.executable}."
        ) from exc

    await events.run(queue, args)


if __name__ == "__main__":
    import json

    class _Printed:
        """A queue that prints, to try the source without ansible-rulebook: options come from the environment."""

        async def put(self, data: dict[str, Any]) -> None:
            print(json.dumps(data), flush=True)

    asyncio.run(main(_Printed(), {}))  # type: ignore[arg-type]
