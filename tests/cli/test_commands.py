"""The interface that programs rely on, through the installed command in a process of its own."""

import io
import json
import sqlite3
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlm_audit.cli import main
from mlm_audit.demo.faults import TREE_FAULTS

COMMAND = [str(Path(sys.executable).with_name("mlm-audit"))]
SHARED = Path(__file__).parents[3] / "shared" / "data"


def mlm(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in this process, which is much faster; `installed` below runs the real one."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        try:
            main(list(map(str, arguments)))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess([], code, stdout.getvalue(), stderr.getvalue())


def installed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)


def document(*arguments: str | Path, code: int = 0, env: dict[str, str] | None = None) -> Any:
    done = mlm(*arguments, "--json", env=env)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def refused(*arguments: str | Path, env: dict[str, str] | None = None) -> str:
    """A one-line error on stderr, exit code 2, no stack trace; with --json also a document. Returns the line."""
    done = mlm(*arguments, env=env)
    assert done.returncode == 2, (done.stdout, done.stderr)
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert done.stdout == ""
    as_json = mlm(*arguments, "--json", env=env)
    assert as_json.returncode == 2
    assert json.loads(as_json.stdout)["verdict"] == "INCOMPLETE"
    return line


@pytest.fixture
def demo(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    document("demo", "create", "--db", url, "--members", "300", "--months", "6", "--seed", "1")
    return url


def execute(url: str, *statements: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@pytest.mark.slow
def test_the_installed_command(demo: str) -> None:
    done = installed("run", "reconciliation", "--db", demo, "--json")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["verdict"]) == (0, "", "PASS")
    wrong = installed("run", "reconciliation", "--db", "sqlite:///none.db")
    assert (wrong.returncode, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 1)
    assert "mlm-audit COMMAND" in installed("--help").stdout


@pytest.mark.slow
def test_run__document(demo: str, tmp_path: Path) -> None:
    execute(demo, "update users set walletBalance = walletBalance + 31250 where id = 42")
    result = document(
        "run", "reconciliation", "--db", demo, "--as-of", "2026-11-24T04:00:00+05:30", "--out", tmp_path / "out"
    )
    assert result["job"] == "commission-reconciliation"
    assert (result["status"], result["verdict"], result["as_of"]) == ("warning", "FAIL", "2026-11-23T22:30:00+00:00")
    assert result["counts"] == {
        "users_checked": 300,
        "undecided_lines": 124,
        "undecided_paisa": 1363416,
        "discrepancies_found": 1,
        "auto_corrections": 0,
        "total_discrepancy_paisa": 31250,
        "accuracy": 99.66,
        "residual_paisa": 0,
    }
    [finding] = result["findings"]
    keys = "id code severity member_id order_id amount_paisa cause evidence state age_days message remedy"
    assert list(finding) == keys.split()
    assert (finding["id"], finding["member_id"], finding["amount_paisa"]) == ("wallet-balance/42", 42, 31250)
    assert (finding["cause"], finding["state"], finding["severity"]) == ("wallet-without-ledger", "new", "high")
    assert finding["evidence"]
    assert "₹312.50" in finding["message"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.html",
        "breaks.csv",
        "breaks.parquet",
        "result.json",
    }
    assert json.loads((tmp_path / "out" / "result.json").read_text())["findings"] == result["findings"]
    assert pl.read_parquet(tmp_path / "out" / "breaks.parquet")["member_id"].to_list() == [42]


@pytest.mark.slow
def test_run__dry_run_writes_nothing(demo: str, tmp_path: Path) -> None:
    execute(demo, "update users set walletBalance = walletBalance + 50 where id = 42")
    path = Path(demo.removeprefix("sqlite:///"))
    before = path.read_bytes()
    files = set(tmp_path.rglob("*"))
    result = document("run", "commission-reconciliation", "--db", demo, "--dry-run")
    assert result["counts"]["auto_corrections"] == 0
    assert result["dry_run"]
    assert path.read_bytes() == before
    assert {file for file in tmp_path.rglob("*") if file.suffix not in (".db-shm", ".db-wal")} <= files


@pytest.mark.slow
def test_run__exit_codes(demo: str) -> None:
    assert mlm("run", "reconciliation", "--db", demo, "--fail-on", "low").returncode == 0
    execute(demo, "update users set walletBalance = walletBalance + 5000 where id = 42")
    assert mlm("run", "reconciliation", "--db", demo).returncode == 0
    assert mlm("run", "reconciliation", "--db", demo, "--fail-on", "high").returncode == 3
    assert mlm("run", "reconciliation", "--db", demo, "--fail-on", "critical").returncode == 0
    execute(demo, "update users set walletBalance = walletBalance - 5000 where id = 42")
    result = document("run", "reconciliation", "--db", demo, "--fail-on", "low")
    assert [finding["state"] for finding in result["findings"]] == ["cleared"]


@pytest.mark.slow
def test_run__database_url_from_the_environment_and_from_dotenv(demo: str, tmp_path: Path) -> None:
    assert document("run", "reconciliation", "--dry-run", env={"DATABASE_URL": demo})["verdict"] == "PASS"
    (tmp_path / ".env").write_text(f"DATABASE_URL={demo}\n")
    assert document("run", "reconciliation", "--dry-run")["verdict"] == "PASS"


@pytest.mark.slow
def test_demo__same_seed_same_platform_and_truth(tmp_path: Path) -> None:
    for name in ("a", "b"):
        url, truth = f"sqlite:///{tmp_path / name}.db", tmp_path / f"{name}.json"
        options = ["--members", "500", "--months", "6", "--seed", "9", "--faults", "standard", "--truth", str(truth)]
        made = document("demo", "create", "--db", url, *options)
        assert made["injected"] >= 30
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    dumps = [sorted(sqlite3.connect(tmp_path / f"{name}.db").iterdump()) for name in ("a", "b")]
    assert dumps[0] == dumps[1]
    truths = json.loads((tmp_path / "a.json").read_text())
    jobs = ("reconciliation", "tree-health")
    findings = [f for job in jobs for f in document("run", job, "--db", f"sqlite:///{tmp_path / 'a.db'}")["findings"]]
    for truth in truths:
        mine = [
            finding
            for finding in findings
            if finding["code"] == truth["code"]
            and (finding["member_id"] in truth["members"] or finding["order_id"] in truth["orders"])
        ]
        assert mine, truth
        assert truth["fault"] not in TREE_FAULTS or len(mine) == 1, truth


@pytest.mark.slow
def test_repairs(demo: str) -> None:
    execute(demo, "update users set walletBalance = walletBalance + 50 where id = 42")
    job_id = document("run", "reconciliation", "--db", demo)["job_id"]
    [repair] = document("repairs", "list", "--db", demo)
    assert (repair["job_id"], int(repair["before"]) - int(repair["after"])) == (job_id, 50)
    assert document("repairs", "undo", job_id, "--db", demo) == {"job_id": job_id, "undone": 1, "left": []}
    assert document("repairs", "undo", job_id, "--db", demo)["undone"] == 0
    assert "made no repairs" in refused("repairs", "undo", "no-such-job", "--db", demo)


@pytest.mark.slow
def test_checks_and_own_check(demo: str, tmp_path: Path) -> None:
    assert len(document("checks", "list")) >= 25
    shown = document("checks", "show", "wallet-balance")
    assert "select" in shown["sql"]
    own = tmp_path / "checks"
    own.mkdir()
    header = "-- code: many-rows\n-- title: T\n-- severity: low\n-- needs: ledger\n-- proves: P\n-- do: D\n-- message: {n} rows\n"
    (own / "many.sql").write_text(
        header + "select user_id as member_id, count(*) as n from ledger where user_id = 1 group by 1"
    )
    (own / "bad.sql").write_text(header.replace("many-rows", "bad") + "select nonsense from ledger")
    result = document("run", "reconciliation", "--db", demo, "--dry-run", env={"CHECKS_DIR": str(own)})
    assert [finding["code"] for finding in result["findings"]] == ["many-rows"]
    assert (result["verdict"], result["is_complete"]) == ("FAIL", False)
    assert any("check bad did not run" in note for note in result["not_checked"])
    (own / "bad.sql").write_text("select 1")
    assert "header lacks" in refused("run", "reconciliation", "--db", demo, "--dry-run", env={"CHECKS_DIR": str(own)})


@pytest.mark.slow
def test_own_check_cannot_read_other_files(demo: str, tmp_path: Path) -> None:
    own = tmp_path / "checks"
    own.mkdir()
    header = "-- code: spy\n-- title: T\n-- severity: low\n-- needs: ledger\n-- proves: P\n-- do: D\n-- message: M\n"
    (own / "spy.sql").write_text(header + "select content as key from read_text('/etc/passwd')")
    result = document("run", "reconciliation", "--db", demo, "--dry-run", env={"CHECKS_DIR": str(own)})
    assert (result["verdict"], result["findings"]) == ("INCOMPLETE", [])


def test_settings__secrets_are_masked() -> None:
    env = {"DATABASE_URL": "mysql://app:hunter2@db/shop", "EMAIL_PASS": "hunter2", "CRON_SECRET": "hunter2"}
    shown = mlm("settings", env=env).stdout
    assert "hunter2" not in shown
    assert "mysql://app:***@db/shop" in shown
    assert "TIMEZONE" in document("settings", env=env)
    told = refused("settings", env={"EMAIL_PORT": "many"})
    assert "setting EMAIL_PORT" in told
    assert told.rstrip().endswith("correct it in the environment or in .env")


def test_a_setting_given_with_the_command_is_not_to_be_mended_in_the_environment() -> None:
    told = refused("run", "reconciliation", "--memory-limit", "5", env={"DATABASE_URL": "sqlite:///none.db"})
    assert "setting MEMORY_LIMIT_MB" in told
    assert told.rstrip().endswith("correct the value given with the command")


@pytest.mark.slow
def test_db_commands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert len(document("db", "init", "--db", url)["created"]) >= 18
    assert document("db", "check", "--db", url)["ok"]
    execute(url, 'drop table "PayoutHistory"')
    problems = document("db", "check", "--db", url, code=2)
    assert [problem["table"] for problem in problems["problems"]] == ["PayoutHistory"]


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_bad__database_unreachable(tmp_path: Path) -> None:
    line = refused("run", "reconciliation", "--db", "postgresql://app:hunter2@127.0.0.1:1/shop")
    assert "cannot be reached" in line
    assert "hunter2" not in line
    assert "hunter2" not in refused("run", "reconciliation", "--db", "mysql://app:hunter2@127.0.0.1:1/shop")
    assert "no such file" in refused("run", "reconciliation", "--db", f"sqlite:///{tmp_path}/none.db")
    assert "not supported" in refused("run", "reconciliation", "--db", "oracle://x/y")
    assert "no database is named" in refused("run", "reconciliation")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_bad__out_folder(demo: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be written" in refused("run", "reconciliation", "--db", demo, "--out", tmp_path / "file" / "out")
    assert counted(demo, "JobLog") == 0


def test_bad__missing_table(demo: str) -> None:
    execute(demo, "drop table commissions")
    line = refused("run", "reconciliation", "--db", demo)
    assert "table commissions: missing" in line
    assert counted(demo, "JobLog") == 0


def counted(url: str, table: str) -> int:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        return int(connection.execute(f'select count(*) from "{table}"').fetchone()[0])


def test_bad__float_money_column(demo: str) -> None:
    execute(
        demo, "alter table users rename column walletBalance to old", "alter table users add column walletBalance float"
    )
    line = refused("run", "reconciliation", "--db", demo)
    assert "table users, column walletBalance" in line
    assert "float" in line
    assert "BIGINT" in line
    assert counted(demo, "JobLog") == 0


@pytest.mark.slow
def test_bad__half_paisa_in_a_row(demo: str) -> None:
    execute(demo, "update ledger set amount = 12.5 where id = 17")
    result = document("run", "reconciliation", "--db", demo)
    assert (result["verdict"], result["is_complete"]) == ("FAIL", False)
    assert any("ledger" in note and "17" in note and "12.5" in note for note in result["not_checked"])
    assert {"table": "ledger", "id": 17} in [row for one in result["findings"] for row in one["evidence"]]
    assert counted(demo, "JobLog") == 1


@pytest.mark.slow
def test_bad__empty_ledger(demo: str) -> None:
    execute(demo, "delete from ledger")
    assert "table ledger: it has no rows" in refused("run", "reconciliation", "--db", demo)
    assert counted(demo, "JobLog") == 0


@pytest.mark.slow
def test_empty_orders__is_incomplete(demo: str) -> None:
    execute(demo, 'delete from "order"')
    assert document("run", "reconciliation", "--db", demo, "--dry-run")["verdict"] == "INCOMPLETE"


@pytest.mark.slow
def test_bad__plan(demo: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[version]]\nname = 'x'\ncompany = 3\n")
    line = refused("run", "reconciliation", "--db", demo, env={"PLAN_FILE": str(plan)})
    assert f"plan {plan}, line " in line
    assert counted(demo, "JobLog") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "tidy-up", "--db", "sqlite:///x.db"], "no such job"),
        (["run", "reconciliation", "--nonsense"], "--nonsense"),
        (["run", "reconciliation", "--fail-on", "mild"], "mild"),
        (["demo", "create", "--db", "sqlite:///x.db", "--members", "0"], "--members 0"),
        (["demo", "create", "--db", "sqlite:///x.db", "--months", "-1"], "--months"),
        (["demo", "create", "--db", "sqlite:///x.db", "--faults", "gremlins=3"], "gremlins"),
        (
            ["demo", "create", "--db", "sqlite:///x.db", "--members", "5", "--faults", "lost-payout=99"],
            "room for only 3",
        ),
        (["checks", "show", "nothing"], "no such check"),
    ],
)
def test_bad__arguments(arguments: list[str], words: str, tmp_path: Path) -> None:
    assert words in refused(*arguments)
    assert not list(tmp_path.iterdir())


def test_bad__as_of(demo: str) -> None:
    assert "not an ISO time" in refused("run", "reconciliation", "--db", demo, "--as-of", "soon")


@pytest.mark.slow
def test_demo_create__refuses_a_database_with_rows(demo: str) -> None:
    before = counted(demo, "ledger")
    assert "it already holds rows" in refused("demo", "create", "--db", demo)
    assert counted(demo, "ledger") == before


# --- files -----------------------------------------------------------------------------------------------------------
