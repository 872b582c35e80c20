"""The page of one member: place in the trees, wallet, orders, eligibility, payouts and breaks."""

from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.eligibility import explain_month
from mlm_audit.analysis.explain.order import OrderExplanation, explain_order
from mlm_audit.analysis.explain.subsets import check_order
from mlm_audit.analysis.explain.wallet import WalletExplanation
from mlm_audit.analysis.run import explain_member
from mlm_audit.analysis.validation import guard_inputs, unreadable_rows
from mlm_audit.database.reads.member import read_member
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.database.reads.subsets import has_member
from mlm_audit.database.store.runs import has_runs, member_breaks
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.payouts import known_reason
from mlm_audit.domain.privacy import mask_email, mask_name, mask_number, one_line
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.story import Story, Table, columns
from mlm_audit.runs.clock import now
from mlm_audit.runs.personal_data_access import note_reveal

MOST = 50
ORDERS = columns(
    ("id", "Order", "id"),
    ("paid_at", "Paid", "instant"),
    ("is_joining_order", "Joining", "flag"),
    ("status", "Status"),
    ("total_paisa", "Total", "money"),
    ("commission_amount_paisa", "Commissionable", "money"),
)
MONTHS = columns(
    ("month", "Month"),
    ("is_eligible", "Eligible", "flag"),
    ("monthly_purchase_paisa", "Purchases", "money"),
    ("kyc_approved", "KYC", "flag"),
    ("three_three_met", "3-3 rule", "flag"),
    ("rolled_up_paisa", "Rolled up", "money"),
)
PAYOUTS = columns(
    ("id", "Instalment", "id"),
    ("payout_date", "Due", "instant"),
    ("amount_paisa", "Amount", "money"),
    ("status", "Status"),
    ("failure_reason", "Hold reason"),
)
TREE = columns(
    ("tree", "Tree"), ("above", "Above"), ("position", "Position", "count"), ("below", "Direct children", "count")
)
BREAKS = columns(
    ("id", "Break"),
    ("severity", "Severity"),
    ("amount_paisa", "Amount", "change"),
    ("message", "Message"),
    ("run", "Found by"),
)


class MemberPage(Answer):
    """A member's page. Personal data are masked; `reveal=True` shows them in full and is logged."""

    NOUN = "member"

    def __init__(self, database: Engine, settings: Settings, member: int, *, reveal: bool = False) -> None:
        with one_instant(database) as connection:
            if not has_member(connection, member):
                raise InputError(f"member {member}: there is no such member; check the id")
        if reveal:
            note_reveal(settings, f"member {member}")
        self.id, self._database, self._settings, self._reveal = member, database, settings, reveal

    @cached_property
    def story(self) -> Story:  # type: ignore[override]
        """Return the page. It is read on first access, because an explanation does not need it."""
        with unreadable_rows(f"member {self.id}"):
            with one_instant(self._database) as connection:
                rows = read_member(connection, self.id, MOST)
            if rows is None:
                raise InputError(f"member {self.id}: the member no longer exists; check the id")
            return _page(self.id, rows, self._settings, reveal=self._reveal)

    @guard_inputs
    def explain(self) -> WalletExplanation:
        """Explain the wallet balance from the current rows, and add the last run's other breaks about the member."""
        return explain_member(
            self._database,
            self._settings,
            self.id,
            member_breaks(self._database, self.id) if has_runs(self._database) else None,
        )

    @guard_inputs
    def eligibility(self, month: str) -> Answer:
        """Explain every condition of the member's month (YYYY-MM) with its orders and directs, swept or not."""
        return explain_month(self._database, self.id, month, self._settings, now)


def _page(member: int, rows: dict[str, Any], settings: Settings, *, reveal: bool) -> Story:
    user = rows["user"]
    breaks = tuple(rows["breaks"])
    found = f"{plural(len(breaks), 'open break')} in the last runs" if breaks else "no open breaks in the last runs"
    tables = (
        Table("breaks", "Open breaks", BREAKS, breaks),
        Table("tree", "Place in the trees", TREE, tuple(rows["tree"])),
        Table("months", "Eligibility", MONTHS, tuple(rows["months"])),
        Table("orders", "Orders, newest first", ORDERS, tuple(rows["orders"]), of=rows["counts"]["orders"]),
        Table("payouts", "Instalments", PAYOUTS, tuple(_reasoned(row) for row in rows["payouts"])),
    )
    return Story(
        title=f"Member {member}",
        conclusion=f"The wallet holds {format_money(user['wallet_balance_paisa'] or 0)}. "
        f"The member has {plural(rows['counts']['orders'], 'order')} and {found}.",
        facts=(*_person(user, reveal=reveal), *_state(user, rows)),
        tables=tables,
        notes=tuple(rows["notes"]),
        timezone=settings.timezone,
        data={"member_id": member, "wallet_paisa": user["wallet_balance_paisa"], "counts": rows["counts"]},
    )


def _reasoned(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"failure_reason": row["failure_reason"] and known_reason(row["failure_reason"])}


def _person(user: dict[str, Any], *, reveal: bool) -> tuple[tuple[str, str], ...]:
    name, mail, phone = str(user["full_name"] or ""), str(user["email"] or ""), str(user["mobile_no"] or "")
    if not reveal:
        name, mail, phone = mask_name(name), mask_email(mail), mask_number(phone)
    name, mail, phone = one_line(name), one_line(mail), one_line(phone)
    return (("Name", name), ("E-mail", mail or "none"), ("Phone", phone if user["mobile_no"] else "none"))


def _state(user: dict[str, Any], rows: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    flags = [
        "active" if user["is_active"] else "not active",
        "blocked" if user["is_blocked"] else "not blocked",
        "KYC approved" if user["is_kyc_approved"] else "KYC not approved",
    ]
    since: datetime | None = user["created_at"]
    return (
        ("State", ", ".join(flags)),
        ("Member since", f"{since:%d %b %Y}" if since else "unknown"),
        ("Wallet", format_money(user["wallet_balance_paisa"] or 0)),
        ("Ledger rows", grouped(rows["counts"]["ledger"])),
    )


class OrderPage:
    """An order of the platform."""

    NOUN = "order"

    def __init__(self, database: Engine, settings: Settings, order: int) -> None:
        self.id, self._database, self._settings = order, database, settings

    @guard_inputs
    def explain(self) -> OrderExplanation:
        """Explain who received how much of the order and why. Raise InputError when there is no such order."""
        return explain_order(self.id, check_order(self._database, self._settings, self.id), self._settings)

    def __repr__(self) -> str:
        return f"Order {self.id}: call .explain() to see who received which amount and why"
