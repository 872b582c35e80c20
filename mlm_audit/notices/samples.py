"""One example of every notice, for `mail preview` and the tests; the figures are nobody's."""

from typing import Any

_RULES = {"three_three": "directs_of_directs", "three_three_count": 3, "monthly_purchase_required_paisa": 50_000}
_WEEK: dict[str, Any] = {
    "runs": 38,
    "good": 37,
    "failed": 1,
    "success": "97 %",
    "paid": 412,
    "paid_paisa": 12_345_678,
    "released_paisa": 4_567_890,
    "rolled_up_paisa": 123_456,
    "members": 2_000,
    "corrected": 3,
    "repaired": 12,
}

_TREND = [[f"2026-11-{day:02}", left] for day, left in enumerate((3, 3, 4, 4, 4, 2, 2, 9, 9, 10, 12), start=14)]

SAMPLES: dict[str, dict[str, Any]] = {
    "payout-credited": {"amount_paisa": 123_456, "instalment": 2, "order_id": 991, "schedule_id": 17},
    "eligibility-not-met": {
        "month": "2026-10",
        "reasons": [{"condition": "purchase", "missing": 12_300}, {"condition": "kyc", "missing": 1}],
        "rules": _RULES,
        "rolled_up_paisa": 4_200,
    },
    "job-failed": {"job": "weekly-payouts", "job_id": "weekly-payouts-2026-11-23-060000-ab12", "error": "the database went away"},
    "payout-failed": {"schedule_id": 17, "user_id": 42, "amount_paisa": 31_250, "final": True, "reason": "member unknown"},
    "approval-needed": {
        "job": "weekly-payouts",
        "job_id": "weekly-payouts-2026-11-23-060000-ab12",
        "count": 412,
        "paisa": 1_234_567_890,
        "reason": "₹1,23,45,678.90 is more than 3 × ₹12,34,567.00, the median of the last 8 runs",
    },
    "monthly-summary": {
        "month": "2026-10",
        "job_id": "monthly-sweep-2026-11-01-020000-ab12",
        "eligible": 312,
        "ineligible": 1_688,
        "released_paisa": 4_567_890,
        "rolled_up_paisa": 123_456,
    },
    "daily-status": {
        "day": "2026-11-24",
        "until": "24 Nov 2026, 08:00 IST",
        "runs": 7,
        "failed": 1,
        "failures": [
            {
                "job": "commission-reconciliation",
                "job_id": "reconciliation-2026-11-24-040000-ab12",
                "at": "24 Nov 2026, 04:00 IST",
                "error": "the database went away",
            }
        ],
        "missed": ["tree-health-check was due on 24 Nov 2026, 03:00 IST and has not ended well since; it has never ended well"],
        "again": [{"what": "health-alert: the oldest notice has waited for 3.0 h; see `mlm-audit mail queue`", "times": 3}],
        "first": "mlm-audit run commission-reconciliation again, once what it says is mended",
    },
    "weekly-summary": _WEEK
    | {
        "day": "2026-11-22",
        "until": "22 Nov 2026, 10:00 IST",
        "before": _WEEK | {"paid": 398, "paid_paisa": 11_987_600, "failed": 0, "success": "100 %"},
        "breaks": [{"name": "Breaks in the books", "new": 2, "cleared": 5, "open": 11}],
        "jobs": [{"job": "commission-reconciliation", "runs": 7, "failed": 1, "typical": "14.2 s"}],
        "trend": _TREND,
    },
    "health-alert": {
        "state": "failing",
        "message": "weekly-payouts was due on 23 Nov 2026, 06:00 IST and has not ended well since; it has never ended well",
        "at": "23 Nov 2026, 12:00 IST",
    },
    "reconciliation-alert": {
        "job": "commission-reconciliation",
        "job_id": "reconciliation-2026-11-24-040000-ab12",
        "verdict": "FAIL",
        "message": "12 breaks open, 2 new. Wallet difference ₹1,312.50 gross, +₹687.50 net; money at risk ₹1,312.50.",
        "first": "Stop payouts to member 42 and compare the two credits of order 991.",
        "alerts": ["2 critical breaks", "12 breaks are open, more than 10"],
        "figures": [["Members checked", "2,000"], ["Wallet difference, gross", "₹1,312.50"], ["Money at risk", "₹1,312.50"]],
        "largest": [
            {
                "severity": "critical",
                "id": "wallet-balance/42",
                "amount": "+₹1,000.00",
                "message": "the wallet is above its ledger",
            },
            {"severity": "high", "id": "duplicate-credit/991", "amount": "+₹312.50", "message": "credited twice"},
        ],
        "open": 12,
        "trend": _TREND,
        "report": None,
        "url": None,
    },
    "tree-alert": {
        "job": "tree-health-check",
        "job_id": "tree-health-2026-11-24-030000-ab12",
        "verdict": "FAIL",
        "message": "3 issues are open, 1 critical; health score 84 of 100.",
        "first": "Ask who sponsored member 7: the three of them sponsor each other in a ring.",
        "alerts": ["the health score is 84, below 85", "1 critical issue"],
        "figures": [["Health score", "84"], ["Members", "2,000"], ["Issues open", "3"]],
        "largest": [
            {"severity": "critical", "id": "sponsor-cycle/7", "amount": "", "message": "7, 11 and 23 sponsor each other"}
        ],
        "open": 3,
        "trend": _TREND,
        "report": None,
        "url": "https://books.example.invalid/reports/tree-health-2026-11-24-030000-ab12/report.html",
    },
}
