# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about configuration servers and what they know. Pure."""

from __future__ import annotations

from datetime import timedelta

from ...model.items import parse_time
from ...model.servers import HEARTBEAT_STALE
from ...model.texts import age
from ...servers.health import judge_configuration_server
from ..facts.facts import Facts, properties
from ..facts.moments import BACK, CS, FAILOVER, ONLY_CLASSIC, REPROTECT
from ..facts.subjects import Configuring, Server
from .rule import BLOCK, WARN, Rule, Said, bad, ok, unknown

#: Days before a certificate's end from which the service warns (DOC CSMG).
CERTIFICATE_WARNS = 60

#: A backup of the configuration server older than this many days is reported (INFER; the documents only require a recent one).
BACKUP_DAYS = 7

#: Status of a working vCenter discovery (SEEN Discovered, Completed).
DISCOVERED = frozenset({"discovered", "completed", "succeeded"})


def cs_connected(s: Configuring, f: Facts) -> Said | None:
    if s.fabric is None:
        return None
    reasons = judge_configuration_server(s.fabric, f.now)
    if reasons:
        return bad(reasons[0].reason, reasons[0].remedy)
    if s.fabric.health.lower() == "critical":
        return bad(f"The vault reports the configuration server {s.name} as Critical.")
    if s.fabric.heartbeat is None:
        return unknown(f"The vault does not report when the configuration server {s.name} last reported.")
    return ok(f"The configuration server {s.name} is running and reporting.")


def cs_address(s: Configuring, _f: Facts) -> Said | None:
    told = s.fabric.ip if s.fabric is not None else ""
    if not told or s.vm is None or not s.vm.addresses:
        return unknown(
            f"Whether {s.name} still has the address that the vault lists could not be compared with vCenter."
        )
    if told in s.vm.addresses:
        return ok(f"{s.name} has the address that the vault knows, {told}.")
    return bad(f"The vault knows {s.name} at {told}, and its VM has {', '.join(s.vm.addresses)}.")


def cs_backup(s: Configuring, f: Facts) -> Said | None:
    made = f.backups.get(s.name.lower())
    if made is None:
        return unknown(f"The date of the last backup of the configuration server {s.name} is not set.")
    days = (f.now.date() - made).days
    if days < -1:
        return bad(f"The last backup of {s.name} is given as {made}, which is in the future.")
    return (
        ok(f"{s.name} was backed up on {made}.")
        if days <= BACKUP_DAYS
        else bad(f"{s.name} was last backed up on {made}, {days} days ago.")
    )


def _certificate(s: Server) -> float | None:
    days = s.told.get("sslCertExpiryRemainingDays")
    try:
        return None if days is None else float(days)
    except (TypeError, ValueError):
        return None


def certificate_expired(s: Server, _f: Facts) -> Said | None:
    days = _certificate(s)
    if days is None:
        return unknown(f"The vault does not report when the certificate of {s.name} expires.")
    return bad(f"The certificate of {s.name} has expired.") if days <= 0 else ok(f"Valid for {days:.0f} more days.")


def certificate_ends(s: Server, _f: Facts) -> Said | None:
    days = _certificate(s)
    if days is None or days <= 0:
        return None
    if days <= CERTIFICATE_WARNS:
        return bad(f"The certificate of {s.name} expires in {days:.0f} days.")
    return ok(f"Valid for {days:.0f} more days.")


def vcenter_connected(s: Configuring, f: Facts) -> Said | None:
    known = f.vcenters.get(s.vault.key)
    if known is None:
        return unknown(f"The vCenters of vault {s.vault.name} could not be read{f.because('vcenters')}")
    mine = [v for v in known if s.fabric is not None and str(v.get("id") or "").lower().startswith(f"{s.fabric.key}/")]
    if not mine:
        return bad(
            f"The configuration server {s.name} has no vCenter.", "Add the vCenter to it and wait for its discovery."
        )
    for entry in mine:
        props = properties(entry)
        name = str(props.get("friendlyName") or entry.get("name") or "vCenter")
        said = [
            str(e.get("summaryMessage") or e.get("errorMessage") or e.get("errorCode") or "")
            for e in props.get("healthErrors") or ()
        ]
        status = str(props.get("discoveryStatus") or "")
        beat = parse_time(props.get("lastHeartbeat"))
        if any(said):
            return bad(f"The vault reports for {name}: {'; '.join(t for t in said if t)}")
        if status and status.lower() not in DISCOVERED:
            return bad(f"The discovery of {name} is {status}.")
        if beat is not None and (f.now - beat).total_seconds() > 3 * HEARTBEAT_STALE:
            return bad(f"{name} was last discovered {age((f.now - beat).total_seconds())} ago.")
        if not status and beat is None:
            return unknown(f"The vault does not report whether the discovery of {name} works.")
    return ok(f"Every vCenter of {s.name} is discovered.")


def vcenter_account(s: Configuring, _f: Facts) -> Said | None:
    targets = s.fabric.master_targets if s.fabric is not None else ()
    if not targets:
        return None
    if any(t.datastores for t in targets):
        return ok("Datastores are listed, so the account has more than read-only rights.")
    return bad(
        (
            f"None of the master targets of {s.name} lists a datastore, which suggests that the vCenter account is "
            "read-only."
        ),
        (
            "Give the account that the configuration server uses for vCenter the documented role. It takes 15 minutes "
            "to take effect."
        ),
    )


def run_as_accounts(s: Configuring, _f: Facts) -> Said | None:
    found = s.fabric.run_as_accounts if s.fabric is not None else ()
    return ok(f"{len(found)} accounts.") if found else bad(f"The configuration server {s.name} has no run-as account.")


def failback_policy(s: Configuring, f: Facts) -> Said | None:
    policies = f.policies.get(s.vault.key)
    if policies is None:
        return unknown(f"The policies of vault {s.vault.name} could not be read{f.because('policies')}")
    for entry in policies:
        details = properties(entry).get("providerSpecificDetails") or {}
        if details.get("instanceType") == "InMage":
            return ok(f"The failback policy {properties(entry).get('friendlyName') or entry.get('name')} exists.")
    return bad(f"Vault {s.vault.name} has no failback policy.")


def failback_policy_values(s: Configuring, f: Facts) -> Said | None:
    """15 minutes RPO threshold, 24 hours retention, an app-consistent point every 60 minutes: not editable (DOC REP16)."""
    for entry in f.policies.get(s.vault.key) or ():
        details = properties(entry).get("providerSpecificDetails") or {}
        if details.get("instanceType") != "InMage":
            continue
        told = (
            details.get("recoveryPointThresholdInMinutes"),
            details.get("recoveryPointHistory"),
            details.get("appConsistentFrequencyInMinutes"),
        )
        text = f"RPO threshold {told[0]} min, retention {told[1]} (minutes), application-consistent points every {told[2]} min."
        if None in told:
            return unknown(f"The failback policy does not report all of its values: {text}")
        return (
            ok(text)
            if told == (15, 1440, 60)
            else bad(f"The failback policy differs from the service's default: {text}")
        )
    return None


def clock_skew(s: Configuring, f: Facts) -> Said | None:
    if f.survey is None or f.survey.clock is None:
        return unknown("vCenter's clock could not be compared with the service's.")
    apart = abs((f.now - f.survey.clock).total_seconds())
    if apart > timedelta(minutes=15).total_seconds():
        return bad(f"vCenter's clock and the service's are {apart / 60:.0f} minutes apart.")
    return ok(f"vCenter's clock and the service's are {apart:.0f} s apart.")


_ROUND = REPROTECT | FAILOVER
_C = ONLY_CLASSIC
_CSREAD = "the configuration server's entry among the vault's fabrics"

RULES: tuple[Rule, ...] = (
    Rule(
        "cs_connected", "Configuration server is running and reporting", CS, _ROUND | BACK, BLOCK, cs_connected,
        f"{_CSREAD}: service, heartbeat, health", "Start it and check its connection to Azure.", "preflight check 1",
        (1,), _C,
    ),
    Rule(
        "cs_address", "Configuration server kept its address", CS, REPROTECT, BLOCK, cs_address,
        "its address in the vault, and in vCenter", "Give the restored server its former address.",
        "preflight check 3", (3,), _C,
    ),
    Rule(
        "cs_backup", "Configuration server was backed up recently", CS, REPROTECT, WARN, cs_backup,
        "the date in {option:configuration_server_backups}",
        "Back it up, and set the date in {option:configuration_server_backups}.",
        "preflight check 4", (4,), _C,
    ),
    Rule(
        "cs_certificate", "Configuration server's certificate is valid", CS, REPROTECT, BLOCK, certificate_expired,
        f"{_CSREAD}: sslCertExpiryRemainingDays", "Renew the certificate.", "preflight check 5", (5,), _C,
    ),
    Rule(
        "cs_certificate_ends", "Configuration server's certificate stays valid", CS, REPROTECT, WARN,
        certificate_ends, f"{_CSREAD}: sslCertExpiryRemainingDays", "Renew the certificate.", "preflight check 5",
        (5,), _C,
    ),
    Rule(
        "vcenter_connected", "vCenter is connected to the vault", CS, _ROUND, BLOCK, vcenter_connected,
        "the vault's vCenters: discovery, heartbeat, health errors",
        "Connect it again and refresh the configuration server; disks cannot be attached or detached meanwhile.",
        "preflight check 44", (44,), _C,
    ),
    Rule(
        "vcenter_account", "vCenter account has more than read-only rights", CS, REPROTECT, WARN, vcenter_account,
        "datastores that the master targets offer", "Give the account its role.", "preflight check 45", (45,), _C,
    ),
    Rule(
        "run_as_account", "Run-as account exists", CS, REPROTECT, WARN, run_as_accounts, f"{_CSREAD}: runAsAccounts",
        "Add one on the configuration server; it appears after 15 minutes.", "preflight check 80", (80,), _C,
    ),
    Rule(
        "failback_policy", "Failback policy exists", CS, REPROTECT, BLOCK, failback_policy, "the vault's policies",
        "Recreate the forward policy; its failback policy is created with it.", "preflight check 51", (51,), _C,
    ),
    Rule(
        "failback_policy_values", "Failback policy has the service's default values", CS, REPROTECT, WARN,
        failback_policy_values, "the vault's policies",
        "Take the shown values into account; such a policy cannot be edited.", "section 7", (51,), _C,
    ),
    Rule(
        "clock_skew", "Clocks agree", CS, REPROTECT | BACK, WARN, clock_skew,
        "vCenter's clock, and the Date of the service's answers", "Synchronize all of them by NTP.",
        "preflight check 70", (70,),
    ),
)  # fmt: skip
