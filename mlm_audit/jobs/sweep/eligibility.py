"""Explains a member's eligibility for a month: each condition, the orders and directs behind it, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.schema import require
from mlm_audit.database.reads.member_month import MemberMonth, read_member_month
from mlm_audit.domain.eligibility import Condition, Direct, counts_for_three_three, in_words, is_eligible, judge
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.periods import format_local, month_label, parse_month
from mlm_audit.domain.plan import PlanRules, load_plan
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.sweep.run import NEEDED
from mlm_audit.platforms.mapping import refuse_absent


@dataclass(frozen=True)
class Explained:
    """One condition: whether it is met, the figures, an explanation in words, and the rows behind it."""

    condition: str
    is_met: bool
    needed: int
    found: int
    missing: int
    words: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """A member's month: the decision by today's facts, the stored decision, the postings, and the rows behind them.

    `orders` are the orders paid in the month; their counted_paisa add up to the purchases. `directs` are the members
    whom the member sponsors.
    """

    member_id: int
    month: str
    has_ended: bool
    is_eligible: bool
    conditions: tuple[Explained, ...]
    stored: dict[str, Any] | None
    pending_paisa: int
    postings: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    orders: tuple[dict[str, Any], ...]
    directs: tuple[dict[str, Any], ...]
    contradictions: tuple[str, ...]


def explain_eligibility(
    database: Engine, settings: Settings, member_id: int, month_text: str, clock: Clock
) -> Explanation:
    """Explain a member's eligibility for a month. Raise InputError when there is no such member or month."""
    month = parse_month(month_text, settings.tz)
    rules = load_plan(settings.plan_path).rules
    refuse_absent(settings, "eligibility", "eligibility_log")
    require(database, NEEDED)
    with consistent_read(platform_of(database)) as connection:
        read = read_member_month(connection, member_id, month, rules)
    if read is None:
        raise InputError(f"member {member_id}: there is no such member; check the id")
    conditions = judge(read.facts, rules)
    stored = read.stored[0] if read.stored else None
    ended = month.end <= clock()
    return Explanation(
        member_id,
        month_label(month.key),
        ended,
        is_eligible(conditions),
        tuple(_explained(condition, read, rules, settings) for condition in conditions),
        stored,
        read.decided.get("pending", 0),
        tuple(read.postings),
        tuple(_notes(read, is_eligible(conditions), ended=ended)),
        tuple(order._asdict() | {"counted_paisa": order.total_paisa if order.counts else 0} for order in read.orders),
        tuple(_direct(direct, rules) for direct in read.facts.directs),
        tuple(_contradictions(read)),
    )


def _contradictions(read: MemberMonth) -> list[str]:
    """Return the contradictions among what was decided, recorded and posted for the month.

    They do not depend on the decision by today's facts.
    """
    found = []
    if len(read.stored) > 1:
        found.append(
            f"the month was decided {len(read.stored)} times, in the rows {_ids(read.stored)} of the eligibility log"
        )
    released, rolled = read.decided.get("released", 0), read.decided.get("rolled_up", 0)
    if read.stored:
        eligible = bool(read.stored[0]["isEligible"])
        if released and not eligible:
            found.append(f'{format_money(released)} were released although the stored decision is "not eligible"')
        if rolled and eligible:
            found.append(f'{format_money(rolled)} were rolled up although the stored decision is "eligible"')
        if waiting := read.decided.get("pending", 0):
            found.append(f"{format_money(waiting)} are still pending although the month is decided")
        logged = read.stored[0]["monthlyPurchase"]
        if logged != read.facts.purchase_paisa:
            found.append(
                f"the log records purchases of {format_money(logged)}, but the orders add up to "
                f"{format_money(read.facts.purchase_paisa)}"
            )
    credits = [row for row in read.postings if row["table"] == "ledger"]
    for kind, ours, word in (
        ("repurchase_commission", released, "released"),
        ("commission_rollup", rolled, "rolled up"),
    ):
        posted = sum(row["amount"] or 0 for row in credits if row["type"] == kind)
        if posted != ours:
            found.append(f"{format_money(ours)} were {word}, but the ledger has postings of {format_money(posted)}")
    recorded = sum(row["rolledUpAmount"] or 0 for row in read.postings if row["table"] == "CommissionRollup")
    if recorded != rolled:
        found.append(f"{format_money(rolled)} were rolled up, but CommissionRollup records {format_money(recorded)}")
    return found


def _ids(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(row["id"]) for row in rows)


def _direct(direct: Direct, rules: PlanRules) -> dict[str, Any]:
    return asdict(direct) | {"counts": counts_for_three_three(direct, rules)}


def _explained(condition: Condition, read: MemberMonth, rules: PlanRules, settings: Settings) -> Explained:
    words = "met" if condition.is_met else in_words({"condition": condition.name, "missing": condition.missing}, rules)
    rows = {"purchase": _order_rows(read, settings), "three_three": _direct_rows(read, rules)}.get(condition.name, ())
    return Explained(
        condition.name, condition.is_met, condition.needed, condition.found, condition.missing, words, tuple(rows)
    )


def _order_rows(read: MemberMonth, settings: Settings) -> list[str]:
    return [
        f"order {order.order_id}, paid {format_local(order.paid_at, settings.tz)}: {format_money(order.total_paisa)}"
        + ("" if order.counts else f" (does not count: {order.status})")
        for order in read.orders
    ]


def _direct_rows(read: MemberMonth, rules: PlanRules) -> list[str]:
    lines = []
    for direct in read.facts.directs:
        reached = (
            plural(direct.paid_orders, "paid order")
            if rules.three_three == "orders_of_directs"
            else plural(direct.active_directs, "active direct")
        )
        activity = "active" if direct.is_active else "not active"
        verdict = "counts" if counts_for_three_three(direct, rules) else "does not count"
        lines.append(f"direct {direct.member_id}: {activity}, {reached}: {verdict}")
    return lines


def _notes(read: MemberMonth, eligible: bool, *, ended: bool) -> list[str]:  # noqa: FBT001
    notes = [
        "flags (active, blocked, KYC) have no history, so they are the current ones; purchases and directs are those of the month"
    ]
    if not ended:
        notes.append("the month has not ended, so the result may still change")
    if read.stored and bool(read.stored[0]["isEligible"]) != eligible:
        was = "eligible" if read.stored[0]["isEligible"] else "not eligible"
        notes.append(
            f"the decision stored by {read.stored[0]['jobId'] or 'the platform itself'} is {was!r}; the facts have changed since "
            "then, and the stored decision stands"
        )
    return notes
