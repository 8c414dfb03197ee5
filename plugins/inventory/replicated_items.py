# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of Site Recovery vaults as an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: replicated_items
short_description: List the machines of Site Recovery vaults as hosts
version_added: 1.0.0
description:
  - Lists the replicated items of one or more vaults as hosts, with the facts that M(homeward.asr.asr_replicated_item_info) gives,
    grouped by state, vault, recovery plan, replication group and operating system.
  - The variable C(ansible_host) follows the machine. It is the Azure machine's private address while the machine runs in Azure, and the
    guest's address in vCenter while it runs on-premises. It is not set while a failover moves the machine, and if no address is known.
  - The file's name must end in C(.asr.yml) or C(.asr.yaml).
  - It only reads. An incomplete list is an error; no inventory is made from part of one.
  - It needs the Python packages on the controller, in the Python that runs C(ansible-inventory).
author:
  - The homeward.asr contributors (!UNKNOWN)
options:
  plugin:
    description: Marks the file as one for this plugin.
    type: str
    required: true
    choices: [homeward.asr.replicated_items]
  vaults:
    description:
      - The Recovery Services vaults to list, each as a mapping of C(name), C(resource_group) and, where it differs from
        O(subscription_id), C(subscription_id).
      - A text is taken too, such as V(rg-dr/vault-dr) or, with the subscription in front,
        V(11111111-2222-4333-8444-555555555555/rg-dr/vault-dr).
      - Left out, the one vault is named by the environment variables E(ASR_VAULT) and E(ASR_RESOURCE_GROUP).
    type: list
    elements: raw
    env:
      - name: ASR_VAULTS
  include:
    description:
      - List only machines that have one of the values of each aspect named here. Case does not matter, and patterns such as V(shop-*) are
        taken.
      - An aspect that is left out or is an empty list does not filter. A blank value matches nothing, so an aspect with nothing but blank
        values lists no machine.
    type: dict
    suboptions:
      states:
        description: Positions on the way, as in C(position), for example V(out) or V(ready).
        type: list
        elements: str
      vaults:
        description: Names of vaults.
        type: list
        elements: str
      plans:
        description: Names of recovery plans.
        type: list
        elements: str
      groups:
        description: Names of replication (consistency) groups.
        type: list
        elements: str
      health:
        description: Health of the replication, for example V(Critical).
        type: list
        elements: str
      operating_systems:
        description: Operating systems as the vault names them, for example V(Linux).
        type: list
        elements: str
  exclude:
    description: Leave out machines that have one of the values of any aspect named here. Takes precedence over O(include).
    type: dict
    suboptions:
      states:
        description: See O(include.states).
        type: list
        elements: str
      vaults:
        description: See O(include.vaults).
        type: list
        elements: str
      plans:
        description: See O(include.plans).
        type: list
        elements: str
      groups:
        description: See O(include.groups).
        type: list
        elements: str
      health:
        description: See O(include.health).
        type: list
        elements: str
      operating_systems:
        description: See O(include.operating_systems).
        type: list
        elements: str
  hostnames:
    description:
      - What a host is called, as templates (V({{ asr_name }}.home.example)) or expressions (V(asr_name | lower)); the first that gives a
        text counts, and the machine's name where none does.
      - A name that several machines have gets the vault's name behind it, so that two machines never become one host.
      - The option O(hostname) is vCenter's.
    type: list
    elements: str
    default: []
  hostvars_prefix:
    description:
      - What the names of the facts begin with, V(asr_) if it is not set, and V(vault_) with O(vault_hosts=true).
      - Without a prefix they can hide variables of plays, such as C(name).
    type: str
  group_by:
    description: Of what groups are made.
    type: list
    elements: str
    choices: [state, vault, plan, group, operating_system, health]
    default: [state, vault, plan, group, operating_system]
  group_prefix:
    description:
      - What the names of these groups begin with, such as C(asr_state_out), C(asr_vault_vault_dr), C(asr_plan_shop), C(asr_group_shop),
        C(asr_os_linux) and C(asr_health_normal).
      - All machines are in the group of the prefix and C(machines), all vaults in that of the prefix and C(vaults).
    type: str
    default: asr_
  vault_hosts:
    description:
      - List the vaults as hosts, in place of the machines. A play on them runs once for each vault, on the controller, with
        C(asr_vaults) and C(asr_vault) set to that vault.
      - The playbooks of this collection run on them with C(asr_hosts=asr_vaults), one process for each vault.
      - O(include), O(exclude), O(group_by) and O(hostnames) are for machines and are not used then.
    type: bool
    default: false
extends_documentation_fragment:
  - homeward.asr.azure
  - homeward.asr.vcenter
  - homeward.asr.environment
  - constructed
  - inventory_cache
seealso:
  - module: homeward.asr.asr_replicated_item_info
"""

EXAMPLES = r"""
---
# failback.asr.yml: what runs in Azure and is healthy, from two vaults
plugin: homeward.asr.replicated_items
vaults:
  - name: vault-dr
    resource_group: rg-dr
  - rg-dr/vault-dr-2
include:
  states: [out, syncing_home, ready]
exclude:
  health: [Critical]
hostnames:
  - "{{ asr_name | lower }}.home.example"
keyed_groups:
  - key: asr_placement.process_server
    prefix: process_server
compose:
  ansible_user: "'admin' if asr_os_type == 'Windows' else 'root'"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /tmp/asr-inventory
cache_timeout: 300

# vaults.asr.yml: everything in the vault that ASR_VAULT and ASR_RESOURCE_GROUP name
# plugin: homeward.asr.replicated_items

# each-vault.asr.yml: the vaults as hosts, for one process each
# plugin: homeward.asr.replicated_items
# vaults: [rg-dr/vault-dr, rg-dr/vault-dr-2]
# vault_hosts: true
"""

from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.homeward.asr.plugins.plugin_utils.sources.inventory import (
    ENDINGS,
    InventoryError,
    Reading,
    hosts_of,
    read_hosts,
    trusted,
    untrusted,
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """See DOCUMENTATION."""

    NAME = "homeward.asr.replicated_items"

    def verify_file(self, path: str) -> bool:
        """Whether the file is one of ours, by its name."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the vaults, or the cache, and fill the inventory."""
        super().parse(inventory, loader, path)
        said = self._read_config_data(path)
        try:
            reading = Reading(self.get_option, said)
            for text in reading.warnings:
                self.display.warning(text)
            hosts = hosts_of(reading, self._facts(reading, path, cache), self._named)
        except InventoryError as exc:
            raise AnsibleParserError(str(exc)) from exc
        for text in hosts.warnings:
            self.display.warning(text)
        for group in hosts.groups:
            inventory.add_group(self._sanitize_group_name(group))
        for name, variables, groups in hosts.entries:
            self._add(name, untrusted(variables), groups)
            for variable, value in hosts.local.get(name, {}).items():
                inventory.set_variable(name, variable, trusted(value))

    def _facts(self, reading: Reading, path: str, cache: bool) -> list[dict[str, Any]]:
        """Facts from the cache where it may be used and holds what these options ask for; else from the vaults."""
        key = self.get_cache_key(path)
        kept = bool(self.get_option("cache"))
        if kept and cache:
            found = reading.usable(self._cache.get(key))
            if found is not None:
                return found
        facts = read_hosts(reading)
        if kept:
            self._cache[key] = reading.kept(facts)
        return facts

    def _named(self, template: str, variables: dict[str, Any]) -> str:
        """A name from a template or an expression; empty where one of its variables is missing, unless ``strict`` is set."""
        try:
            if "{{" not in template and "{%" not in template:
                host = self._compose(template, variables)
            else:
                self.templar.available_variables = variables
                host = self.templar.template(template)
        except Exception as exc:
            if self.get_option("strict"):
                raise AnsibleParserError(f"Option hostnames: {template!r} gives no name: {exc}") from exc
            return ""
        return str(host).strip() if host is not None else ""

    def _add(self, name: str, variables: dict[str, Any], groups: list[str]) -> None:
        self.inventory.add_host(name)
        # Straight to the host: the inventory's own method copies every value again, for each variable.
        host = self.inventory.get_host(name)
        for group in groups:
            self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(group)), name)
        for variable, value in variables.items():
            host.set_variable(variable, value)
        strict = self.get_option("strict")
        for option, construct in (
            ("compose", self._set_composite_vars),
            ("groups", self._add_host_to_composed_groups),
            ("keyed_groups", self._add_host_to_keyed_groups),
        ):
            wanted = self.get_option(option)
            if wanted:
                construct(wanted, variables, name, strict=strict)
