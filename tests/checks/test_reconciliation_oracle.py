"""A slow, obvious reconciliation in plain Python, compared with the SQL checks on platforms with every kind of fault."""

from collections import defaultdict
from datetime import UTC
from typing import Any

import numpy as np
import pytest

from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.postings import Upline, expected_postings
from tests.conftest import IST, clean_platform


def faulty(seed: int) -> Platform:
    platform = clean_platform(400, seed).copy()
    codes = np.random.default_rng(seed).permutation(list(FAULTS))[:15]
    inject(platform, dict.fromkeys(codes.tolist(), 1), FAULTS, seed, exact=False)
    return platform


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_wallets_gaps_and_negatives(seed: int) -> None:
    platform = faulty(seed)
    breaks = audit(platform)
    sums: dict[int, int] = defaultdict(int)
    last: dict[int, int] = {}
    since: dict[int, int] = defaultdict(int)
    """What the rows without a balance came to after the last that has one: it counts for the next."""
    gaps, without = set(), set()
    for row in platform["ledger"].sort("id").to_dicts():
        if row["user_id"] is None:
            continue
        sums[row["user_id"]] += row["amount_paisa"]
        since[row["user_id"]] += row["amount_paisa"]
        if row["balance_after_paisa"] is None:
            if row["user_id"] in last:  # a member without any balance so far has no chain
                without.add((row["user_id"], row["id"]))
            continue
        gap = row["balance_after_paisa"] - last.get(row["user_id"], 0) - since.pop(row["user_id"])
        if gap:
            gaps.add((row["user_id"], row["id"]))
        last[row["user_id"]] = row["balance_after_paisa"]
    users = platform["users"].to_dicts()
    wallets = {
        (u["id"], u["wallet_balance_paisa"] - sums[u["id"]])
        for u in users
        if u["wallet_balance_paisa"] != sums[u["id"]]
    }
    assert set(breaks.filter(code="wallet-balance").select("member_id", "amount_paisa").rows()) == wallets
    negative = {u["id"] for u in users if u["wallet_balance_paisa"] < 0}
    assert set(breaks.filter(code="negative-wallet")["member_id"]) == negative
    reported = {(row["member_id"], int(row["key"])) for row in breaks.filter(code="running-balance").to_dicts()}
    # A single wrong balanceAfter makes two gaps and is one finding; every finding is a gap, every member with one is
    # named.
    assert reported <= gaps | without
    assert {member for member, _ in gaps | without} == {member for member, _ in reported}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_orders(seed: int) -> None:
    """Which orders have a wrong level, company line, instalment or total: the same in Python and in SQL."""
    platform = faulty(seed)
    breaks = audit(platform)
    wrong_lines, wrong_totals = python_orders(platform)
    line_checks = [
        "commission-missing",
        "commission-unexpected",
        "commission-beneficiary",
        "commission-amount",
        "commission-not-posted",
        "commission-duplicate",
        "duplicate-credit",
        "company-posting",
        "instalments",
    ]
    found = breaks.filter(breaks["code"].is_in(line_checks) & breaks["order_id"].is_not_null())
    found = found.filter(~found["key"].str.contains("^(payout|release)/"))
    assert set(found["order_id"]) == wrong_lines
    assert set(breaks.filter(code="conservation").select("order_id", "amount_paisa").rows()) == wrong_totals


def python_orders(platform: Platform) -> tuple[set[int], set[tuple[int, int]]]:
    plan = load_plan()
    orders = {row["id"]: row for row in platform["orders"].to_dicts()}
    members = {row["id"]: row for row in platform["users"].to_dicts()}
    parent = dict(platform["matrix_nodes"].select("user_id", "parent_id").rows())
    first: dict[int, Any] = {}
    for order in orders.values():
        if order["paid_at"] is not None:
            first[order["user_id"]] = min(order["paid_at"], first.get(order["user_id"], order["paid_at"]))
    actual = lines_of(platform)
    wrong, totals = set(), set()
    for order_id, order in orders.items():
        lines = actual.get(order_id, [])
        if order["paid_at"] is None:
            if lines:
                wrong.add(order_id)
            continue
        if order["status"] == "refunded":
            continue
        version = plan.version_at(order["paid_at"].replace(tzinfo=UTC), IST)
        assert version is not None
        wanted, choices = [], []
        uplines, above, level = [], parent[order["user_id"]], 1
        while above is not None and level <= 7:
            state = activity(members[above], first.get(above), order["paid_at"])
            if state is None:
                choices.append((level, above))
            uplines.append(Upline(level, above, is_active=state is not False))
            above, level = parent[above], level + 1
        joining = order["is_joining_order"]
        for p in expected_postings(
            order["commission_amount_paisa"], order["user_id"], order["paid_at"], version, uplines, is_joining=joining
        ):
            wanted += as_lines(p, joining=joining)
        for number, who in choices:
            wanted = either(wanted, lines, number, who)
        if sorted(wanted, key=str) != sorted(lines, key=str):
            wrong.add(order_id)
        total = sum(line[3] for line in lines if line[0] != "joining") - order["commission_amount_paisa"]
        if total:
            totals.add((order_id, total))
    return wrong, totals


def activity(member: dict[str, Any], first_paid: Any, at: Any) -> bool | None:
    if first_paid is None or at < first_paid:
        return False
    return True if member["is_active"] and not member["is_blocked"] else None


def as_lines(posting: Any, *, joining: bool) -> list[tuple[Any, ...]]:
    line = (posting.number, posting.member_id, posting.amount_paisa)
    if posting.kind == "level":
        return [("joining", *line), ("sponsor_commission", *line)] if joining else [("repurchase", *line)]
    names = {
        "company": "company_share",
        "rollup": "rollup_to_company",
        "remainder": "remainder",
        "instalment": "instalment",
    }
    return [(names[posting.kind], *line)]


def either(wanted: list[tuple[Any, ...]], lines: list[tuple[Any, ...]], level: int, who: int) -> list[tuple[Any, ...]]:
    """An upline whose activity is unknown: whichever of the two postings is there is the expected one."""
    kinds = ("joining", "sponsor_commission", "repurchase")
    if any(line[0] in kinds and line[1] == level for line in lines):
        return wanted
    mine = [line for line in wanted if line[0] in kinds and line[1] == level and line[2] == who]
    if not mine:
        return wanted
    return [line for line in wanted if line not in mine] + [("rollup_to_company", level, None, mine[0][3])]


def lines_of(platform: Platform) -> dict[int, list[tuple[Any, ...]]]:
    lines: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in platform["ledger"].to_dicts():
        if row["type"] in ("company_share", "remainder", "rollup_to_company", "sponsor_commission"):
            who = row["user_id"] if row["type"] == "sponsor_commission" else None
            lines[row["reference_id"]].append((row["type"], row["level_depth"] or 0, who, row["amount_paisa"]))
    for row in platform["commissions"].to_dicts():
        lines[row["order_id"]].append((row["type"], row["level"], row["user_id"], row["amount_paisa"]))
    for row in platform["payout_schedule"].to_dicts():
        lines[row["order_id"]].append(("instalment", row["instalment"], row["user_id"], row["amount_paisa"]))
    return lines
