"""Explanation of an order: the plan's lines against what was recorded and posted, and the reason for each amount."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.order_lines import planned_lines, stands, unplanned_lines
from mlm_audit.analysis.explain.subsets import SubsetResult
from mlm_audit.analysis.explain.wallet import breaks_table, first_of, root_break, to_be_read
from mlm_audit.checks.causes import describe_cause
from mlm_audit.checks.roots import ROOTS
from mlm_audit.domain.findings import verdict_of
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.money import format_money
from mlm_audit.domain.periods import format_local, month_label, month_of
from mlm_audit.domain.plan import PlanVersion
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.story import Story, Table, columns

LINES = columns(
    ("line", "Line"),
    ("member_id", "Member", "id"),
    ("expected_paisa", "Planned", "money"),
    ("found_paisa", "Found", "money"),
    ("difference_paisa", "Difference", "change"),
    ("why", "Reason"),
    ("state", "State"),
    ("sources", "Rows"),
)
ROWS = columns(
    ("table", "Table"),
    ("id", "Id", "id"),
    ("at", "When", "instant"),
    ("line", "Line"),
    ("member_id", "Member", "id"),
    ("amount_paisa", "Amount", "change"),
    ("state", "State"),
)


class OrderExplanation(Answer):
    """An explained order.

    `frame` has the order's lines; for an order that stands, the plan's amounts add up to the commissionable amount.
    `differences` has the lines that differ from the plan.
    """

    @property
    def differences(self) -> pl.DataFrame:
        """Return the lines whose rows differ from the plan."""
        return self.frame.filter(pl.col("difference_paisa") != 0)


def explain_order(order: int, subset: SubsetResult, settings: Settings) -> OrderExplanation:
    """Explain an order, paid or unpaid."""
    row = subset.rows["orders"].filter(pl.col("id") == order).row(0, named=True)
    paid_at = row["paid_at"]
    version = subset.plan.version_at(paid_at.replace(tzinfo=UTC), settings.tz) if paid_at else None
    notes = list(subset.notes)
    if paid_at is None:
        notes.append("the order was never paid, so the plan allocates nothing")
    elif version is None:
        notes.append("no version of the plan was in force when the order was paid")
    elif row["commission_amount_paisa"] is None or row["commission_amount_paisa"] < 0:
        version = None
        notes.append("the order has no commissionable amount to split")
    lines = planned_lines(row, version, subset) if version else unplanned_lines(row, subset)
    found = subset.breaks
    tables = [
        Table(
            "lines",
            "Lines of the order",
            LINES,
            tuple(lines),
            _about(row),
            frozenset(i for i, x in enumerate(lines) if x["difference_paisa"]),
        ),
        *([breaks_table(found)] if found.height else []),
        Table("rows", "Rows of the order", ROWS, tuple(_rows(subset, order))),
    ]
    differs = any(line["difference_paisa"] for line in lines)
    verdict = verdict_of(is_broken=bool(found.height or differs), not_checked=subset.notes)
    story = Story(
        title=f"Order {order}",
        verdict=verdict.value,
        is_complete=not subset.notes,
        conclusion=_conclusion(row, lines, found),
        first=_first(subset, differs=differs),
        facts=_facts(row, version, settings),
        tables=tuple(tables),
        notes=tuple(notes),
        timezone=settings.timezone,
        data={
            "order_id": order,
            "commission_paisa": row["commission_amount_paisa"],
            "plan_version": version.name if version else None,
        },
    )
    return OrderExplanation(story)


def _first(subset: SubsetResult, *, differs: bool) -> str:
    if (root := root_break(subset.breaks)) is not None:
        return first_of(root)
    if differs:
        return "No check identifies a cause. Review each line that differs from the plan."
    return to_be_read(subset.notes) or "Nothing to do."


def _rows(subset: SubsetResult, order: int) -> list[dict[str, Any]]:
    """Return every row that belongs to the order, table by table."""
    rows = []
    for name, table, at in (("commissions", "commissions", "processed_at"), ("ledger", "ledger", "created_at")):
        for one in _of_order(subset, name, order).iter_rows(named=True):
            level = one.get("level", one.get("level_depth"))
            line = one["type"] + (f", level {level}" if level else "")
            rows.append(_row(table, one, one[at], line, str(one.get("status") or "")))
    for one in subset.rows["payout_schedule"].iter_rows(named=True):
        rows += [_row("SelfPayoutSchedule", one, one["payout_date"], f"instalment {one['instalment']}", one["status"])]
    for one in subset.rows["payout_history"].iter_rows(named=True):
        rows += [_row("PayoutHistory", one, None, f"payout of instalment {one['schedule_id']}", one["status"])]
    return rows


def _of_order(subset: SubsetResult, name: str, order: int) -> pl.DataFrame:
    """Return an input's rows of the order; from the ledger, the order's lines and the payouts of its instalments."""
    rows = subset.rows[name]
    if name != "ledger":
        return rows
    instalments = subset.rows["payout_schedule"]["id"].implode()
    payouts = (pl.col("type") == "self_payout") & pl.col("reference_id").is_in(instalments)
    return rows.filter(payouts | ((pl.col("reference_id") == order) & pl.col("type").is_in(ORDER_LINES)))


def _row(table: str, one: dict[str, Any], at: datetime | None, line: str, state: str) -> dict[str, Any]:
    member, paisa = one["user_id"], one["amount_paisa"]
    return {
        "table": table,
        "id": one["id"],
        "at": at,
        "line": line,
        "member_id": member,
        "amount_paisa": paisa,
        "state": state,
    }


def _about(row: dict[str, Any]) -> str:
    if row["paid_at"] is None:
        return "The order was never paid."
    if not stands(row):
        return f"The order is {row['status']}: everything that was posted for it must be reversed."
    return (
        f"The planned amounts add up to the commissionable amount, {format_money(row['commission_amount_paisa'] or 0)}."
    )


def _conclusion(row: dict[str, Any], lines: list[dict[str, Any]], breaks: pl.DataFrame) -> str:
    differing = [line for line in lines if line["difference_paisa"]]
    what = f"{format_money(row['commission_amount_paisa'] or 0)} of order {row['id']}"
    if not differing and not breaks.height:
        if row["paid_at"] is None:
            return f"Order {row['id']} was never paid, and nothing was posted for it."
        return (
            f"{what} was distributed according to the plan, to the paisa."
            if stands(row)
            else f"{what} was reversed, to the paisa."
        )
    counted = f"{len(differing)} of {len(lines)} lines {'differs' if len(differing) == 1 else 'differ'}"
    if roots := breaks.filter(pl.col("code").is_in(ROOTS))["cause"].to_list():
        follows = f"{counted} because of it" if differing else "its amounts are correct"
        return f"{what}: {describe_cause(roots[0])}; {follows}."
    if not differing:
        return f"{what}: the amounts are correct, but another check failed. {breaks['message'][0]}"
    first = differing[0]
    gives = f"{first['line']}: {format_money(first['found_paisa'])} instead of {format_money(first['expected_paisa'])}"
    return f"{what}: {counted}. {gives[0].upper()}{gives[1:]}{first.get('elsewhere', '')}."


def _facts(row: dict[str, Any], version: PlanVersion | None, settings: Settings) -> tuple[tuple[str, str], ...]:
    facts = [("Buyer", f"member {row['user_id']}"), ("Status", str(row["status"]))]
    if row["paid_at"] is not None:
        paid_at = row["paid_at"].replace(tzinfo=UTC)
        facts += [
            ("Paid", format_local(paid_at, settings.tz)),
            ("Month", month_label(month_of(paid_at, settings.tz).key)),
        ]
    facts.append(("Kind", "joining order" if row["is_joining_order"] else "repurchase"))
    facts.append(("Commissionable", format_money(row["commission_amount_paisa"] or 0)))
    return (*facts, ("Plan version", version.name if version else "none"))
