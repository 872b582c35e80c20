"""What the pages say: frozen data of every job, the same figures that the job counted, and the files around them."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlm_audit.checks.causes import CAUSES
from mlm_audit.checks.findings import make_finding
from mlm_audit.domain.findings import Evidence, RunResult, Verdict
from mlm_audit.domain.money import format_money
from mlm_audit.reporting.core.break_files import neutral
from mlm_audit.reporting.core.document import to_document
from mlm_audit.reporting.core.html import render, visible
from mlm_audit.reporting.core.kind import report_kind
from mlm_audit.reporting.core.parts import PROOF_CHARACTERS, ageing_of, proof
from mlm_audit.reporting.core.run_folder import as_text, page_of, write_files
from mlm_audit.reporting.core.trend_chart import columns, trend_of, turned
from mlm_audit.reporting.payouts.report import payout_report
from mlm_audit.reporting.reconciliation.report import report_data
from mlm_audit.reporting.sweep.report import sweep_report
from tests.conftest import IST
from tests.reporting.reconciliation.test_report import SNAPSHOTS, masked
from tests.support.results import BROKEN, NOW, payouts, reconciliation, sweep, tree

SNAPPED = {
    "payouts_ahead": payouts(9),
    "payouts_none": payouts(0),
    "payouts_failed": payouts(9, dry_run=False),
    "sweep": sweep(12),
    "reconciliation_trend": reconciliation(7),
}


@pytest.mark.parametrize("name", SNAPPED)
def test_snapshot(name: str) -> None:
    import os

    page = masked(render(page_of(SNAPPED[name], IST, report_kind(SNAPPED[name].job).rerun(SNAPPED[name]))))
    path = SNAPSHOTS / f"{name}.html"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8"), "write new snapshots with UPDATE_SNAPSHOTS=1"


def test_the_made_up_causes_are_causes() -> None:
    assert {cause for _, cause, *_ in BROKEN} <= set(CAUSES)


@pytest.mark.parametrize(
    ("age", "bucket"),
    [
        (0, "today"),
        (1, "1–7 days"),
        (7, "1–7 days"),
        (8, "8–30 days"),
        (30, "8–30 days"),
        (31, "31–90 days"),
        (90, "31–90 days"),
        (91, "over 90 days"),
        (4000, "over 90 days"),
    ],
)
def test_ageing(age: int, bucket: str) -> None:
    rows = ageing_of([make_finding("code", 1, "low", "", age_days=age, amount_paisa=paisa) for paisa in (-250, None)])
    assert [row.label for row in rows if row.count] == [bucket]
    assert [(row.count, row.amount, row.share) for row in rows if row.count] == [(2, "₹2.50", 100)]


def test_ageing_adds_up_to_what_is_open() -> None:
    result = reconciliation(200)
    data = report_data(result, IST, "")
    assert sum(row.count for row in data.ageing) == data.shown_of == 200
    assert sum(cause.count for cause in data.causes) == 200
    assert sum(row.count for row in data.states) == len(result.findings)


def test_causes_have_evidence_and_a_command() -> None:
    data = report_data(reconciliation(70), IST, "")
    for cause in data.causes:
        assert 1 <= len(cause.examples) <= 3
        assert all("ledger 7" in words for _, words in cause.examples)
        assert re.fullmatch(r"mlm-audit explain (member|order|payout|issue) \S+", cause.command)
    assert data.notebook == 'mlm_audit.connect().run("reconciliation-2026-11-24-093000-abcd").breaks'
    without = tuple(replace(finding, member_id=None) for finding in reconciliation(1).findings)
    closer = report_data(replace(reconciliation(1), findings=without), IST, "").causes[0].command
    assert closer == f"mlm-audit explain issue {without[0].id}"


def test_a_file_and_a_tree_have_commands_of_their_own() -> None:
    assert page_of(tree(9), IST, "").causes[0].command.startswith("mlm-audit explain issue ")
    of_files = replace(reconciliation(9), job="reconcile-files")
    assert {cause.command for cause in report_data(of_files, IST, "").causes} == {""}


@pytest.mark.parametrize("make", [reconciliation, tree, payouts, sweep])
def test_long_texts_do_not_make_the_page_large(make: Callable[..., RunResult], tmp_path: Path) -> None:
    write_files(make(500, hostile=True), tmp_path, IST)
    assert (tmp_path / "report.html").stat().st_size < 300_000


def test_long_evidence_is_cut_and_says_so() -> None:
    rows = tuple(Evidence({"table": "ledger", "id": number, "note": "x" * 300}) for number in range(9))
    words = proof(make_finding("code", 1, "low", "", evidence=rows))
    assert words.endswith("; … 3 more rows")
    assert len(words) < PROOF_CHARACTERS + 50


def test_the_bridge_goes_both_ways() -> None:
    data = report_data(reconciliation(70), IST, "")
    assert {row.share > 0 for row in data.bridge} == {True, False}
    assert max(abs(row.share) for row in data.bridge) == 100
    assert data.bridge_ends[2] == "₹0.00"


def test_a_trend_has_a_picture_words_and_a_table() -> None:
    points = [("2026-11-22", 1, 9), ("2026-11-23", 0, 0), ("2026-11-24", 30, 0)]
    trend = trend_of(points, "Open", ("new", "carried over"))
    assert trend is not None
    assert trend.most == "30"
    assert trend.rows[0] == ("2026-11-24", "30", "0"), "the newest first"
    assert trend.words == (
        "The chart shows 3 runs. The last run (2026-11-24) has 30 new and 0 carried over, more than the run before. "
        "The highest total (2026-11-24) is 30."
    )
    assert trend.svg.count("<rect") == 3, "nothing is no column"
    assert 'height="96"' in trend.svg
    assert trend_of(points[:1], "Open", ("new", "carried over")) is None
    assert turned(points)[0] == ("2026-11-22", 9, 1)
    assert columns([("a", 1, 10**9)]).count("<rect") == 2, "little is not nothing"


def test_payouts__totals_and_words() -> None:
    ahead, done = payouts(60), payouts(60, dry_run=False)
    data = payout_report(ahead, IST, "")
    assert (data.word, data.verdict, data.is_ahead) == ("PAY", "PASS", True)
    assert data.first == "If these payouts are correct, run the job: mlm-audit run weekly-payouts"
    assert data.totals[0] == ("Due", "60", format_money(ahead.counts.due_paisa))
    failed = payout_report(done, IST, "")
    assert (failed.word, failed.verdict) == ("HOLD", "FAIL")
    assert failed.first == "Find out why the payout failed: mlm-audit payouts explain 9004"
    assert failed.totals[-1] == ("Difference", "", "₹0.00")
    assert failed.items[0]["action"] == "failed", "the gravest first"
    assert payout_report(payouts(0), IST, "").word == ""
    assert sum(row.count for row in data.reasons) == data.items_of - ahead.counts.payable


def test_payouts__what_stands_out() -> None:
    data = payout_report(payouts(90), IST, "")
    assert data.outliers[0]["mark"] == "high"
    assert float(data.outliers[0]["times"].removesuffix(" ×")) >= 3
    amounts = sorted(item.amount_paisa for item in payouts(90).items if item.action == "pay")
    assert data.median == format_money(amounts[(len(amounts) - 1) // 2])
    assert data.several
    assert all(int(count) > 1 for _, count, _ in data.several)


def test_payouts__a_run_that_waits_says_how_to_approve_it() -> None:
    waits = make_finding("approval-needed", "x", "high", "Nothing was paid: more than the cap.")
    result = replace(
        payouts(9), dry_run=False, verdict=Verdict.INCOMPLETE, findings=(waits,), alerts=("stopped for approval",)
    )
    data = payout_report(result, IST, "")
    assert (data.word, data.is_ahead) == ("HOLD", True)
    assert data.first.endswith(f"then approve the run: mlm-audit run weekly-payouts --approve {result.job_id}")


def test_payouts__an_amount_that_is_none_is_shown_as_it_is() -> None:
    result = payouts(3)
    item: Any = result.items[0]
    unreadable = replace(item, amount_paisa="ten", action="hold", reason="amount")
    broken = replace(result, items=(unreadable, *result.items[1:]))
    assert payout_report(broken, IST, "").items[0]["amount"] == "'ten'"
    render(payout_report(broken, IST, ""))


def test_sweep__who_changed_and_why() -> None:
    result = sweep(300)
    data = sweep_report(result, IST, "")
    assert {person["change"] for person in data.changed} == {"lost", "newly eligible"}
    assert all(person["why"] for person in data.changed)
    assert data.near_of == result.counts.near_misses
    assert (len(data.changed), data.changed_of) == (150, result.counts.newly_eligible + result.counts.lost)
    assert next(row.label for row in data.unmet) == "3-3 rule not met"
    assert "KYC not approved" in [row.label for row in data.unmet]
    assert data.first == "6 stored decisions would differ with today's data; the findings below give the reasons."
    assert ("Month", "2026-10") in data.trust


def test_trust_names_cut_offs_plan_and_hashes(tmp_path: Path) -> None:
    result = write_files(reconciliation(20), tmp_path, IST)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for kind, name in (("csv", "breaks.csv"), ("parquet", "breaks.parquet"), ("html", "report.html")):
        assert result.sha256[kind] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert html.count(result.sha256["csv"]) == 2, "by the list, and at the end"
    assert f"SHA-256 of breaks.parquet</th><td><code>{result.sha256['parquet']}" in html
    for words in (
        NOW.isoformat(),
        "ages and due dates are counted from this time",
        "the run took",
        result.plan,
        "is not on this machine",
    ):
        assert words in html
    assert "mlm-audit run commission-reconciliation --as-of 2026-11-24T04:00:00+00:00</code>" in html


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (sweep(1), "mlm-audit run monthly-eligibility-sweep --month 2026-10 --dry-run"),
        (payouts(1, dry_run=False), "mlm-audit run weekly-payouts --as-of 2026-11-24T04:00:00+00:00 --dry-run"),
        (replace(tree(1), dry_run=True), "mlm-audit run tree-health-check --as-of 2026-11-24T04:00:00+00:00 --dry-run"),
    ],
)
def test_running_again_never_pays_again(result: RunResult, command: str) -> None:
    assert report_kind(result.job).rerun(result) == command


@pytest.mark.parametrize("result", [reconciliation(1), sweep(1), payouts(1), tree(1)])
def test_the_command_to_run_again_names_the_mapping(result: RunResult) -> None:
    def command(platform: str) -> str:
        again = replace(result, platform=platform)
        return report_kind(again.job).rerun(again)

    assert "--platform" not in command("standard")
    assert " --platform wear-and-earn-pool" in command("wear-and-earn-pool (sha256 0123456789ab)")
    assert " --platform our-own.toml" in command("our-own (sha256 0123456789ab)")


def test_result_json_is_the_document_one_finding_a_line(tmp_path: Path) -> None:
    result = write_files(reconciliation(30), tmp_path, IST)
    text = (tmp_path / "result.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document == json.loads(json.dumps(to_document(result), default=str))
    assert document["sha256"]["csv"] == result.sha256["csv"]
    assert document["trend"][-1][0] == "2026-11-24"
    assert text.count("\n") < 140
    assert json.loads(as_text({"a": [], "b": {"c": [1]}, "d": [None, "\n"]})) == {
        "a": [],
        "b": {"c": [1]},
        "d": [None, "\n"],
    }
    assert not list(tmp_path.glob(".*")), "no partial file is left"


def test_unseen_characters_are_named_and_letters_kept() -> None:
    assert visible("txt.\u202egpj.exe") == "txt.⟨U+202E⟩gpj.exe"
    assert visible("عربي हिन्दी\n") == "عربي हिन्दी\n"
    assert visible("a\x00\x1b[31mb\u200f") == "a⟨U+0000⟩⟨U+001B⟩[31mb⟨U+200F⟩"
    assert visible(7) == 7


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠x"])
def test_formulas_are_neutralised(text: str) -> None:
    assert neutral(text) == f"'{text}"


def test_harmless_text_is_left_alone() -> None:
    assert [neutral(text) for text in ("a=b", "", "₹1", "नाम", 5)] == ["a=b", "", "₹1", "नाम", 5]


def test_items_as_csv_are_complete(tmp_path: Path) -> None:
    result = write_files(payouts(300, hostile=True), tmp_path, IST)
    with Path(result.reports["csv"]).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    assert any(row["reason"].startswith("'=cmd") for row in rows)
