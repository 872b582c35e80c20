"""The simulation against the same rules by hand, order after order, on small platforms that have every difficulty in them."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlm_audit.analysis.whatif.plan_changes import changed_plan
from mlm_audit.analysis.whatif.recomputation import recompute
from mlm_audit.domain.eligibility import Direct, MonthFacts, Person, is_eligible, judge, was_active
from mlm_audit.domain.periods import Month, month_of, parse_month
from mlm_audit.domain.plan import Plan, load_plan
from mlm_audit.domain.postings import Upline, expected_postings
from tests.conftest import IST
from tests.support.analysis_platforms import desk_over, member, order

START = datetime(2026, 7, 1, tzinfo=UTC)
MONTHS = [parse_month(f"2026-{number:02d}", IST) for number in (8, 9, 10)]
COUNT = 25


def world(seed: int) -> dict[str, Any]:
    """Members of whom every fourth has left, chains of them, and orders around the edges of three months.

    From a seed and not drawn piece by piece, so that every world has every difficulty in it.
    """
    rng = Random(seed)
    numbers = range(1, COUNT + 1)

    def a_moment() -> datetime:
        return rng.choice([START + timedelta(minutes=rng.randrange(130 * 24 * 60)), *(month.start for month in MONTHS)])

    users = [
        member(
            number,
            START + timedelta(days=rng.choice([-30, -30, 10, 60, 100])),
            sponsor_id=rng.choice([None, number, *([rng.randint(1, 8)] * 8)]),
            is_active=rng.random() < 0.8,
            is_blocked=rng.random() < 0.1,
            is_kyc_approved=rng.random() < 0.8,
        )
        for number in numbers
    ]
    nodes = [
        {"user_id": number, "parent_id": rng.randint(max(1, number - 4), number - 1) if number > 1 else None}
        for number in numbers
        if number == 1 or rng.random() < 0.95
    ]
    orders = [
        order(
            number,
            rng.choice(numbers),
            a_moment(),
            rng.choice([0, 1, 99, 10_001, 49_999, 50_000, 123_457]),
            status=rng.choice(["paid"] * 5 + ["refunded"]),
            is_joining_order=rng.random() < 0.4,
        )
        for number in range(1, 81)
    ]
    credits = [
        {
            "id": number,
            "user_id": rng.choice(numbers),
            "order_id": rng.randint(1, 80),
            "amount_paisa": rng.choice([5, 5, -5]),
        }
        | {"level": 1, "type": rng.choice(["joining", "repurchase", "bonus"]), "status": "released"}
        for number in range(1, 61)
    ]
    reasons = [None, "[]", '[{"condition": "kyc", "missing": 1}]', '[{"condition": "active", "missing": 1}]']
    decisions = [
        {"id": number, "user_id": rng.choice(numbers), "month": rng.randint(8, 10), "year": 2026}
        | {"kyc_approved": rng.random() < 0.6, "reasons": rng.choice(reasons)}
        for number in range(1, 61)
    ]
    return {"users": users, "matrix_nodes": nodes, "orders": orders, "commissions": credits, "decisions": decisions}


def eligible_by_hand(rows: dict[str, Any], month: Month, plan: Plan) -> set[int]:
    log: dict[int, Any] = {}
    for row in rows["decisions"]:
        if row["month"] == month.key % 100:
            log.setdefault(row["user_id"], row)
    people: dict[int, Person] = {}
    bought: Counter[int] = Counter()
    for user in rows["users"]:
        mine = [o for o in rows["orders"] if o["user_id"] == user["id"]]
        active, blocked = user["is_active"], user["is_blocked"]
        if logged := log.get(user["id"]):
            active, blocked = "active" not in (logged["reasons"] or ""), False
        standing = [o for o in mine if o["status"] == "paid" and o["paid_at"] < month.end]
        first = min((o["paid_at"] for o in mine), default=None)
        people[user["id"]] = Person(user["id"], "user", active, blocked, user["created_at"], first, len(standing))
        bought[user["id"]] = sum(o["total_paisa"] for o in standing if o["paid_at"] >= month.start)
    active = {number: was_active(person, month.end, plan.rules) for number, person in people.items()}
    below = defaultdict(list)
    for user in rows["users"]:
        if user["sponsor_id"] not in (None, user["id"]):
            below[user["sponsor_id"]].append(user["id"])
    found = set()
    for user in rows["users"]:
        directs = tuple(
            Direct(one, active[one], people[one].paid_orders, sum(active[x] for x in below[one]))
            for one in below[user["id"]]
        )
        kyc = log[user["id"]]["kyc_approved"] if user["id"] in log else user["is_kyc_approved"]
        facts = MonthFacts(user["id"], active[user["id"]], kyc, bought[user["id"]], directs)
        if is_eligible(judge(facts, plan.rules)):
            found.add(user["id"])
    return found


def by_hand(rows: dict[str, Any], plan: Plan, compression: str) -> tuple[dict[int, tuple[int, ...]], dict[int, int]]:
    """(order → commission, company, members, unposted; member → amount), one order after the other."""
    parents = {node["user_id"]: node["parent_id"] for node in rows["matrix_nodes"]}
    orders = {o["id"]: o for o in rows["orders"]}
    first = {
        n: min((o["paid_at"] for o in orders.values() if o["user_id"] == n), default=None) for n in range(1, COUNT + 1)
    }
    credited: dict[int, datetime] = {}
    for line in rows["commissions"]:
        if line["type"] == "bonus" or line["amount_paisa"] < 0:
            continue
        at = orders[line["order_id"]]["paid_at"]
        credited[line["user_id"]] = max(credited.get(line["user_id"], at), at)
    good = {user["id"]: user["is_active"] and not user["is_blocked"] for user in rows["users"]}

    def active(who: int, at: datetime) -> bool:
        bought = first[who]
        if good[who]:
            return bought is None or bought <= at
        return bought is not None and bought <= at and who in credited and at <= credited[who]

    eligible = {month.key: eligible_by_hand(rows, month, plan) for month in MONTHS}
    split, members = dict[int, tuple[int, ...]](), Counter[int]()
    for number, one in orders.items():
        at, month = one["paid_at"], month_of(one["paid_at"], IST).key
        version = plan.version_at(at, IST)
        if one["status"] != "paid" or month not in eligible or version is None:
            continue
        uplines, above = list[Upline](), parents.get(one["user_id"])
        while above is not None:
            may = active(above, at) and (
                one["is_joining_order"] or compression != "dynamic" or above in eligible[month]
            )
            if compression == "none" or may:
                uplines.append(Upline(len(uplines) + 1, above, active(above, at)))
            above = parents.get(above)
        company = people = 0
        for line in expected_postings(
            one["commission_amount_paisa"], one["user_id"], at, version, uplines, is_joining=one["is_joining_order"]
        ):
            waits = line.kind == "level" and not one["is_joining_order"] and line.member_id not in eligible[month]
            if line.member_id is None or waits:
                company += line.amount_paisa
            else:
                people += line.amount_paisa
                members[line.member_id] += line.amount_paisa
        total = one["commission_amount_paisa"]
        split[number] = (total, company, people, total - company - people)
    return split, {who: paisa for who, paisa in members.items() if paisa}


def percents(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(lambda bps: f"{bps // 100}.{bps % 100:02d}")


changes = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "standard", "dynamic"]),
        "monthly_purchase_required_paisa": st.sampled_from([0, 1, 1, 10_001, 50_000]),
    },
    optional={
        "company_percent": percents(10_000),
        "joining_upline_pot_percent": percents(10_000),
        "level_percents": st.lists(percents(2_000), min_size=1, max_size=5),
        "remainder": st.sampled_from(["company", "unposted"]),
        "three_three": st.sampled_from(["directs_of_directs", "orders_of_directs"]),
    },
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(0, 10**6), changes, st.sampled_from([1, 1, 1, 2]))
def test_every_variant_agrees_with_plain_python_and_loses_no_paisa(
    seed: int, terms: dict[str, Any], three: int
) -> None:
    rows = world(seed)
    changed = changed_plan(load_plan(), terms | {"three_three_count": three})
    with desk_over(rows) as queries:
        outcome = recompute(queries, MONTHS, changed.plan, changed.compression, IST, orders=True)
    split, members = by_hand(rows, changed.plan, changed.compression)
    assert {row[0]: row[1:] for row in outcome.orders.iter_rows()} == split
    for row in outcome.orders.iter_rows():
        assert row[1] == sum(row[2:]), "conservation"
        assert row[4] == 0 or terms.get("remainder") == "unposted"
    assert {who: paisa for who, paisa in outcome.members.iter_rows() if paisa} == members
    assert sum(outcome.months["members_paisa"]) == sum(members.values())
