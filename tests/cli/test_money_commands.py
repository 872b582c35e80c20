"""The money jobs as a program uses them: documents, exit codes, one-line errors, nothing written."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import document, execute, mlm, refused

pytestmark = pytest.mark.usefixtures("_quiet")


@pytest.fixture
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYOUT_BATCH_PAUSE_MS", "0")


@pytest.fixture
def demo(tmp_path: Path) -> str:
    """October is over and not swept."""
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    options = ["--members", "300", "--months", "4", "--seed", "1", "--end", "2026-11-01T01:00:00+05:30"]
    document("demo", "create", "--db", url, *options)
    return url


def query(url: str, sql: str) -> list[Any]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.slow
def test_weekly_payouts__document(demo: str, tmp_path: Path) -> None:
    ahead = document("run", "weekly-payouts", "--db", demo, "--dry-run")
    assert (ahead["dry_run"], ahead["counts"]["paid"], ahead["reports"]) == (True, 0, {})
    assert query(demo, "select count(*) from JobLog") == [(0,)]
    result = document("run", "weekly-payouts", "--db", demo, "--out", tmp_path / "out")
    assert (result["job"], result["verdict"], result["status"]) == ("weekly-payouts", "PASS", "success")
    assert result["counts"]["paid"] == ahead["counts"]["payable"] > 0
    assert result["counts"]["paid_paisa"] == result["counts"]["ledger_change_paisa"]
    item = result["items"][0]
    keys = "schedule_id member_id order_id instalment amount_paisa due_at action reason retries_used failed_since"
    assert list(item) == keys.split()
    assert [i["action"] for i in ahead["items"]] == [
        {"paid": "pay", "held": "hold"}[i["action"]] for i in result["items"]
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "items.csv", "result.json"}
    assert len((tmp_path / "out" / "items.csv").read_text().splitlines()) == len(result["items"]) + 1
    held = [finding for finding in result["findings"] if finding["code"] == "payout-held"]
    assert len(held) == result["counts"]["held"]
    assert document("run", "reconciliation", "--db", demo)["verdict"] == "PASS"
    again = document("run", "weekly-payouts", "--db", demo)
    assert (again["counts"]["due"], again["verdict"]) == (0, "PASS")
    assert [row[0] for row in query(demo, "select status from JobLog order by id")] == ["success"] * 3


@pytest.mark.slow
def test_limit_and_retry(demo: str) -> None:
    assert document("run", "weekly-payouts", "--db", demo, "--limit", "3")["counts"]["due"] == 3
    document("run", "weekly-payouts", "--db", demo)
    held = document("run", "retry-failed-payouts", "--db", demo)["counts"]["held"]
    execute(demo, "update users set isKycApproved = 1")
    after = document("run", "retry-failed-payouts", "--db", demo)["counts"]
    assert 0 < after["paid"] <= held
    assert document("run", "reconciliation", "--db", demo)["verdict"] == "PASS"


@pytest.mark.slow
def test_sweep__document(demo: str) -> None:
    ahead = document("run", "monthly-sweep", "--db", demo, "--month", "2026-10", "--dry-run")
    result = document("run", "monthly-eligibility-sweep", "--db", demo, "--month", "2026-10")
    assert (result["job"], result["verdict"]) == ("monthly-eligibility-sweep", "PASS")
    for name in (
        "members",
        "eligible",
        "newly_eligible",
        "lost",
        "unchanged",
        "near_misses",
        "released_paisa",
        "rolled_up_paisa",
    ):
        assert ahead["counts"][name] == result["counts"][name], name
    assert result["counts"]["rolled_up_paisa"] > 0
    assert document("run", "reconciliation", "--db", demo)["verdict"] == "PASS"
    explained = document("eligibility", "explain", "1", "--month", "2026-10", "--db", demo)
    assert [c["condition"] for c in explained["conditions"]] == ["active", "purchase", "kyc", "three_three"]
    assert explained["stored"]["jobId"] == result["job_id"]


@pytest.mark.slow
def test_people_read_it_too(demo: str) -> None:
    for arguments in (
        ("run", "weekly-payouts", "--dry-run"),
        ("run", "weekly-payouts"),
        ("run", "retry-failed-payouts"),
        ("run", "monthly-sweep", "--month", "2026-10"),
        ("payouts", "list"),
        ("payouts", "list", "--status", "held"),
        ("payouts", "list", "--status", "permanently_failed"),
        ("payouts", "explain", "1"),
        ("eligibility", "explain", "2", "--month", "2026-10"),
        ("mail", "queue"),
        ("mail", "send"),
        ("repairs", "list"),
    ):
        done = mlm(*arguments, "--db", demo)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert done.stdout.strip(), arguments
        assert "Traceback" not in done.stdout


def test_a_dry_run_prints_everything_that_would_be_done(demo: str) -> None:
    items = document("run", "weekly-payouts", "--db", demo, "--dry-run")["items"]
    text = mlm("run", "weekly-payouts", "--db", demo, "--dry-run").stdout
    for item in items:
        assert f"{item['action']:8} instalment {item['schedule_id']}, member {item['member_id']}, " in text


@pytest.mark.slow
def test_payouts_requeue(demo: str) -> None:
    document("run", "weekly-payouts", "--db", demo)
    rows = document("payouts", "list", "--status", "held", "--db", demo)
    assert rows
    number = rows[0]["id"]
    done = document("payouts", "requeue", str(number), "--db", demo)
    assert query(demo, f"select status, retryCount from SelfPayoutSchedule where id = {number}") == [("pending", 0)]
    [repair] = [row for row in document("repairs", "list", "--db", demo) if row["job_id"] == done["job_id"]]
    assert repair["kind"] == "payout-requeue"
    assert "cannot be undone" in refused("repairs", "undo", done["job_id"], "--db", demo)
    assert document("payouts", "explain", str(number), "--db", demo)["status"] == "pending"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "weekly-payouts", "--as-of", "2999-01-01"), "more than 366 days after now"),
        (("run", "weekly-payouts", "--as-of", "yesterday"), "not an ISO time"),
        (("run", "weekly-payouts", "--limit", "0"), "--limit 0"),
        (("run", "weekly-payouts", "--limit", "many"), "limit"),
        (("run", "weekly-payouts", "--month", "2026-10"), "--month: weekly-payouts does not take this option"),
        (("run", "monthly-sweep", "--limit", "5"), "--limit: monthly-eligibility-sweep does not take this option"),
        (("run", "reconciliation", "--approve", "x"), "--approve: commission-reconciliation does not take this option"),
        (("run", "weekly-payouts", "--approve", "x"), "there is no run with this id"),
        (("run", "monthly-sweep", "--month", "2026-13"), "month from 01 to 12"),
        (("run", "monthly-sweep", "--month", "2999-01"), "only after its end"),
        (("run", "monthly-sweep", "--month", "2010-01"), "no order was paid in this month"),
        (("payouts", "explain", "99999999"), "no such instalment"),
        (("payouts", "requeue", "99999999"), "no such instalment"),
        (("payouts", "requeue"), "at least one"),
        (("payouts", "list", "--status", "lost"), "status"),
        (("payouts", "list", "--limit", "-1"), "--limit -1"),
        (("eligibility", "explain", "99999999", "--month", "2026-10"), "no such member"),
        (("eligibility", "explain", "1", "--month", "2026-1"), "not a month"),
        (("run", "weekly-payouts", "--as-of", "0001-01-01"), "the year must be"),
        (("run", "weekly-payouts", "--as-of", "9999-12-31T23:59:00-08:00"), "the year must be"),
        (("run", "monthly-sweep", "--month", "9999-12"), "not a month"),
        (("run", "monthly-sweep", "--month", "2026-09", "--as-of", "2026-05-01"), "give one of the two"),
        (("payouts", "explain", "99999999999999999999999"), "SCHEDULE"),
        (("payouts", "requeue", "99999999999999999999999"), "SCHEDULE"),
        (("eligibility", "explain", "99999999999999999999", "--month", "2026-10"), "MEMBER_ID"),
        (("payouts", "list", "--limit", "99999999999999999999"), "--limit"),
        (("run", "weekly-payouts", "--limit", "99999999999999999999"), "--limit"),
    ],
)
def test_bad_input_writes_nothing(demo: str, arguments: tuple[str, ...], words: str) -> None:
    before = query(demo, "select count(*), sum(amount) from ledger") + query(demo, "select count(*) from JobLog")
    assert words in refused(*arguments, "--db", demo)
    assert (
        query(demo, "select count(*), sum(amount) from ledger") + query(demo, "select count(*) from JobLog") == before
    )


def test_a_platform_that_was_not_upgraded_is_told_to(demo: str) -> None:
    execute(demo, "drop table AuditNotice")
    for job in ("weekly-payouts", "retry-failed-payouts", "monthly-sweep", "reconciliation"):
        assert "db upgrade" in refused("run", job, "--db", demo)


@pytest.mark.slow
def test_a_text_for_an_amount_is_shown_as_it_is(demo: str) -> None:
    execute(demo, "update SelfPayoutSchedule set amount = 'ten' where id = 1")
    done = mlm("payouts", "explain", "1", "--db", demo)
    assert (done.returncode, "'ten'" in done.stdout, "not a whole number" in done.stdout) == (0, True, True)
    assert "'ten'" in mlm("payouts", "list", "--db", demo).stdout


def test_a_database_that_refuses_is_one_line_and_exit_1(demo: str) -> None:
    execute(demo, "create trigger no before insert on JobLog begin select raise(abort, 'not today'); end")
    done = mlm("run", "weekly-payouts", "--db", demo)
    assert (done.returncode, done.stdout) == (1, "")
    assert "not today" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_fail_on_counts_given_up_payouts(demo: str) -> None:
    assert mlm("run", "weekly-payouts", "--db", demo, "--fail-on", "high").returncode == 0
    execute(demo, "update SelfPayoutSchedule set processedAt = '2020-01-01 00:00:00' where status = 'failed'")
    assert mlm("run", "retry-failed-payouts", "--db", demo, "--fail-on", "high").returncode == 3


@pytest.mark.slow
def test_a_run_that_breaks_off_is_one_line_and_exit_1(demo: str) -> None:
    execute(demo, "create trigger eats after insert on ledger begin delete from ledger where id = new.id; end")
    done = mlm("run", "weekly-payouts", "--db", demo)
    assert done.returncode == 1
    [line] = [text for text in done.stderr.splitlines() if text.startswith("error")]
    assert "control totals do not agree" in line
    assert "Traceback" not in done.stderr
