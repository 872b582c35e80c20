"""Results of every job, made up but consistent, the same each time: for the pages' tests, the samples in docs/ and the benchmark."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from mlm_audit.checks.figures import figures_of
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.domain.counts import PayoutCounts, ReasonTotal, ReconciliationCounts, SweepCounts, TreeCounts
from mlm_audit.domain.findings import (
    SEVERITIES,
    Bridge,
    BridgeLine,
    CheckRun,
    CheckStatus,
    Finding,
    RunResult,
    Verdict,
    finding_from,
)
from mlm_audit.domain.items import Move, PayoutItem, Repaired, SweepItem
from mlm_audit.domain.money import format_money

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
FIRST_DAY = datetime(2026, 10, 26, tzinfo=UTC)
NO_COPY = "the copy of the last run's ledger is not on this machine"
PLAN = "default_plan.toml (sha256 0123456789ab)"
BROKEN = (
    # code, cause, severity, largest ₹, what it says, whether it is a wallet that is off
    (
        "wallet-balance",
        "wallet-without-ledger",
        "high",
        900,
        "The wallet holds {0} more than its ledger adds up to.",
        True,
    ),
    ("wallet-balance", "credit-posted-twice", "critical", 4_000, "The ledger has one credit of {0} twice.", True),
    ("wallet-balance", "ledger-without-wallet", "medium", 300, "A credit of {0} never reached the wallet.", True),
    (
        "commission-missing",
        "lost-commission",
        "high",
        250,
        "Level 2 of the order should have had {0}, and had nothing.",
        False,
    ),
    (
        "commission-amount",
        "rate-of-other-version",
        "medium",
        120,
        "Level 1 was paid at the rate of the previous plan version, {0} too much.",
        False,
    ),
    (
        "payout-ledger",
        "lost-payout",
        "high",
        600,
        "The instalment of {0} is marked as paid, but the ledger has no credit.",
        False,
    ),
    ("running-balance", "balance-after-wrong", "low", 40, "balanceAfter is off by {0}; the amount is right.", False),
)
TITLES = {
    "wallet-balance": "Wallet differs from the ledger",
    "commission-missing": "A level commission is missing",
    "payout-ledger": "Payouts and ledger disagree",
    "running-balance": "A ledger row has the wrong running balance",
}
"""The titles of the checks in the generated reconciliations."""
HOSTILE = (
    "<script>document.title='gone'</script><img src=x onerror=alert(1)>",
    "txt.\u202egpj.exe \u202e\u0639\u0631\u0628\u064a نص عربي",
    "x" * 300,
    "=cmd|' /C calc'!A0",
    "'\"><style>*{display:none}</style>{{ 7*7 }}",
)


def reconciliation(count: int, *, hostile: bool = False, seed: int = 7) -> RunResult:
    """A reconciliation with `count` open breaks, a tenth as many cleared, and thirty runs behind it."""
    random = Random(seed)
    findings = sorted((_break(random, n) for n in range(count)), key=_worst)
    if hostile:
        findings = [_spoilt(finding, n) for n, finding in enumerate(findings)]
    wallets = [f for f in findings if f["code"] == "wallet-balance"]
    lines: dict[str, list[int]] = defaultdict(list)
    for finding in wallets:
        lines[finding["cause"]].append(finding["amount_paisa"])
    net = sum(finding["amount_paisa"] for finding in wallets)
    gone = [_break(random, count + n) | {"state": "cleared"} for n in range(count // 10)]
    new = sum(finding["state"] == "new" for finding in findings)
    return RunResult(
        job="commission-reconciliation",
        job_id="reconciliation-2026-11-24-093000-abcd",
        status="warning" if count else "success",
        verdict=Verdict.FAIL if count else Verdict.PASS,
        as_of=NOW,
        started_at=NOW,
        duration_ms=8_431,
        counts=ReconciliationCounts(
            users_checked=123_456,
            discrepancies_found=count,
            auto_corrections=0,
            total_discrepancy_paisa=figures_of(_found(findings)).before.wallet_difference_gross_paisa,
            accuracy=99.31 if count else 100.0,
            residual_paisa=0,
        ),
        findings=_found(findings + gone),
        checks=(
            *(
                CheckRun(code, title, CheckStatus.RAN, sum(f["code"] == code for f in findings))
                for code, title in TITLES.items()
            ),
            CheckRun("history-changed", "Ledger history was changed", CheckStatus.NOT_APPLICABLE, reason=NO_COPY),
        ),
        bridge=Bridge(
            812_345_678,
            812_345_678 + net,
            tuple(BridgeLine(cause, len(sums), sum(sums)) for cause, sums in sorted(lines.items())),
        ),
        notes=(f"check history-changed: {NO_COPY}",),
        rows_read={"users": 123_456, "ledger": 2_345_678, "orders": 345_678},
        plan=PLAN,
        figures=figures_of(_found(findings)),
        alerts=(f"{count} breaks are open; the alert limit is 10",) if count > 10 else (),
        trend=(*_days(random, max(4, count // 40), max(4, count)), ("2026-11-24", new, count - new)),
    )


def _found(rows: Iterable[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(map(finding_from, rows))


def _break(random: Random, number: int) -> dict[str, Any]:
    code, cause, severity, rupees, words, _ = BROKEN[number % len(BROKEN)]
    paisa = random.randint(101, rupees * 100) * (10 if number % 37 == 0 else 1)
    age = random.choice((0, 0, 0, 3, 6, 12, 25, 60, 140))
    member = 1_000 + number
    order = None if code in ("wallet-balance", "running-balance") else 50_000 + number
    sign = -1 if cause in ("ledger-without-wallet", "lost-commission", "lost-payout") else 1
    return {
        "id": f"{code}/{member}",
        "code": code,
        "severity": severity,
        "member_id": member,
        "order_id": order,
        "amount_paisa": sign * paisa,
        "cause": cause,
        "evidence": [
            {"table": "users", "id": member, "amount_paisa": paisa},
            {"table": "ledger", "id": 700_000 + number},
        ],
        "state": "new" if age == 0 else random.choice(("carried over", "carried over", "grew")),
        "age_days": age,
        "message": words.format(format_money(paisa)),
    }


def _worst(finding: dict[str, Any]) -> tuple[int, int, str]:
    return -SEVERITIES.index(finding["severity"]), -abs(finding["amount_paisa"] or 0), finding["id"]


def _spoilt(finding: dict[str, Any], number: int) -> dict[str, Any]:
    evil = HOSTILE[number % len(HOSTILE)]
    spoilt = {"message": evil, "id": f"{finding['code']}/{evil}{number}", "evidence": [{"table": evil, "id": evil}]}
    return finding | spoilt | ({"cause": evil} if number < len(HOSTILE) else {})


def _days(random: Random, new: int, carried: int) -> list[tuple[str, int, int]]:
    return [
        (f"{FIRST_DAY + timedelta(days=n):%Y-%m-%d}", random.randint(0, new), random.randint(carried // 2, carried))
        for n in range(29)
    ]


TREE_ISSUES = (
    ("sponsor-cycle", "critical", "Members {0} and {1} sponsor each other."),
    ("matrix-children", "high", "Member {0} has a fourth child, {1}."),
    ("closure-missing", "medium", "The row from {0} to {1} is missing."),
    ("sponsor-later", "low", "Member {0} joined before the sponsor, {1}."),
)


def tree(count: int, *, hostile: bool = False) -> RunResult:
    """A tree check with `count` open issues, the first three drawn."""
    random = Random(11)
    findings = sorted((_issue(random, n) for n in range(count)), key=_worst)
    if hostile:
        findings = [
            f | {"message": HOSTILE[n % len(HOSTILE)], "id": f"{f['code']}/{HOSTILE[n % 5]}"}
            for n, f in enumerate(findings)
        ]
    critical = sum(finding["severity"] == "critical" for finding in findings)
    new = sum(finding["state"] == "new" for finding in findings)
    return RunResult(
        job="tree-health-check",
        job_id="tree-health-2026-11-24-083000-abcd",
        status="warning" if count else "success",
        verdict=Verdict.FAIL if count else Verdict.PASS,
        as_of=NOW,
        started_at=NOW,
        duration_ms=2_204,
        counts=TreeCounts(
            health_score=84 if critical else 100,
            issues_found=count + 2,
            issues_fixed=2,
            issues_open=count,
            critical_open=critical,
            members_checked=123_456,
            nodes_checked=123_456,
            closure_rows_checked=612_345,
            by_code={},
            sponsors_changed=1 if count else 0,
            parents_changed=0,
            members_came=5,
            members_gone=0,
        ),
        findings=_found(findings),
        checks=tuple(CheckRun(code, CODES[code].title, CheckStatus.RAN) for code, _, _ in TREE_ISSUES),
        notes=("flags were compared with the sweep of 2026-10",),
        rows_read={"users": 123_456, "matrix_nodes": 123_456, "hierarchy": 612_345},
        plan=PLAN,
        alerts=("the health score is 84; the alert limit is 85",) if critical else (),
        corrections=tuple(
            Repaired(
                kind="closure",
                table_name="hierarchy",
                row_key=f"{n}/7",
                column_name="*",
                before=None,
                after="depth 2",
            )
            for n in (3, 4)
        ),
        items=(Move(member_id=7, edge="sponsor", before=2, after=5),) if count else (),
        pictures={finding["id"]: _picture(finding["member_id"]) for finding in findings[:3]},
        trend=(*_days(random, max(2, count // 40), max(2, count)), ("2026-11-24", new, count - new)),
    )


def _issue(random: Random, number: int) -> dict[str, Any]:
    code, severity, words = TREE_ISSUES[min(3, (number * 7) % 11)]
    age = random.choice((0, 1, 9, 45))
    member = 100 + number
    return {
        "id": f"{code}/{member}",
        "code": code,
        "severity": severity,
        "member_id": member,
        "order_id": None,
        "amount_paisa": None,
        "cause": code,
        "evidence": [{"table": "users", "id": member, "affected": 1 + number % 9}],
        "state": "new" if age == 0 else "carried over",
        "age_days": age,
        "message": words.format(member, member + 1) + " A person must decide.",
    }


def _picture(member: int) -> dict[str, Any]:
    nodes = [
        {"label": str(member)},
        {"label": str(member + 1), "mark": "issue"},
        {"label": str(member + 2), "mark": "lost"},
    ]
    return {"kind": "around", "title": f"Around {member}", "nodes": nodes, "edges": [[0, 1, ""], [0, 2, "broken"]]}


HELD = (("KYC not approved", "low"), ("member blocked", "low"), ("order unknown", "medium"))


def payouts(count: int, *, dry_run: bool = True, hostile: bool = False) -> RunResult:
    """A look ahead at `count` instalments, or the run itself, with one technical failure."""
    random = Random(13)
    items = [_instalment(random, n, dry_run=dry_run) for n in range(count)]
    if hostile:
        for n, item in enumerate(items):
            item["reason"] = HOSTILE[n % len(HOSTILE)] if item["action"] not in ("pay", "paid") else None
    waits = [item for item in items if item["action"] not in ("pay", "paid")]
    pays = [item for item in items if item["action"] in ("pay", "paid")]
    by_reason: dict[str, dict[str, int]] = {}
    for item in waits:
        entry = by_reason.setdefault(item["reason"], {"count": 0, "paisa": 0})
        entry["count"] += 1
        entry["paisa"] += item["amount_paisa"]
    broke = [item for item in waits if item["action"] == "failed"]
    held = [item for item in waits if item["action"] in ("hold", "held")]
    counts: dict[str, Any] = {}
    shares = {"due": items, "payable": pays + broke, "paid": [] if dry_run else pays, "held": held, "failed": broke}
    for name, mine in (shares | {"given_up": [], "elsewhere": [], "left": []}).items():
        counts |= {name: len(mine), f"{name}_paisa": sum(item["amount_paisa"] for item in mine)}
    if not dry_run:
        counts |= {"ledger_rows": counts["paid"], "ledger_change_paisa": counts["paid_paisa"]}
    verdict = Verdict.FAIL if broke else Verdict.PASS
    trend = [
        (f"{NOW - timedelta(weeks=12 - n):%Y-%m-%d}", random.randint(4, 9) * 1_234_500, random.randint(1, 3) * 123_400)
        for n in range(12)
    ]
    return RunResult(
        job="weekly-payouts",
        job_id="weekly-payouts-2026-11-24-093000-abcd",
        status="success" if verdict is Verdict.PASS else "warning",
        verdict=verdict,
        as_of=NOW,
        started_at=NOW,
        duration_ms=940,
        counts=PayoutCounts(**counts, by_reason={reason: ReasonTotal(**total) for reason, total in by_reason.items()}),
        findings=_found(map(_held, waits)),
        dry_run=dry_run,
        alerts=(f"{len(broke)} payout{'' if len(broke) == 1 else 's'} failed; see the findings",) if broke else (),
        items=tuple(PayoutItem(**item) for item in items),
        trend=(*trend, ("2026-11-24", counts["payable_paisa"], counts["held_paisa"])) if count else (),
    )


def _instalment(random: Random, number: int, *, dry_run: bool) -> dict[str, Any]:
    held = number % 6 == 5
    failed = number == 4 and not dry_run
    action = ("hold" if dry_run else "held") if held else "failed" if failed else "pay" if dry_run else "paid"
    return {
        "schedule_id": 9_000 + number,
        "member_id": 1_000 + number * 5 // 7,
        "order_id": 50_000 + number,
        "instalment": 1 + number % 4,
        "amount_paisa": random.randint(20_000, 60_000) * (9 if number % 41 == 7 else 1),
        "due_at": (NOW - timedelta(days=number % 9)).isoformat(),
        "action": action,
        "reason": HELD[number // 6 % 3][0] if held else "technical: the connection was lost" if failed else None,
        "retries_used": int(failed),
        "failed_since": (NOW - timedelta(days=number % 20)).isoformat() if held else None,
    }


def _held(item: dict[str, Any]) -> dict[str, Any]:
    code = "payout-failed" if item["action"] == "failed" else "payout-held"
    return {
        "id": f"{code}/{item['schedule_id']}",
        "code": code,
        "severity": "high" if code == "payout-failed" else "low",
        "member_id": item["member_id"],
        "order_id": item["order_id"],
        "amount_paisa": item["amount_paisa"],
        "cause": item["reason"],
        "evidence": [{"table": "SelfPayoutSchedule", "id": item["schedule_id"]}],
        "state": "new" if item["schedule_id"] % 2 else "carried over",
        "age_days": 0,
        "message": f"Instalment {item['schedule_id']} of {format_money(item['amount_paisa'])}: {item['reason']}.",
    }


UNMET = (
    "purchases of ₹380.00, ₹500.00 needed",
    "KYC not approved",
    "3-3 rule: 2 of the 3 required directs are active and have 3 active directs each",
)


def sweep(count: int, *, hostile: bool = False) -> RunResult:
    """A sweep in which `count` members have commission, a change or a near miss."""
    random = Random(17)
    items = [_member(random, n) for n in range(count)]
    findings = [_differs(n) for n in range(count // 50)]
    if hostile:
        items = [item | {"unmet": [HOSTILE[n % len(HOSTILE)]]} for n, item in enumerate(items)]
        findings = [f | {"message": HOSTILE[n % len(HOSTILE)]} for n, f in enumerate(findings)]
    change = [item["change"] for item in items]
    released, rolled = (sum(item[f"{name}_paisa"] for item in items) for name in ("released", "rolled_up"))
    eligible = sum(item["is_eligible"] for item in items)
    return RunResult(
        job="monthly-eligibility-sweep",
        job_id="monthly-sweep-2026-11-01-020000-abcd",
        status="success",
        verdict=Verdict.PASS,
        as_of=datetime(2026, 10, 31, 18, 30, tzinfo=UTC),
        started_at=NOW,
        duration_ms=20_400,
        counts=SweepCounts(
            month="2026-10",
            members=2_000 + count,
            eligible=eligible,
            ineligible=2_000 + count - eligible,
            newly_eligible=change.count("newly eligible"),
            lost=change.count("lost"),
            unchanged=2_000 + change.count("unchanged"),
            near_misses=sum(item["is_near_miss"] for item in items),
            differs_from_stored=len(findings),
            already_decided=0,
            decided=2_000 + count,
            released=sum(item["released_paisa"] > 0 for item in items),
            released_paisa=released,
            rolled_up=sum(item["rolled_up_paisa"] > 0 for item in items),
            rolled_up_paisa=rolled,
            left=0,
            left_paisa=0,
            by_reason={"active": count // 9, "purchase": count // 2, "kyc": count // 5, "three_three": 2_000},
        ),
        findings=_found(findings),
        items=tuple(SweepItem(**item | {"unmet": tuple(item["unmet"])}) for item in items),
        trend=(("2026-08", 812_300, 120_000), ("2026-09", 902_300, 90_000), ("2026-10", released, rolled))
        if count
        else (),
    )


def _member(random: Random, number: int) -> dict[str, Any]:
    eligible = number % 3 == 0
    paisa = random.randint(1_000, 90_000)
    return {
        "member_id": 1_000 + number,
        "is_eligible": eligible,
        "change": ("newly eligible" if eligible else "lost") if number % 2 else "unchanged",
        "is_near_miss": not eligible and number % 5 == 0,
        "purchase_paisa": random.randint(0, 120_000),
        "unmet": [] if eligible else [UNMET[number % 3]],
        "released_paisa": paisa if eligible else 0,
        "rolled_up_paisa": 0 if eligible else paisa,
    }


def _differs(number: int) -> dict[str, Any]:
    return {
        "id": f"decision-differs/{number}",
        "code": "decision-differs",
        "severity": "medium",
        "member_id": 1_000 + number,
        "order_id": None,
        "amount_paisa": None,
        "cause": "facts-changed",
        "evidence": [],
        "state": "new",
        "age_days": 0,
        "message": "The stored decision is eligible; the current facts lead to not eligible: KYC not approved.",
    }
