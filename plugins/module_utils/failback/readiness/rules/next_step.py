# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the state of a machine: why a step is not allowed now, and where a reprotect would put it. Pure.

The decision is the engine's own (lifecycle/decide.py), asked for the step alone.
"""

from __future__ import annotations

from ...lifecycle.decide import Decision, Done, Wait
from ...lifecycle.table import POSITION_TEXT, STEP_TEXT, Position
from ...lifecycle.why_not import told_beside
from ...model.refusal import Refusal
from ...model.texts import begun
from ..facts.facts import Facts
from ..facts.moments import BACK, COMMIT, FAILOVER, MACHINE, ONLY_CLASSIC, OUT, REPROTECT, STEPS
from ..facts.subjects import Machine
from .rule import BLOCK, WARN, Rule, Said, bad, ok, unknown


def readable(s: Machine, _f: Facts) -> Said | None:
    return bad(f"The vault does not list the machine: {s.unread}") if s.unread else ok("The vault lists it.")


def fabric_known(s: Machine, _f: Facts) -> Said | None:
    if s.item is None:
        return None
    if s.fabric is None:
        return bad("The machine's configuration server or appliance is not listed in the vault.")
    return ok(f"It belongs to {s.fabric.friendly_name}.")


def operation_allowed(s: Machine, f: Facts) -> Said | None:
    """Why the service, or the life cycle, does not allow a step now; in full, with how far a synchronisation is."""
    if s.item is None or s.unread:
        return None
    for step, decision in s.decided.items():
        if _held_up(decision):
            # What it is busy with is told by that rule.
            return None
        if not isinstance(decision, Refusal):
            continue
        parts = [f"{begun(STEP_TEXT[step])} is not possible now: {decision.reason}"]
        syncing = s.position is not None and s.position.value.startswith("syncing")
        parts += told_beside(s.item, f.now, syncing, decision)
        return bad(" ".join(parts), decision.remedy)
    if s.decided and all(isinstance(decision, Done) for decision in s.decided.values()):
        where = POSITION_TEXT[s.position] if s.position is not None else "past that step"
        return ok(f"There is nothing to do: the machine is {where}.")
    return ok("The service allows the next step.")


def _held_up(decision: Decision) -> bool:
    """Whether something else is running on the machine, or the service allows nothing for a while."""
    return isinstance(decision, Wait) and decision.operation is None and decision.then is None


def busy(s: Machine, f: Facts) -> Said | None:
    for decision in s.decided.values():
        if isinstance(decision, Wait) and _held_up(decision) and s.item is not None:
            told = told_beside(s.item, f.now, False, Refusal("not_understood", decision.reason, ""))
            return bad(" ".join([f"The machine is busy: {decision.reason}.", *told]))
    return ok("Nothing else is under way.")


def agent_registered(s: Machine, _f: Facts) -> Said | None:
    """A heartbeat since the failover proves TCP 443 from the machine to the configuration server, too, on either side (checks 7, 13, 68)."""
    for decision in s.decided.values():
        if isinstance(decision, Wait) and decision.then is not None:
            return bad("Its agent has not registered since the failover.")
    if s.item is None or s.item.agent_heartbeat is None:
        return unknown("The vault does not report when the machine's agent last reported.")
    return ok("Its agent is registered.")


def placement(s: Machine, _f: Facts) -> Said | None:
    if isinstance(s.placed, Refusal):
        return bad(s.placed.reason, s.placed.remedy)
    return None if s.placed is None else ok(f"Through {s.placed.master_target or 'its appliance'}.")


def placement_out(s: Machine, _f: Facts) -> Said | None:
    if isinstance(s.placed_out, Refusal):
        return bad(s.placed_out.reason, s.placed_out.remedy)
    return None if s.placed_out is None else ok("A process server or appliance and a policy are available.")


def same_vcenter(s: Machine, f: Facts) -> Said | None:
    """Documents contradict each other; the user must accept an alternate vCenter (section 3.2)."""
    mine = str(s.details.get("vCenterInfrastructureId") or "").lower()
    known = f.vcenters.get(s.vault.key)
    if s.recreated or not mine:
        return None
    if known is None:
        return unknown(
            "The vault's vCenters could not be read, so whether the machine's own is among them is not known."
        )
    ids = {str((v.get("properties") or {}).get("infrastructureId") or "").lower() for v in known} - {""}
    if not ids:
        return unknown("The vault's vCenters have no id to compare with the machine's own.")
    if mine in ids:
        return ok("Its vCenter is the one the vault knows.")
    return bad(f"It was protected in the vCenter {mine}, which the vault no longer knows.")


def physical_system(s: Machine, _f: Facts) -> Said | None:
    if str(s.details.get("discoveryType") or "").lower() != "physical" or s.item is None:
        return None
    if s.item.instance_type != "InMageAzureV2":
        # During the failback every item says Physical (SEEN).
        return None
    if (s.item.os_type or "").lower() == "linux":
        return ok("A physical Linux server is failed back as a VMware VM.")
    said = " ".join(str(s.details.get(key) or "") for key in ("osVersion", "osName")).strip()
    if not said:
        return unknown("The vault does not report the Windows version of this physical server.")
    return bad(f"It is a physical server with {said}.") if "2008 r2" in said.lower() else ok(f"It runs {said}.")


def recovery_point(s: Machine, _f: Facts) -> Said | None:
    """Classic items report their points themselves once they are ready (SEEN FB); a planned failover makes its own."""
    if s.item is None or s.unread or s.item.instance_type != "InMage" or s.position is None:
        return None
    if s.position.value not in ("ready", "syncing_home"):
        return None
    points = s.details.get("consistencyPoints")
    if points is None:
        return unknown("The vault does not report the machine's recovery points.")
    return ok(f"It has {len(points)} named recovery points.") if points else bad("It has no recovery point.")


def azure_target(s: Machine, _f: Facts) -> Said | None:
    """Size and network of the Azure VM that the failover makes; items of both generations (SEEN)."""
    size = s.details.get("recoveryAzureVMSize") or s.details.get("targetVmSize")
    network = s.details.get("selectedRecoveryAzureNetworkId") or s.details.get("targetNetworkId")
    lacks = [what for what, value in (("size", size), ("network", network)) if not value]
    if lacks:
        return bad(f"The vault has no {' and no '.join(lacks)} for its Azure VM.")
    return ok(f"It becomes a {size} in {str(network).rpartition('/')[2]}.")


def connect_after(s: Machine, _f: Facts) -> Said | None:
    if s.item is None or (s.item.os_type or "").lower() != "windows":
        return None
    word = str(s.details.get("enableRdpOnTargetOption") or "")
    if not word:
        return unknown("The vault does not report whether remote desktop is enabled on its Azure VM.")
    return (
        bad("Remote desktop is not enabled on its Azure VM by the failover.") if word.lower() == "never" else ok(word)
    )


def longer_failover(s: Machine, _f: Facts) -> Said | None:
    """8 to 10 minutes longer (DOC S3, OVC): physical servers, Linux, old agents, no DHCP service, missing drivers."""
    if s.item is None:
        return None
    why = []
    if str(s.details.get("discoveryType") or "").lower() == "physical":
        why.append("it is a physical server")
    if (s.item.os_type or "").lower() == "linux":
        why.append("it runs Linux")
    version = str(s.details.get("agentVersion") or "")
    parts = [int(p) for p in version.split(".")[:2] if p.isdigit()]
    if len(parts) == 2 and (parts[0], parts[1]) < (9, 8):
        why.append(f"its agent has version {version}")
    return (
        bad(f"Its failover takes 8 to 10 minutes longer: {' and '.join(why)}.")
        if why
        else ok("Nothing makes it slower.")
    )


def commit_approved(s: Machine, _f: Facts) -> Said | None:
    """The run's own decision. A machine that is not approved waits there; no run refuses it for that."""
    if s.position is not Position.HOME_UNCOMMITTED:
        return None
    if s.awaiting is None:
        return ok("Its commit is approved, or follows the proofs alone.")
    return bad(
        "Its commit is not approved: it deletes the Azure VM for good, and no other recovery point can be chosen afterwards.",
        s.awaiting.remedy,
    )


def downtime(s: Machine, _f: Facts) -> Said | None:
    """Only people know their window: accepting the rule with a reason records who agreed."""
    return unknown(f"Whether the downtime of {s.name} is agreed is not known.") if s.item is not None else None


_ITEM = "the replicated item"

RULES: tuple[Rule, ...] = (
    Rule(
        "machine_read", "Machine can be read in the vault", MACHINE, STEPS, BLOCK, readable, _ITEM,
        "Check it in the vault, then rerun.", "preflight check 2", (2,),
    ),
    Rule(
        "fabric_known", "Machine's configuration server or appliance is in the vault", MACHINE, STEPS, BLOCK,
        fabric_known, "fabrics of the vault, and the item's own path",
        "Restore the configuration server from its backup, or register it.", "preflight check 2", (2,),
    ),
    Rule(
        "operation_allowed", "Next step is allowed now", MACHINE, STEPS, BLOCK, operation_allowed,
        f"{_ITEM}: provider, active location, allowed operations, scenario, health errors, progress",
        "Follow the reason.", "preflight checks 12, 55, 57, 67 and 84", (12, 55, 57, 67, 84),
    ),
    Rule(
        "busy", "No other operation is running on the machine", MACHINE, STEPS, BLOCK, busy, f"{_ITEM}: currentScenario",
        "Wait for it to end. A failover is never cancelled.", "preflight check 54", (54,),
    ),
    Rule(
        "agent_registered", "Agent has registered since the failover", MACHINE, REPROTECT | BACK, WARN,
        agent_registered, f"{_ITEM}: agent heartbeat or flag",
        "Wait: it may take 15 minutes, and a reprotect waits for it. Then check that it reaches its servers on TCP 443.",
        "preflight checks 7, 13, 14 and 68", (7, 13, 14, 68),
    ),
    Rule(
        "placement", "A server, datastore and policy fit the machine", MACHINE, REPROTECT, BLOCK, placement,
        f"{_ITEM} and what the servers offer", "Set the option that the reason lists.", "preflight checks 22, 31, 34 and 40",
        (22, 31, 34, 40, 50),
    ),
    Rule(
        "placement_to_azure", "A process server or appliance fits for reprotect to Azure", MACHINE, BACK, BLOCK,
        placement_out, f"{_ITEM} and what the servers offer", "Set the option that the reason lists.", "preflight check 69", (69,),
    ),
    Rule(
        "same_vcenter", "vCenter is the original one", MACHINE, REPROTECT, BLOCK, same_vcenter,
        f"{_ITEM}: vCenterInfrastructureId; the vault's vCenters: infrastructureId",
        "Restore the original vCenter. Accept this rule only if everything was moved to the new one.",
        "preflight check 46, section 10 no. 4", (46,), ONLY_CLASSIC,
    ),
    Rule(
        "physical_2008r2", "Physical server's system can be failed back", MACHINE, REPROTECT, BLOCK, physical_system,
        f"{_ITEM}: discoveryType, osVersion, osName",
        "Windows Server 2008 R2 SP1 on physical servers cannot be failed back; leave it in Azure.", "preflight check 49",
        (49,), ONLY_CLASSIC,
    ),
    Rule(
        "recovery_point", "There is a recovery point", MACHINE, FAILOVER, BLOCK, recovery_point,
        f"{_ITEM}: consistencyPoints", "Wait until the machine has a recovery point.", "preflight check 56", (56,), ONLY_CLASSIC,
    ),
    Rule(
        "downtime_agreed", "Downtime is agreed", MACHINE, FAILOVER, WARN, downtime, "nothing: people know it",
        "Agree on a window with the machine's owners; accept this rule with their names to have that in the report.",
        "preflight check 62", (62,),
    ),
    Rule(
        "commit_approved", "Commit is approved, or follows the proofs alone", MACHINE, COMMIT, BLOCK, commit_approved,
        "{option:approved} and {set:commit_when=verified}",
        "Check the machine on-premises, then approve it by name in {option:approved}.", "preflight check 66", (66,),
    ),
    Rule(
        "azure_target", "Azure VM's size and network are set", MACHINE, OUT, BLOCK, azure_target,
        f"{_ITEM}: size and network of the target", "Set what is missing in the vault under the machine's compute and network.",
        "section 5", (),
    ),
    Rule(
        "connect_after", "Azure VM can be connected to after the failover", MACHINE, OUT, WARN, connect_after,
        f"{_ITEM}: enableRdpOnTargetOption", "Enable remote desktop before the failover.", "section 5", (),
        ONLY_CLASSIC,
    ),
    Rule(
        "longer_failover", "Failover takes no longer than usual", MACHINE, OUT, WARN, longer_failover,
        f"{_ITEM}: discoveryType, osType, agentVersion", "Allow for the extra time.", "section 11", (),
    ),
)  # fmt: skip
