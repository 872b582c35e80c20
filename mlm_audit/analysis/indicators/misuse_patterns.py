"""Detection of each misuse pattern in the queries's frames; shared numbers are read from the database by the caller."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from mlm_audit.checks.trees.forest import plant
from mlm_audit.database.reads.shared_numbers import SharedNumbers
from mlm_audit.domain.periods import business_date, local_instant, month_label, months_between, naive
from mlm_audit.engine.analyses import AnalysisQueries

TERMS = {
    "tolerance_bps": 1_000,
    "burst_hour": 5,
    "burst_day": 10,
    "burst_factor": 5,
    "dormant_months": 6,
    "quick_minutes": 60,
    "quick_bps": 9_000,
}
"""The thresholds of the patterns.

A last-day order exceeds the required purchases by less than 10 %. A burst is 5 sign-ups in an hour or 10 in a day, and
at least five times the usual number.
"""

MOMENT = pl.Datetime("us")


class Example(NamedTuple):
    """One case: the members involved, what they did, and the amount in paisa."""

    members: tuple[int, ...]
    what: str
    amount_paisa: int


class PatternResult(NamedTuple):
    """The cases of one pattern, the worst first; `incomplete` is the reason why it could not be checked, else empty."""

    examples: tuple[Example, ...] = ()
    incomplete: str = ""


def find_all(queries: AnalysisQueries, shared: dict[str, SharedNumbers], now: datetime) -> dict[str, PatternResult]:
    """Return the cases of every pattern by its code, or the reason why the pattern could not be checked."""
    required = queries.duck.plan.rules.monthly_purchase_required_paisa
    queries.put("look_terms", [{**TERMS, "required_paisa": required}])
    _put_days(queries, now)
    numbers = {kind: _shared(queries, kind, answered) for kind, answered in shared.items()}
    rows: dict[str, tuple[tuple[str, ...], Callable[[AnalysisQueries], list[Example]]]] = {
        "sponsor-ring": (("people",), _rings),
        "last-day-order": (("orders", "order_facts"), _last_day),
        "sign-up-burst": (("people",), _bursts),
        "dormant-upline": (("people", "orders", "ledger"), _dormant),
        "quick-withdrawal": (("withdrawals", "withdrawal_facts", "ledger"), _quick),
    }
    found = {}
    for code, (needs, finder) in rows.items():
        reason = queries.missing(*needs)
        found[code] = PatternResult(incomplete=reason) if reason else PatternResult(tuple(finder(queries)))
    if not required:
        found["last-day-order"] = PatternResult(
            incomplete="the plan requires no monthly purchases, so this pattern does not apply"
        )
    queries.clear("look_terms", "day_months", "named")
    return found | numbers


def _put_days(queries: AnalysisQueries, now: datetime) -> None:
    """Load the business months since the first paid order or ledger row, each with the start of its last day."""
    tz = queries.duck.settings.tz
    first: datetime | None = queries.ask("first_movement").item()
    rows = [
        {
            "month": month.key,
            "starts_at": naive(month.start),
            "ends_at": naive(month.end),
            "last_day_at": naive(local_instant(business_date(month.end - timedelta(seconds=1), tz), tz)),
        }
        for month in (months_between(first.replace(tzinfo=UTC), now, tz) if first else [])
    ]
    queries.put("day_months", rows, {"month": pl.Int64, "starts_at": MOMENT, "ends_at": MOMENT, "last_day_at": MOMENT})


def credited_to(queries: AnalysisQueries, groups: list[tuple[int, ...]]) -> list[int]:
    """Return the total ever credited to each group of members, in paisa; 0 when the ledger cannot be read."""
    named = sorted({member for group in groups for member in group})
    if not named or "ledger" in queries.duck.missing:
        return [0] * len(groups)
    queries.put("named", pl.DataFrame({"member_id": named}))
    by_member = dict(queries.ask("credited_to").iter_rows())
    return [sum(by_member[member] for member in group) for group in groups]


def _worst_first(examples: list[Example]) -> list[Example]:
    return sorted(examples, key=lambda one: (-one.amount_paisa, -len(one.members), one.members))


def _shared(queries: AnalysisQueries, kind: str, answered: SharedNumbers) -> PatternResult:
    amounts = credited_to(queries, [one.members for one in answered.shared])
    examples = [
        Example(one.members, f"{kind.replace('-', ' ')} {one.shown}", amount)
        for one, amount in zip(answered.shared, amounts, strict=True)
    ]
    return PatternResult(tuple(_worst_first(examples)), answered.incomplete)


def _rings(queries: AnalysisQueries) -> list[Example]:
    people = queries.duck.con.sql("select id, sponsor_id from people order by id").pl()
    forest = plant(people["id"], people["sponsor_id"])
    rings = [tuple(int(forest.name(row)) for row in ring) for ring in forest.cycles()]
    words = ("the member is their own sponsor", "each member is sponsored by the next one, and the last by the first")
    amounts = credited_to(queries, rings)
    return _worst_first(
        [Example(ring, words[len(ring) > 1], amount) for ring, amount in zip(rings, amounts, strict=True)]
    )


def _last_day(queries: AnalysisQueries) -> list[Example]:
    return [Example((row["member_id"],), _days(row), row["amount_paisa"]) for row in _rows(queries, "last_day_orders")]


def _days(row: dict[str, Any]) -> str:
    first, last = month_label(row["first_month"]), month_label(row["last_month"])
    when = f"in {first}" if row["orders"] == 1 else f"in {row['orders']} months from {first} to {last}"
    return f"{when}; the last order is {row['last_order_id']}"


def _bursts(queries: AnalysisQueries) -> list[Example]:
    rows = _rows(queries, "sign_up_bursts")
    amounts = credited_to(queries, [(row["member_id"],) for row in rows])
    return [
        Example(
            (row["member_id"],),
            f"{row['in_day']} sign-ups within a day until {row['until_at']:%Y-%m-%d %H:%M} UTC, {row['in_hour']} of them within an hour; "
            f"the usual rate is {row['usual_per_day_hundredths'] // 100}.{row['usual_per_day_hundredths'] % 100:02d} a day",
            amount,
        )
        for row, amount in zip(rows, amounts, strict=True)
    ]


def _dormant(queries: AnalysisQueries) -> list[Example]:
    return [
        Example(
            (row["member_id"],),
            f"{row['credits']} {'credit' if row['credits'] == 1 else 'credits'}, the last on {row['last_credit_at']:%Y-%m-%d}; "
            + (
                f"the last own order was on {row['last_order_at']:%Y-%m-%d}"
                if row["last_order_at"]
                else "there was never an own order that stands"
            ),
            row["amount_paisa"],
        )
        for row in _rows(queries, "dormant_uplines")
    ]


def _quick(queries: AnalysisQueries) -> list[Example]:
    return [
        Example(
            (row["member_id"],),
            f"{row['withdrawals']} {'withdrawal' if row['withdrawals'] == 1 else 'withdrawals'}, "
            f"{row['fewest_minutes']} {'minute' if row['fewest_minutes'] == 1 else 'minutes'} after the release at the soonest; "
            f"the last is request {row['last_withdrawal_id']}",
            row["amount_paisa"],
        )
        for row in _rows(queries, "quick_withdrawals")
    ]


def _rows(queries: AnalysisQueries, query: str) -> list[dict[str, Any]]:
    return queries.ask(query).to_dicts()
