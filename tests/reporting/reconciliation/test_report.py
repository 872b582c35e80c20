"""The report as people get it: frozen data first, then a snapshot of the page. UPDATE_SNAPSHOTS=1 writes new ones."""

import csv
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlm_audit.checks.figures import figures_of
from mlm_audit.cli.run import show_result
from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.findings import (
    Bridge,
    BridgeLine,
    CheckRun,
    CheckStatus,
    RunResult,
    Verdict,
    finding_from,
    verdict_of,
)
from mlm_audit.domain.items import CorrectedWallet
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.html import render
from mlm_audit.reporting.core.run_folder import write_run
from mlm_audit.reporting.reconciliation.report import report_data
from tests.conftest import IST

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def finding(member: int | None, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"wallet-balance/{member}",
        "code": "wallet-balance",
        "severity": "high",
        "member_id": member,
        "order_id": None,
        "amount_paisa": 31_250,
        "cause": "wallet-without-ledger",
        "evidence": [{"table": "users", "id": member, "amount_paisa": 31_250}],
        "state": "new",
        "age_days": 0,
        "message": "The wallet holds ₹412.50, the ledger adds up to ₹100.00: ₹312.50 more than the ledger.",
    } | changes


def result(found: list[dict[str, Any]], verdict: Verdict = Verdict.FAIL, **changes: Any) -> RunResult:
    findings = tuple(map(finding_from, found))
    figures = figures_of(findings, changes.get("fixed", ()))
    net = sum(f["amount_paisa"] for f in found if f["state"] != "cleared")
    return replace(
        RunResult(
            job="commission-reconciliation",
            job_id="reconciliation-2026-11-24-093000-abcd",
            status="warning",
            verdict=verdict,
            as_of=NOW,
            started_at=NOW,
            duration_ms=1_250,
            counts=ReconciliationCounts(
                users_checked=123_456,
                discrepancies_found=len(findings),
                auto_corrections=0,
                total_discrepancy_paisa=figures.before.wallet_difference_gross_paisa,
                accuracy=99.99,
                residual_paisa=0,
            ),
            findings=findings,
            checks=(
                CheckRun("wallet-balance", "Wallet differs from the ledger", CheckStatus.RAN, len(findings)),
                CheckRun(
                    "history-changed", "Ledger history was changed", CheckStatus.NOT_APPLICABLE, reason="first run"
                ),
            ),
            bridge=Bridge(
                10_000_000, 10_000_000 + net, (BridgeLine("wallet-without-ledger", len(findings), net),) if net else ()
            ),
            notes=("check history-changed: first run",),
            rows_read={"users": 123_456, "ledger": 2_345_678},
            plan="default_plan.toml (sha256 0123456789ab)",
            figures=figures,
        ),
        **changes,
    )


EMPTY = ("commissions: the table is empty",)
CASES = {
    "pass": result([], Verdict.PASS),
    "fail": result(
        [
            finding(42),
            finding(
                7,
                amount_paisa=-150_000,
                severity="critical",
                cause="ledger-without-wallet",
                state="carried over",
                age_days=3,
            ),
            finding(8, state="cleared"),
        ],
        alerts=("1 critical break",),
    ),
    "incomplete": result([], Verdict.INCOMPLETE, notes=EMPTY, not_checked=EMPTY),
    "fail_incomplete": result([finding(42)], notes=EMPTY, not_checked=EMPTY),
    "corrected": result(
        [finding(5, amount_paisa=50, severity="low", cause="rounding-drift")],
        Verdict.PASS,
        corrections=(CorrectedWallet(5, 150, 100),),
        fixed=("wallet-balance/5",),
    ),
}


def masked(html: str) -> str:
    """A page without what changes with every touch of the style or the script."""
    page = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", html, flags=re.DOTALL)
    return re.sub(r"sha256-[^']+", "sha256-…", page)


@pytest.mark.parametrize("name", CASES)
def test_snapshot(name: str) -> None:
    html = render(report_data(CASES[name], IST, "mlm-audit run commission-reconciliation"))
    page = masked(html)
    path = SNAPSHOTS / f"report_{name}.html"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8"), "write new snapshots with UPDATE_SNAPSHOTS=1"


def test_verdict_sentence_and_first_step() -> None:
    data = report_data(CASES["fail"], IST, "")
    money = "Wallet difference ₹1,812.50 gross, -₹1,187.50 net; money at risk ₹1,812.50."
    assert data.sentence == f"2 breaks open, 1 new. {money}"
    assert data.first.startswith("A ledger row was never applied to the wallet (1 break). Apply the row")
    assert (
        report_data(CASES["pass"], IST, "").sentence
        == "The books agree: 1,23,456 members were checked, and no break is open."
    )
    assert "not a PASS" in report_data(CASES["incomplete"], IST, "").sentence


def test_a_fail_that_could_not_check_everything_says_so_and_names_it() -> None:
    html = render(report_data(CASES["fail_incomplete"], IST, ""))
    assert '<p class="word">FAIL, incomplete</p>' in html
    assert "Not everything could be checked, so there may be more findings." in html
    assert html.index("commissions: the table is empty") < html.index("From the ledger"), "it stands in the verdict"
    assert verdict_of(is_broken=True, not_checked=["x"]) is Verdict.FAIL
    assert verdict_of(is_broken=False, not_checked=["x"]) is Verdict.INCOMPLETE
    assert verdict_of(is_broken=False, not_checked=[]) is Verdict.PASS


@pytest.mark.parametrize(("name", "code"), [("pass", 0), ("fail", 3), ("fail_incomplete", 4), ("incomplete", 4)])
def test_fail_on_tells_an_incomplete_run_from_one_without_findings(name: str, code: int) -> None:
    settings = Settings()
    assert show_result(CASES[name], settings, json=True, fail_on="critical") == code
    assert show_result(CASES[name], settings, json=True, fail_on=None) == 0


@pytest.mark.parametrize("state", ["new", "grew", "shrank", "carried over", "cleared"])
def test_the_news_name_every_change_and_deny_none(state: str) -> None:
    news = report_data(result([finding(1, state=state), finding(2, state="carried over")]), IST, "").news
    if state == "carried over":
        assert news == "Nothing has changed since the last run; everything that is open was carried over."
    else:
        assert news == f"1 {state} (₹312.50) since the last run."


def test_hostile_text_is_escaped_and_neutralised(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    hostile = result(
        [
            finding(1, message=evil, id=f"x/{evil}", evidence=[{"table": evil, "id": 1}]),
            finding(2, message="=cmd|' /C calc'!A0"),
        ]
    )
    write_run(hostile, tmp_path, IST, evil)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<script") == 1, "our own"
    assert "&lt;script&gt;" in html
    with (tmp_path / "breaks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["message"] == "'=cmd|' /C calc'!A0"
    assert rows[0]["amount_rupees"] == "312.50"


def test_page_loads_nothing() -> None:
    html = render(report_data(CASES["fail"], IST, ""))
    within = re.sub(r'href="#[a-z]+"', "", html)
    assert not re.search(
        r"(?:src|href)\s*=|url\(|@import|https?://", re.sub(r"<script>.*</script>", "", within, flags=re.DOTALL)
    )
    assert not re.search(
        r"fetch|XMLHttp|import|eval|innerHTML|https?:", re.findall(r"<script>(.*)</script>", html, re.DOTALL)[0]
    )
    assert "default-src 'none'" in html


def test_document_is_json_ready_and_complete() -> None:
    import json

    document = json.loads(json.dumps(to_document(CASES["fail"])))
    head = "job job_id status verdict is_complete not_checked as_of started_at duration_ms dry_run counts"
    assert list(document)[:11] == head.split()
    assert document["bridge"]["residual_paisa"] == 0


def test_many_breaks_stay_readable(tmp_path: Path) -> None:
    many = result([finding(n) for n in range(5_000)])
    write_run(many, tmp_path, IST, "")
    assert (tmp_path / "report.html").stat().st_size < 300_000
    assert len((tmp_path / "breaks.csv").read_text(encoding="utf-8").splitlines()) == 5_001


def test_what_several_checks_see_of_a_cause_counts_once() -> None:
    """A lost row leaves the wallet off and the chain broken: that is one amount, not two."""
    twice = [finding(5), finding(5, id="running-balance/9", code="running-balance")]
    [cause] = report_data(result(twice), IST, "").causes
    assert cause.amount == "₹312.50"
    [cause] = report_data(result([*twice, finding(6)]), IST, "").causes
    assert cause.amount == "₹625.00"
