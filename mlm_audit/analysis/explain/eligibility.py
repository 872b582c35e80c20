"""A month's eligibility as the sweep logged it, the changes between two months, and one member's month in detail."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.validation import guard_inputs, whole_id
from mlm_audit.database.core.schema import require
from mlm_audit.database.reads.eligibility import read_logged
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.periods import Month as Period
from mlm_audit.domain.periods import month_label, parse_month
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.sweep.eligibility import Explained, Explanation, explain_eligibility
from mlm_audit.jobs.sweep.run import NEEDED
from mlm_audit.platforms.mapping import refuse_absent
from mlm_audit.reporting.core.story import Story, Table, columns, rows_of

MEMBERS = columns(
    ("member_id", "Member", "id"),
    ("is_eligible", "Eligible", "flag"),
    ("purchase_paisa", "Purchases", "money"),
    ("required_paisa", "Required", "money"),
    ("kyc_approved", "KYC", "flag"),
    ("three_three_met", "3-3 rule", "flag"),
    ("rolled_up_paisa", "Rolled up", "money"),
)
CHANGES = columns(
    ("member_id", "Member", "id"),
    ("change", "Change"),
    ("why", "Reason"),
    ("before_paisa", "Purchases before", "money"),
    ("purchase_paisa", "Purchases now", "money"),
)
SUMMARY = columns(("change", "Change"), ("members", "Members", "count"))
CONDITIONS = columns(
    ("condition", "Condition"),
    ("is_met", "Met", "flag"),
    ("found", "Found"),
    ("needed", "Required"),
    ("words", "Explanation"),
)
ORDERS = columns(
    ("order_id", "Order", "id"),
    ("paid_at", "Paid", "instant"),
    ("status", "Status"),
    ("total_paisa", "Total", "money"),
    ("counted_paisa", "Counted", "money"),
)
DIRECTS = columns(
    ("member_id", "Direct", "id"),
    ("is_active", "Active", "flag"),
    ("paid_orders", "Paid orders", "count"),
    ("active_directs", "Active directs", "count"),
    ("counts", "Counts", "flag"),
)
POSTED = columns(("source", "Row"), ("amount_paisa", "Amount", "change"))
TITLES = {"active": "Active member", "purchase": "Purchases", "kyc": "KYC", "three_three": "3-3 rule"}


class MonthEligibility(Answer):
    """A month's decisions, one row per member in `frame`. `diff()` compares months, `explain()` explains one member."""

    def __init__(self, database: Engine, settings: Settings, month: str, now: datetime) -> None:
        refuse_absent(settings, f"eligibility {month}", "eligibility_log")
        require(database, NEEDED)
        self.month = parse_month(month, settings.tz)
        self._database, self._settings, self._now = database, settings, now
        self._logged = _logged(database, self.month)
        super().__init__(_month_story(self.month, self._logged, settings))

    @property
    def frame(self) -> pl.DataFrame:
        """Return every decided member: columns member_id, is_eligible, purchase_paisa, required_paisa and so on."""
        return self._logged

    @guard_inputs
    def diff(self, before: str) -> Answer:
        """Compare with another month: who became eligible or lost eligibility, and which conditions changed.

        Raise InputError for a month that was never swept.
        """
        earlier = parse_month(before, self._settings.tz)
        return Answer(_diff_story(self.month, earlier, self._logged, _logged(self._database, earlier), self._settings))

    @guard_inputs
    def explain(self, member: int) -> Answer:
        """Explain every condition of a member's month, with the orders and directs behind it."""
        return explain_month(
            self._database, whole_id("member", member), month_label(self.month.key), self._settings, lambda: self._now
        )


def explain_month(database: Engine, member: int, month: str, settings: Settings, clock: Clock) -> Answer:
    """Explain why a member is or is not eligible for a month (YYYY-MM), even for a month that was not swept.

    Raise InputError for an unknown member.
    """
    return Answer(_member_story(explain_eligibility(database, settings, member, month, clock), settings))


def _logged(database: Engine, month: Period) -> pl.DataFrame:
    frame = read_logged(database, month)
    if not frame.height:
        label = month_label(month.key)
        raise InputError(
            f"eligibility {label}: no sweep has decided that month; "
            f"preview its decisions with `mlm-audit run monthly-sweep --month {label} --dry-run`"
        )
    return frame


def _month_story(month: Period, logged: pl.DataFrame, settings: Settings) -> Story:
    eligible = int(logged["is_eligible"].sum())
    short = logged.filter(~pl.col("is_eligible"))
    reasons = {
        "purchases too small": int((short["purchase_paisa"] < short["required_paisa"]).sum()),
        "KYC not approved": int((~short["kyc_approved"]).sum()),
        "3-3 rule not met": int((~short["three_three_met"].fill_null(value=True)).sum()),
    }
    return Story(
        title=f"Eligibility of {month_label(month.key)}",
        conclusion=f"{grouped(eligible)} of {grouped(logged.height)} members were eligible.",
        facts=tuple((name, grouped(count)) for name, count in reasons.items()),
        tables=(Table("members", "Members", MEMBERS, rows_of(logged, MEMBERS)),),
        timezone=settings.timezone,
        data={"month": month_label(month.key), "eligible": eligible, "members": logged.height, "reasons": reasons},
    )


def _diff_story(month: Period, earlier: Period, now: pl.DataFrame, before: pl.DataFrame, settings: Settings) -> Story:
    both = now.join(before, on="member_id", how="full", coalesce=True, suffix="_before").sort("member_id")
    rows = [row | {"change": _change(row)} for row in both.iter_rows(named=True)]
    changed = [
        {
            "member_id": row["member_id"],
            "change": row["change"],
            "why": _why(row),
            "before_paisa": row["purchase_paisa_before"],
            "purchase_paisa": row["purchase_paisa"],
        }
        for row in rows
        if row["change"] not in ("stayed eligible", "stayed not eligible")
    ]
    kinds = (
        "became eligible",
        "lost it",
        "newly decided",
        "not decided any more",
        "stayed eligible",
        "stayed not eligible",
    )
    counts = {kind: sum(row["change"] == kind for row in rows) for kind in kinds}
    return Story(
        title=f"Eligibility of {month_label(month.key)} compared with {month_label(earlier.key)}",
        conclusion=f"{plural(counts['became eligible'], 'member')} became eligible, {grouped(counts['lost it'])} lost eligibility, "
        f"and {grouped(counts['stayed eligible'])} stayed eligible.",
        tables=(
            Table("changes", "Changes and reasons", CHANGES, tuple(changed)),
            Table(
                "summary",
                "Members by change",
                SUMMARY,
                tuple({"change": kind, "members": count} for kind, count in counts.items()),
            ),
        ),
        timezone=settings.timezone,
        data={"month": month_label(month.key), "before": month_label(earlier.key), "counts": counts},
    )


def _change(row: Mapping[str, Any]) -> str:
    was, is_now = row["is_eligible_before"], row["is_eligible"]
    if was is None:
        return "newly decided"
    if is_now is None:
        return "not decided any more"
    if was == is_now:
        return "stayed eligible" if is_now else "stayed not eligible"
    return "became eligible" if is_now else "lost it"


def _why(row: Mapping[str, Any]) -> str:
    """Return in words the conditions that are met in only one of the two months."""
    if row["is_eligible_before"] is None or row["is_eligible"] is None:
        return "the other month has no decision for this member"
    names = (("kyc_approved", "KYC condition"), ("three_three_met", "3-3 rule"))
    found = [
        f"{word} {'now met' if row[name] else 'no longer met'}"
        for name, word in names
        if row[name] != row[f"{name}_before"]
    ]
    bought = [row[f"purchase_paisa{end}"] >= row[f"required_paisa{end}"] for end in ("", "_before")]
    if bought[0] != bought[1]:
        found.append(
            "purchases reached the required amount" if bought[0] else "purchases fell below the required amount"
        )
    return ", ".join(found) or "the member's active or blocked flag changed"


def _member_story(found: Explanation, settings: Settings) -> Story:
    """Build the story of one member's month: the conditions, the rows behind them, the decision and the postings."""
    word = "eligible" if found.is_eligible else "not eligible"
    differs = found.stored is not None and bool(found.stored["isEligible"]) != found.is_eligible
    unmet = [one.words for one in found.conditions if not one.is_met]
    wrong = "; ".join(found.contradictions)
    return Story(
        title=f"Member {found.member_id}, eligibility of {found.month}",
        verdict=_verdict(found, differs=differs).value,
        conclusion=f"Member {found.member_id} is {word} for {found.month}"
        + (f": {'; '.join(unmet)}." if unmet else ": every condition is met.")
        + (f" However, {wrong}." if wrong else ""),
        first=_first(found, differs=differs),
        facts=_facts(found),
        tables=(
            Table("conditions", "Conditions", CONDITIONS, tuple(_condition(one) for one in found.conditions)),
            Table(
                "orders",
                "Purchases: the orders of the month",
                ORDERS,
                found.orders,
                "The counted amounts add up to the purchases.",
            ),
            Table("directs", "3-3 rule: the member's directs", DIRECTS, found.directs),
            Table("postings", "Postings", POSTED, tuple(_posting(one) for one in found.postings)),
        ),
        notes=found.notes,
        timezone=settings.timezone,
        data=asdict(found),
    )


def _verdict(found: Explanation, *, differs: bool) -> Verdict:
    """Return FAIL when decision, facts and postings disagree, PASS when an ended month is decided, else INCOMPLETE."""
    if differs or found.contradictions:
        return Verdict.FAIL
    return Verdict.PASS if found.has_ended and found.stored is not None else Verdict.INCOMPLETE


def _first(found: Explanation, *, differs: bool) -> str:
    if found.contradictions:
        return (
            "Review the postings below and correct those that do not match; the reconciliation's break names the row."
        )
    if differs:
        return "The facts changed after the decision. Review the changes, then decide whether to release or recover."
    return (
        ""
        if found.stored is not None
        else f"No sweep has decided this month yet. Run: mlm-audit run monthly-sweep --month {found.month}."
    )


def _facts(found: Explanation) -> tuple[tuple[str, str], ...]:
    decided = "not decided yet"
    if found.stored is not None:
        by = found.stored["jobId"] or "the platform itself"
        decided = f"{'eligible' if found.stored['isEligible'] else 'not eligible'}, by {by}"
    return (("Decided", decided), ("Pending decision", format_money(found.pending_paisa)))


def _posting(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"source": f"{row['table']} {row['id']}", "amount_paisa": row.get("amount", row.get("rolledUpAmount", 0))}


def _condition(one: Explained) -> dict[str, Any]:
    shown = [format_money(n) if one.condition == "purchase" else str(n) for n in (one.found, one.needed)]
    return {
        "condition": TITLES[one.condition],
        "is_met": one.is_met,
        "found": shown[0],
        "needed": shown[1],
        "words": one.words,
    }
