# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about servers while they are built: a process server that is to be deployed, a master target from inside. Pure.

What is read and how it is judged is the builder's (deploy/choosing.py and deploy/present.py; plugin_utils/guest/master_target for the
role master_target_guest): a rule gives it a name, under which it is reported and accepted.
"""

from __future__ import annotations

from ..facts.facts import Facts
from ..facts.moments import MASTER_TARGET, MT_INSIDE, ONLY_CLASSIC, PLANNED, PROCESS_SERVER
from ..facts.subjects import Built
from .rule import BLOCK, WARN, Judge, Rule, Said, bad, numbered, ok, unknown


def met(word: str, fine: str) -> Judge:
    """The builder's own finding of that name."""

    def judge(s: Built, _f: Facts) -> Said | None:
        if word not in s.asked:
            return None
        if word in s.unread:
            return unknown(f"It could not be read: {s.unread[word]}")
        found = s.against.get(word)
        return ok(fine) if found is None else bad(found.reason, found.remedy)

    return judge


_WHEN = frozenset({PROCESS_SERVER})
_MT = frozenset({MASTER_TARGET})

RULES: tuple[Rule, ...] = (
    Rule(
        "ps_alone", "Virtual network has no other process server", PLANNED, _WHEN, BLOCK,
        met("ps_alone", "It is the only one in its virtual network."),
        "process servers of the vaults, by the address space of the network",
        "Use that one, or deploy into a network that has none.", numbered((16,)), (16,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_address", "Process server's address is in its subnet and free", PLANNED, _WHEN, BLOCK,
        met("ps_address", "Its address is free."),
        "the subnet's address range; checkIPAddressAvailability of the virtual network",
        "Use a free address of the subnet.", numbered((78,)), (78,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_image", "Process server's image is offered", PLANNED, _WHEN, BLOCK,
        met("ps_image", "Its image is offered."), "versions of the image in the network's location",
        "Use an image that is offered there.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_size", "A large enough size is offered within the quota", PLANNED, _WHEN, BLOCK,
        met("ps_size", "Its size is offered and within the quota."),
        "sizes that the location offers to the subscription, and the usages of its quotas",
        "Use another size, or ask for quota.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
    Rule(
        "ps_deployable", "Azure takes the deployment", PLANNED, _WHEN, BLOCK,
        met("ps_deployable", "Azure takes the deployment."),
        "Resource Manager's answer to the deployment (in check mode to its validation): rights, policies, locks",
        "Fix what Azure names.", numbered((19,)), (19,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_root", "Master target's root file system is not on LVM", MT_INSIDE, _MT, BLOCK,
        met("mt_guest_root", "Its root file system is not on LVM."), "the guest: block devices and mounts",
        "Install the system again without LVM.", numbered((71,)), (71,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_retention", "Master target's retention disk is not on LVM", MT_INSIDE, _MT, BLOCK,
        met("mt_guest_retention", "Its retention disk is not on LVM."), "the guest: block devices, and what blkid says",
        "Attach a new, empty disk.", numbered((71,)), (71,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_kernel", "Master target runs a supported kernel", MT_INSIDE, _MT, BLOCK,
        met("mt_guest_kernel", "Its kernel is supported."), "the guest: uname, beside the kernels of its generation",
        "Install and boot such a kernel.", numbered((72,)), (72,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_kept", "Master target keeps its kernel", MT_INSIDE, _MT, WARN,
        met("mt_guest_kept", "Its kernel is held, and it does not upgrade itself."),
        "the guest: held packages, automatic upgrades", "The role holds the kernel and switches upgrades off.",
        numbered((72,)), (72,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_hosts", "Master target's hosts file maps its name to every address", MT_INSIDE, _MT, WARN,
        met("mt_guest_hosts", "Its hosts file maps its name to every address."), "the guest: /etc/hosts, its addresses",
        "The role adds the lines.", numbered((73,)), (73,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_restart", "Master target was restarted after ApplyCustomChanges.sh", MT_INSIDE, _MT, WARN,
        met("mt_guest_restart", "ApplyCustomChanges.sh has run, and the machine was restarted since."),
        "the guest: the marker of the script, and the time of its last start",
        "The role runs the script once and restarts the machine.", numbered((74,)), (74,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_folder", "Agent is unpacked below a home directory", MT_INSIDE, _MT, BLOCK,
        met("mt_guest_folder", "The agent is unpacked elsewhere than below /usr/local."), "the role's variable for the folder",
        "Unpack it below a home directory.", numbered((75,)), (75,), ONLY_CLASSIC,
    ),
    Rule(
        "mt_guest_sources", "Master target has the agent's archive and its packages", MT_INSIDE, _MT, BLOCK,
        met("mt_guest_sources", "The archive is there, and every package is installed or comes with it."),
        "the archive and the packages as the role's variables name them; the guest: installed packages",
        "Give the files on the controller, or let the machine reach them.", numbered((79,)), (79,), ONLY_CLASSIC,
    ),
)  # fmt: skip
