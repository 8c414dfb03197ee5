# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest SDK for Python (2.x): two machines around the circle. Arguments: VAULT MACHINE, for each generation in turn."""

from __future__ import annotations

import os
import sys

from azure.mgmt.recoveryservices import RecoveryServicesClient
from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient, models
from circle import Circle, cloud, login
from looks import Looks

GROUP, SUBSCRIPTION = os.environ["ASR_RESOURCE_GROUP"], os.environ["AZURE_SUBSCRIPTION_ID"]


def main(classic_vault: str, classic: str, modernized_vault: str, modernized: str) -> None:
    looks = Looks()
    with RecoveryServicesClient(login(), SUBSCRIPTION, **cloud()) as client:
        vaults = {vault.name for vault in client.vaults.list_by_subscription_id()}
        assert vaults >= {classic_vault, modernized_vault}, f"the subscription has the vaults {vaults}"
        assert client.vaults.get(GROUP, classic_vault).name == classic_vault
    with SiteRecoveryManagementClient(login(), SUBSCRIPTION, **cloud()) as client:
        for vault, walk, machine in ((classic_vault, "classic", classic), (modernized_vault, "modernized", modernized)):
            circle = Circle(client, models, (GROUP, vault), looks)
            print(vault, circle.tour(), "recovery points:", circle.points(machine))
            getattr(circle, walk)(machine)
            print(f"{machine} has been to Azure and is home again")
    looks.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
