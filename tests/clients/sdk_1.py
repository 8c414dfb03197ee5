# SPDX-License-Identifier: GPL-3.0-or-later
"""The SDK for Python before its rewrite (1.3.0): two machines around the circle. Arguments as for sdk_2.py."""

from __future__ import annotations

import os
import sys

from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient, models
from circle import Circle, cloud, login
from looks import Looks

GROUP, SUBSCRIPTION = os.environ["ASR_RESOURCE_GROUP"], os.environ["AZURE_SUBSCRIPTION_ID"]


def main(classic_vault: str, classic: str, modernized_vault: str, modernized: str) -> None:
    looks = Looks()
    for vault, walk, machine in ((classic_vault, "classic", classic), (modernized_vault, "modernized", modernized)):
        with SiteRecoveryManagementClient(login(), SUBSCRIPTION, GROUP, vault, **cloud()) as client:
            circle = Circle(client, models, (), looks)
            print(vault, circle.tour(), "recovery points:", circle.points(machine))
            getattr(circle, walk)(machine)
            print(f"{machine} has been to Azure and is home again")
    looks.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
