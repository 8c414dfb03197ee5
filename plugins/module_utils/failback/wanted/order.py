# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's request, complete and immutable, and the checks that need only its own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..lifecycle.decide import Conditions
from ..lifecycle.table import CANCEL_FAILOVER_TO_ONPREM, CONFIRM, FAILOVER_TO_AZURE, NOT_CONFIRMED, REPROTECT_TO_AZURE
from ..model.errors import InputError
from ..model.items import VaultRef
from ..model.words import same, stripped, words
from .by_machine import OPTIONS, Given, meant

#: The one word that selects every replicated item.
ALL = "all"

#: The recovery point of machines for which none is named.
LATEST = "latest"

#: Fields that hold several words.
LISTS = ("machines", "groups", "recovery_plans", "exclude", "master_targets", "approved")


@dataclass(frozen=True)
class Order:
    """One run's wishes. Names are the user's; nothing here is an id of the service.

    A blank word of a list is dropped and a blank text is the field's default, so that neither ever chooses anything.
    Raises InputError (``wrong_type``) for a list, or a mapping from machines, of anything but texts.
    """

    vaults: tuple[VaultRef, ...]
    route: tuple[str, ...]
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    recovery_plans: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    split_groups: bool = False
    advance: str = "each"
    commit_when: str = "manual"
    #: Machines whose commit is approved: names, patterns, groups, ids, or the keyword in approval.py.
    approved: tuple[str, ...] = ()
    confirm_failover_to_azure: bool = False
    #: These three may differ from machine to machine (by_machine.py).
    recovery_point: Given = LATEST
    shut_down_source: bool = True
    master_targets: tuple[str, ...] = ()
    process_server: str | None = None
    process_server_onprem: str | None = None
    datastore: Given | None = None
    retention_volume: Given | None = None
    policy: str | None = None
    policy_to_azure: str | None = None
    run_as_account: str | None = None
    run_as_account_windows: str | None = None
    run_as_account_linux: str | None = None
    log_storage_account: str | None = None
    #: Machines as the task that failed them over returned them: their jobs need not be read again.
    judged: tuple[Mapping[str, Any], ...] = ()
    #: Master targets that lost their place, as the watch returned them: machines bound to them do not go on.
    lost_places: tuple[Mapping[str, Any], ...] = ()
    confirm_cancel: bool = False
    #: Word of a rule (readiness) or gate -> why it may be passed.
    accept: Mapping[str, str] = field(default_factory=dict)
    #: Greatest age of the recovery point in seconds; None: the failback policy's threshold.
    rpo_limit: float | None = None
    exclude_temporary_disk: bool = True
    #: Look at what proves a commit, and send none.
    prove_only: bool = False
    #: What the user's own checks found (proofs/verifications.py), and the seconds for which that counts.
    verifications: tuple[Mapping[str, Any], ...] = ()
    verification_age: float = 3600.0
    wait: bool = True
    wait_for: str = "synchronised"
    agent_timeout: float = 1200.0
    retries: int = 2
    poll_interval: float | None = None
    slice_seconds: float = 25.0
    check: bool = False

    def __post_init__(self) -> None:
        without_blanks(self, LISTS)
        for option in OPTIONS:
            default = type(self).__dataclass_fields__[option].default
            object.__setattr__(self, option, meant(option, getattr(self, option)) or default)

    @property
    def decision_policy(self) -> Conditions:
        # Waiting only for the job makes sense at the end of the route: a later step needs the synchronised machine.
        wait_for = self.wait_for if len(self.route) == 1 else "synchronised"
        return Conditions(
            commit_when=self.commit_when,
            wait_for=wait_for,
            agent_timeout=self.agent_timeout,
            confirmed=self.confirm_failover_to_azure,
        )

    @property
    def forward_policy(self) -> str | None:
        """The policy named for the protection to Azure; a task of that step alone names it in ``policy``."""
        return self.policy_to_azure or (self.policy if self.reprotects_to_azure_only else None)

    @property
    def reprotects_to_azure_only(self) -> bool:
        return self.route == (REPROTECT_TO_AZURE,)

    @property
    def takes_plain_names_only(self) -> bool:
        """What must never happen by accident is requested machine by machine."""
        return FAILOVER_TO_AZURE in self.route or CANCEL_FAILOVER_TO_ONPREM in self.route


def without_blanks(order: Any, lists: Sequence[str]) -> None:
    """Drop the blank words of an order's lists, and put the default where a text is blank. For ``__post_init__``."""
    for entry in fields(order):
        value = getattr(order, entry.name)
        if entry.name in lists:
            object.__setattr__(order, entry.name, words(entry.name, value))
        elif isinstance(value, str):
            object.__setattr__(order, entry.name, stripped(value) or entry.default)


def validate(order: Order) -> None:
    """Refuse an invalid order. Raises InputError naming the option, the value and the remedy."""
    if not order.vaults:
        raise InputError(
            "no_vault",
            "'{option:vaults}' is empty.",
            "Give a list of vaults with name and resource_group, or set ASR_VAULT and ASR_RESOURCE_GROUP.",
        )
    for vault in order.vaults:
        for option, value in (
            ("subscription_id", vault.subscription_id),
            ("resource_group", vault.resource_group),
            ("name", vault.name),
        ):
            if not value:
                raise InputError(
                    "vault_incomplete",
                    f"The vault {vault.name or '(unnamed)'!r} in '{{option:vaults}}' has no {option}.",
                    f"Add {option} to the entry.",
                )
    _validate_age(order)
    if order.approved and order.commit_when == "verified":
        raise InputError(
            "approved_and_verified",
            f"'{{option:approved}}' names {order.approved[0]!r}, but {{option:commit_when}} is verified, which commits every "
            "machine whose proofs hold, approved or not.",
            "Set {set:commit_when=manual} so that only approved machines are committed, or leave {option:approved} out.",
        )
    if FAILOVER_TO_AZURE in order.route:
        _validate_names(order, "A failover to Azure")
    if CANCEL_FAILOVER_TO_ONPREM in order.route:
        if not order.confirm_cancel:
            raise InputError(
                NOT_CONFIRMED,
                (
                    "Cancelling a failover discards what the machines have written on-premises since, and was not "
                    "confirmed."
                ),
                "If you mean to do that, set {set:confirm_cancel=true}.",
            )
        _validate_names(order, "Cancelling a failover")


def _validate_age(order: Order) -> None:
    """The age of a recovery point that passes."""
    if order.rpo_limit is not None and not 0 < order.rpo_limit < 10 * 365 * 86400:
        raise InputError(
            "rpo_limit_invalid",
            f"{order.rpo_limit!r} in '{{option:rpo_limit}}' is not an age in seconds.",
            (
                "Give the maximum age of a recovery point in seconds, or leave it out to use the failback policy's "
                "threshold."
            ),
        )


def not_confirmed() -> InputError:
    """Only failovers to Azure are left to do, and they are not confirmed."""
    return InputError(
        NOT_CONFIRMED,
        "Failing machines over to Azure takes them off-premises and was not confirmed.",
        CONFIRM,
    )


def _validate_names(order: Order, what: str) -> None:
    """What must never happen by accident takes plain names alone; whether a word with brackets is one, ``select`` sees."""
    for option, values in (("groups", order.groups), ("recovery_plans", order.recovery_plans)):
        if values:
            raise InputError(
                "machine_names_required",
                f"{what} does not accept '{{option:{option}}}' ({values[0]!r}).",
                "List its machines by name in '{option:machines}'.",
            )
    for name in order.machines:
        if same(name, ALL):
            raise no_plain_name(name)


def no_plain_name(name: str) -> InputError:
    """A word that means several machines, where each must be named."""
    return InputError(
        "machine_names_required",
        f"A failover to Azure, and cancelling one, does not accept {name!r} in '{{option:machines}}'.",
        "List its machines by name.",
    )
