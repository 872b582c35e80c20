"""Reports as a user comes by them: every job leaves one, with its trend; `reports open` and `reports index`."""

import json
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from mlm_audit.runs import trend
from tests.cli.test_commands import document, execute, mlm


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PAYOUT_BATCH_PAUSE_MS", "0")
    return tmp_path / "runs"


@pytest.fixture
def demo(tmp_path: Path) -> str:
    """October is over and not swept."""
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    options = ["--members", "300", "--months", "4", "--seed", "1", "--end", "2026-11-01T01:00:00+05:30"]
    document("demo", "create", "--db", url, *options)
    return url


def page(result: dict[str, Any]) -> str:
    return Path(result["reports"]["html"]).read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_job_leaves_a_report_and_the_index_has_it(demo: str, runs: Path) -> None:
    jobs = ("reconciliation", "tree-health", "weekly-payouts", "retry-failed-payouts")
    results = [document("run", job, "--db", demo) for job in jobs]
    results.append(document("run", "monthly-sweep", "--month", "2026-10", "--db", demo))
    index = (runs / "index.html").read_text(encoding="utf-8")
    for result in results:
        assert result["verdict"] in page(result)
        assert f'href="{result["job_id"]}/report.html"' in index
        assert set(result["sha256"]) == set(result["reports"]) - {"json"}
        assert json.loads((runs / result["job_id"] / "result.json").read_text()) == result


@pytest.mark.slow
def test_a_look_ahead_leaves_its_report_only_where_it_is_told(demo: str, runs: Path, tmp_path: Path) -> None:
    ahead = document("run", "weekly-payouts", "--db", demo, "--dry-run", "--out", tmp_path / "ahead")
    assert ">PAY</span>" in page(ahead)
    sweep = document(
        "run", "monthly-sweep", "--month", "2026-10", "--db", demo, "--dry-run", "--out", tmp_path / "sweep"
    )
    assert "Eligibility of 2026-10" in page(sweep)
    assert not runs.exists()
    inside = document("run", "weekly-payouts", "--db", demo, "--dry-run", "--out", runs / "mine")
    assert "dry run" in (runs / "index.html").read_text(encoding="utf-8")
    assert page(inside)


def test_a_run_that_waits_for_approval_shows_what_it_would_pay(
    demo: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYOUT_RUN_CAP_PAISA", "100")
    result = document("run", "weekly-payouts", "--db", demo)
    assert (result["verdict"], result["counts"]["paid"]) == ("INCOMPLETE", 0)
    assert {item["action"] for item in result["items"]} == {"pay", "hold"}
    html = page(result)
    assert ">HOLD</span>" in html
    assert f"--approve {result['job_id']}" in html
    assert "The largest instalments, compared with the median" in html


@pytest.mark.slow
def test_trends_are_those_of_the_runs_before(demo: str, runs: Path) -> None:
    first = document("run", "reconciliation", "--db", demo)
    assert first["trend"] == []
    execute(demo, "update users set walletBalance = walletBalance + 31250 where id = 42")
    second = document("run", "reconciliation", "--db", demo)
    assert [point[1:] for point in second["trend"]] == [[0, 0], [1, 0]]
    execute(demo, "update users set walletBalance = walletBalance + 500 where id = 43")
    ahead = document("run", "reconciliation", "--db", demo, "--dry-run")
    third = document("run", "reconciliation", "--db", demo)
    assert (
        [point[1:] for point in third["trend"]] == [[0, 0], [1, 0], [1, 1]] == [point[1:] for point in ahead["trend"]]
    )
    assert "Open breaks after each run" in page(third)
    execute(demo, "delete from hierarchy where id = (select max(id) from hierarchy)")
    document("run", "tree-health", "--db", demo, "--no-repair")
    assert [point[1:] for point in document("run", "tree-health", "--db", demo, "--no-repair")["trend"]] == [
        [1, 0],
        [0, 1],
    ]


@pytest.mark.slow
def test_trends_of_money(demo: str, runs: Path) -> None:
    results = [document("run", "weekly-payouts", "--db", demo, "--limit", "5") for _ in range(3)]
    paid = [[result["counts"]["paid_paisa"], result["counts"]["held_paisa"]] for result in results]
    assert [point[1:] for point in results[-1]["trend"]] == paid
    sweep = document("run", "monthly-sweep", "--month", "2026-10", "--db", demo)
    again = document("run", "monthly-sweep", "--month", "2026-10", "--db", demo)
    moved = [sweep["counts"]["released_paisa"], sweep["counts"]["rolled_up_paisa"]]
    assert again["trend"] == [["2026-10", *moved]], "a month's runs together"


@pytest.mark.slow
def test_open_prints_and_opens(demo: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = document("run", "reconciliation", "--db", demo)
    opened: list[str] = []

    def open_it(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_it)
    report = runs / result["job_id"] / "report.html"
    assert mlm("reports", "open", result["job_id"]).stdout.strip() == str(report)
    assert mlm("reports", "open").stdout.strip() == str(runs / "index.html")
    assert opened == [report.as_uri(), (runs / "index.html").as_uri()]
    (runs / "index.html").unlink()
    assert mlm("reports", "open", "--print").stdout.strip() == str(runs / "index.html")
    assert (runs / "index.html").is_file(), "made anew"
    assert len(opened) == 2, "nothing was opened"
    (runs / "index.html").write_text("old")
    assert mlm("reports", "index").stdout.strip() == str(runs / "index.html")
    assert result["job_id"] in (runs / "index.html").read_text(encoding="utf-8")
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert "open the file yourself" in mlm("reports", "open").stderr


@pytest.mark.slow
@pytest.mark.parametrize("job_id", ["none-2026-11-24-000000-0000", "..", "../demo", "/etc", "history", "a b"])
def test_what_is_not_there_is_refused(demo: str, runs: Path, job_id: str) -> None:
    (runs.parent / "report.html").write_text("not a run's")
    (runs / "history").mkdir(parents=True)
    done = mlm("reports", "open", job_id)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no report in" in done.stderr


def test_without_any_run_there_is_no_index(runs: Path) -> None:
    for arguments in (("reports", "open"), ("reports", "index"), ("reports", "open", "--print")):
        done = mlm(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "the folder has no files of runs yet" in done.stderr
    assert not runs.exists()


@pytest.mark.slow
def test_an_index_that_cannot_be_written_does_not_fail_the_run(demo: str, runs: Path) -> None:
    (runs / "index.html").mkdir(parents=True)
    assert document("run", "reconciliation", "--db", demo)["verdict"] == "PASS"


@pytest.mark.slow
def test_a_trend_that_cannot_be_read_does_not_fail_a_run_that_has_paid(
    demo: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("select", {}, Exception("gone away"))

    monkeypatch.setattr(trend, "last_runs", away)
    result = document("run", "weekly-payouts", "--db", demo)
    assert (result["verdict"], result["trend"]) == ("PASS", [])
    assert result["counts"]["paid"] > 0
    assert "Paid and held in each run" not in page(result)
