"""What the toolkit may write on a mapped platform: the section `[operate]` of a mapping. Nothing else is ever written."""

import re
from string import Formatter

from pydantic import Field, field_validator

from mlm_audit.platforms.sections import GROUP, LedgerTable, MappedTable, Strict

PAYOUT_PARTS = {"schedule_id": 70_001, "user_id": 80_002, "order_id": 90_003}
"""What the reference of a payout may contain, each with a number by which a mapping is tried."""


class PayoutWrites(Strict):
    """How a payment is written: the status in the schedule, and the row of the ledger."""

    paid: str = Field(min_length=1)
    """The stored status of a paid instalment."""
    kind: str = Field(min_length=1)
    """The stored kind of the ledger row."""
    ref: str
    """The reference of the ledger row, with the parts {schedule_id}, {user_id} and {order_id}."""
    ledger: str | None = None
    """The part of the ledger that has the row; needed only where the ledger is several tables."""
    description: str = "Self income"
    values: dict[str, str | int | bool] = Field(default_factory=dict)
    """Other columns of the ledger row, under the platform's names, with the value that they get.

    A text may contain the same parts as `ref`.
    """

    @field_validator("ref")
    @classmethod
    def _known_parts(cls, text: str) -> str:
        parts = _parts_of(text)
        if "schedule_id" not in parts or parts - PAYOUT_PARTS.keys():
            raise ValueError(
                "ref: it must contain {schedule_id}, which makes it unique, and may contain {user_id} and {order_id}"
            )
        return text

    @field_validator("values")
    @classmethod
    def _known_parts_of_values(cls, values: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for column, text in values.items():
            if isinstance(text, str) and _parts_of(text) - PAYOUT_PARTS.keys():
                raise ValueError(f"values: {column} may contain {{schedule_id}}, {{user_id}} and {{order_id}}")
        return values

    def ref_of(self, **parts: int | None) -> str:
        """Return the reference of one payment."""
        return self.ref.format(**parts)

    def values_of(self, **parts: int | None) -> dict[str, str | int | bool]:
        """Return the other columns of the ledger row of one payment."""
        return {name: one.format(**parts) if isinstance(one, str) else one for name, one in self.values.items()}


def _parts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


class Operate(Strict):
    """What may be written when PLATFORM_WRITES is set."""

    payouts: PayoutWrites | None = None
    wallet_corrections: bool = False
    """Whether a reconciliation may set a wallet that is slightly off to the sum of its ledger."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the names of what may be written."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))


def why_not_operable(
    operate: Operate, users: MappedTable, ledger: tuple[LedgerTable, ...], schedule: MappedTable | None
) -> tuple[str, str] | None:
    """Return the key of `[operate]` that the other sections contradict, and why; None when they fit."""
    if users.table is None or "wallet_balance" in users.fallback:
        return "operate", "a wallet can only be written in a table; `users` must name its table, without a fallback"
    if (payouts := operate.payouts) is None:
        return None
    return _why_schedule_is_lacking(payouts, schedule) or _why_ledger_is_lacking(payouts, ledger)


def _why_schedule_is_lacking(payouts: PayoutWrites, schedule: MappedTable | None) -> tuple[str, str] | None:
    if schedule is None or schedule.table is None or not {"id", "status"} <= schedule.columns.keys():
        return "payouts", "the section payout_schedule must name a table with the columns id and status"
    if schedule.words.get("status", {}).get(payouts.paid, payouts.paid) != "paid":
        return "paid", f"the words of payout_schedule.status do not say that {payouts.paid!r} means paid"
    return None


def _why_ledger_is_lacking(payouts: PayoutWrites, ledger: tuple[LedgerTable, ...]) -> tuple[str, str] | None:
    part = next((one for one in ledger if payouts.ledger in (None, one.name)), None)
    if part is None or (payouts.ledger is None and len(ledger) > 1):
        return "ledger", f"name the part of the ledger that has the payouts: {', '.join(one.name for one in ledger)}"
    if part.table is None:
        return "ledger", f"the part {part.name} is a query; payouts can only be written in a table"
    kind = part.kind_of(payouts.kind)
    if kind is None or kind.role != "self_payout" or not kind.moves_wallet:
        return "kind", f"{payouts.kind!r} is not a kind with the role self_payout in the part {part.name}"
    return _why_ref_is_lost(payouts, part)


def _why_ref_is_lost(payouts: PayoutWrites, part: LedgerTable) -> tuple[str, str] | None:
    """Return what is wrong unless a written row names its instalment when it is read again."""
    if "reference_id" in part.columns:
        return None
    written = payouts.values_of(**PAYOUT_PARTS) | {part.columns.get("ref", ""): payouts.ref_of(**PAYOUT_PARTS)}
    for one in part.patterns:
        if "reference_id" in one.groups:
            found = re.fullmatch(GROUP.sub(r"(?P<\1>", one.pattern), str(written.get(one.column, "")))
            if found is not None and found["reference_id"] == str(PAYOUT_PARTS["schedule_id"]):
                return None
    return (
        "ref",
        f"no pattern of the ledger reads the instalment from {payouts.ref!r}; add one, or change the reference",
    )
