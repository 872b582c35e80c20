"""The lines of an order: the amounts that the plan gives, and the rows that were found for each."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from mlm_audit.analysis.explain.subsets import SubsetResult
from mlm_audit.domain.eligibility import three_three_since
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.money import binary_share, floor_share, format_money
from mlm_audit.domain.payouts import order_stands
from mlm_audit.domain.plan import PlanRules, PlanVersion
from mlm_audit.domain.postings import Posting, Upline, expected_postings

EVER = datetime(1900, 1, 1)  # noqa: DTZ001  (UTC without a zone, as the frames have it)


class Ancestor(NamedTuple):
    """An upline at the time the order was paid: `activity` is active, inactive or unknown; `why` is the reason."""

    level: int
    member_id: int
    activity: str
    why: str


LINE = {
    "company": "company share",
    "level": "level {}",
    "rollup": "level {}",
    "instalment": "instalment {}",
    "remainder": "remainder",
}
WHY = {
    "company": "the company's share",
    "remainder": "levels without an upline, shares below 100 %, rounding",
    "instalment": "the buyer's self income",
}


LEVEL = re.compile(r"level \d+")


class Fact(NamedTuple):
    """The amount found for a line, its state, and the rows that it comes from."""

    paisa: int
    state: str = ""
    sources: str = ""


class OrderRows:
    """The rows of an order, taken line by line; the rows left at the end are not in the plan."""

    def __init__(self, subset: SubsetResult, order: dict[str, Any]) -> None:
        since = subset.records_from
        self.has_records = since is None or order["paid_at"] is None or since <= order["paid_at"]
        self.is_credited = bool(order["is_joining_order"]) or subset.conventions.repurchase_credited == "at_once"
        kinds = pl.col("type").is_in(["joining", "repurchase"])
        mine = (pl.col("type") != "self_payout") & (pl.col("reference_id") == order["id"])
        self.records = subset.rows["commissions"].filter(kinds).to_dicts()
        self.ledger = subset.rows["ledger"].filter(mine & pl.col("type").is_in(ORDER_LINES)).to_dicts()
        self.schedule = subset.rows["payout_schedule"].to_dicts()

    def is_to_member(self, level: int) -> bool:
        """Return whether a level's amount was recorded for or credited to a member."""
        credited = any(one["type"] == "sponsor_commission" and one["level_depth"] == level for one in self.ledger)
        return credited or any(one["level"] == level for one in self.records)

    def take(self, post: Posting) -> Fact:
        """Take the rows of a planned line and return what they add up to."""
        if post.kind == "instalment":
            rows = self._pop(
                self.schedule, lambda one: one["instalment"] == post.number and one["user_id"] == post.member_id
            )
            return _fact(rows, "SelfPayoutSchedule")
        if post.kind == "level":
            return self._level(post)
        types = {"company": "company_share", "remainder": "remainder", "rollup": "rollup_to_company"}
        level = post.number if post.kind == "rollup" else None
        rows = self._pop(
            self.ledger, lambda one: one["type"] == types[post.kind] and (level is None or one["level_depth"] == level)
        )
        return _fact(rows, "ledger")

    def _level(self, post: Posting) -> Fact:
        """Take the rows of a level's commission.

        A commission that is credited with its order has a ledger credit and a record, which must agree. One that waits
        for the sweep has only a record.
        """
        records = self._pop(self.records, lambda one: one["level"] == post.number and one["user_id"] == post.member_id)
        if not self.is_credited:
            return _fact(records, "commissions")
        credits = self._pop(
            self.ledger,
            lambda one: (
                one["type"] == "sponsor_commission"
                and one["level_depth"] == post.number
                and one["user_id"] == post.member_id
            ),
        )
        credit, record = _fact(credits, "ledger"), _fact(records, "commissions")
        # Credit and record should agree; when they do not, show the one that differs from the plan.
        shows_record = self.has_records and credit.paisa == post.amount_paisa
        paisa = record.paisa if shows_record else credit.paisa
        return Fact(paisa, record.state, ", ".join(filter(None, (credit.sources, record.sources))))

    def left(self) -> list[dict[str, Any]]:
        """Return the lines that were posted outside the plan; lines that add up to zero are left out."""
        credited = {(one["level_depth"], one["user_id"]) for one in self.ledger}
        records = [one for one in self.records if (one["level"], one["user_id"]) not in credited]
        rest = [(f"{one['type']} record, level {one['level']}", one, "commissions") for one in records]
        rest += [(_ledger_line(one), one, "ledger") for one in self.ledger]
        rest += [(f"instalment {one['instalment']}", one, "SelfPayoutSchedule") for one in self.schedule]
        grouped: dict[tuple[str, int | None, str], list[dict[str, Any]]] = {}
        for line, one, table in rest:
            grouped.setdefault((line, one["user_id"], table), []).append(one)
        facts = [(line, member, _fact(rows, table)) for (line, member, table), rows in grouped.items()]
        return [_made(line, member, 0, fact, "not in the plan") for line, member, fact in facts if fact.paisa]

    @staticmethod
    def _pop(rows: list[dict[str, Any]], fits: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        taken = [one for one in rows if fits(one)]
        rows[:] = [one for one in rows if not fits(one)]
        return taken


def _ledger_line(row: dict[str, Any]) -> str:
    return str(row["type"]) + (f", level {row['level_depth']}" if row["level_depth"] else "")


def _fact(rows: list[dict[str, Any]], table: str) -> Fact:
    states = dict.fromkeys(str(one["status"]) for one in rows if one.get("status"))
    ids = ", ".join(str(one["id"]) for one in rows)
    return Fact(sum(one["amount_paisa"] or 0 for one in rows), ", ".join(states), f"{table} {ids}" if ids else "")


def _made(line: str, member: int | None, expected: int, fact: Fact, why: str) -> dict[str, Any]:
    return {
        "line": line,
        "member_id": member,
        "expected_paisa": expected,
        "found_paisa": fact.paisa,
        "difference_paisa": fact.paisa - expected,
        "why": why,
        "state": fact.state,
        "sources": fact.sources,
    }


def stands(row: dict[str, Any]) -> bool:
    """Return whether an order that was paid still stands."""
    return order_stands(str(row["status"]))


def ancestors(subset: SubsetResult, buyer: int, paid_at: datetime, levels: int, *, is_joining: bool) -> list[Ancestor]:
    """Return a buyer's matrix ancestors up to `levels`, with their activity at the time the order was paid.

    Where the 3-3 rule applies to each repurchase, an ancestor who did not meet it then counts as inactive.
    """
    met = None
    if not is_joining and subset.conventions.three_three_applies == "per_order":
        met = three_three_since(
            subset.rows["users"].select("id", "sponsor_id", "created_at").iter_rows(),
            subset.plan.rules.three_three_count,
        )
    parents = dict(subset.rows["matrix_nodes"].iter_rows())
    people = {one["id"]: one for one in subset.rows["users"].iter_rows(named=True)}
    bought = (
        subset.rows["orders"].filter(pl.col("paid_at").is_not_null()).group_by("user_id").agg(pl.col("paid_at").min())
    )
    firsts = dict(bought.iter_rows())
    found, member = [], parents.get(buyer)
    for level in range(1, levels + 1):
        if member is None:
            break
        if member in people:
            one = _ancestor(level, people[member], firsts.get(member), subset.plan.rules, paid_at)
            found.append(one if met is None else _under_three_three(one, met.get(member), paid_at))
        member = parents.get(member)
    return found


def _under_three_three(one: Ancestor, since: datetime | None, paid_at: datetime) -> Ancestor:
    if since is not None and since <= paid_at:
        return one
    why = f"member {one.member_id} did not meet the 3-3 rule when the order was paid: the amount goes to the company"
    return Ancestor(one.level, one.member_id, "inactive", why)


def _ancestor(
    level: int, person: dict[str, Any], first: datetime | None, rules: PlanRules, paid_at: datetime
) -> Ancestor:
    is_active = person["is_active"] and not person["is_blocked"]
    since = EVER if rules.active_from == "registration" else first
    if is_active and since is None:
        why = "active today, but no order shows since when: either posting is accepted"
        return Ancestor(level, person["id"], "unknown", why)
    if since is None or paid_at < since:
        return Ancestor(
            level,
            person["id"],
            "inactive",
            f"member {person['id']} was not active when the order was paid: the amount goes to the company",
        )
    if is_active:
        return Ancestor(level, person["id"], "active", "was active when the order was paid")
    return Ancestor(level, person["id"], "unknown", "active in the past, but not today: either posting is accepted")


def planned_lines(row: dict[str, Any], version: PlanVersion, subset: SubsetResult) -> list[dict[str, Any]]:
    """Return a paid order's lines under its plan version, then the lines posted outside the plan.

    For an order that stands, expected_paisa adds up to the commissionable amount.
    """
    commission, paid_at = row["commission_amount_paisa"], row["paid_at"]
    found = OrderRows(subset, row)
    is_joining = bool(row["is_joining_order"])
    uplines = ancestors(
        subset, row["user_id"], paid_at, len(version.shares_of(is_joining=is_joining)), is_joining=is_joining
    )
    by_level = {one.level: one for one in uplines}
    known = [Upline(one.level, one.member_id, _earned(one, found)) for one in uplines]
    posts = expected_postings(
        commission,
        row["user_id"],
        paid_at,
        version,
        known,
        is_joining=is_joining,
        share_of=binary_share if subset.conventions.arithmetic == "binary_floor" else floor_share,
    )
    lines = [_line(post, by_level, found, is_standing=stands(row)) for post in posts]
    if rest := commission - sum(post.amount_paisa for post in posts):
        lines.append(_made("remainder, not posted", None, rest, Fact(rest), "the plan version does not post it"))
    return _matched(lines, found.left())


def _matched(lines: list[dict[str, Any]], beyond: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the planned lines and the lines outside the plan as one list.

    Where a level's amount was posted to another beneficiary, both lines mention it.
    """
    for extra in beyond:
        level = LEVEL.search(extra["line"])
        due = next(
            (line for line in lines if level and line["line"] == level[0] and line["difference_paisa"] < 0), None
        )
        if due is None:
            continue
        whose = "the company" if due["member_id"] is None else f"member {due['member_id']}"
        has = "the company" if extra["member_id"] is None else f"member {extra['member_id']}"
        due["elsewhere"] = f"; {has} received {format_money(extra['found_paisa'])} of it"
        due["why"] += due["elsewhere"]
        extra["line"], extra["why"] = f"{due['line']}, to another beneficiary", f"belongs to {whose}"
    return lines + beyond


def _earned(one: Ancestor, found: OrderRows) -> bool:
    return one.activity == "active" or (one.activity == "unknown" and found.is_to_member(one.level))


def _line(post: Posting, uplines: dict[int, Ancestor], found: OrderRows, *, is_standing: bool) -> dict[str, Any]:
    expected, name = post.amount_paisa if is_standing else 0, LINE[post.kind].format(post.number)
    fact = found.take(post)
    upline = uplines.get(post.number)
    if post.kind in ("level", "rollup") and upline:
        return _made(name, post.member_id, expected, fact, upline.why)
    return _made(name, post.member_id, expected, fact, WHY[post.kind])


def unplanned_lines(row: dict[str, Any], subset: SubsetResult) -> list[dict[str, Any]]:
    """Return the posted lines of an order for which the plan gives nothing."""
    return OrderRows(subset, row).left()
