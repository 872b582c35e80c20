"""The real platform is audited through its mapping: what is true of its data is found, and nothing that is not true.

The figures were found by SQL of another hand; see PLATFORMS.md beside the data.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy import Engine

import mlm_audit
from mlm_audit.analysis.explain.order import explain_order
from mlm_audit.analysis.explain.subsets import check_order
from mlm_audit.checks.applicability import is_peculiar
from mlm_audit.checks.catalogue import load_checks
from mlm_audit.cli.app import main
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import MONTHLY_SWEEP, RECONCILIATION, RETRY_PAYOUTS, TREE_HEALTH, WEEKLY_PAYOUTS, job_of
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.registry import call
from mlm_audit.runs.context import RunContext
from tests.conftest import clock_at
from tests.support.real_platforms import PLATFORMS, build

MATRIX, POOL = "wear-and-earn-matrix", "wear-and-earn-pool"
pytestmark = pytest.mark.skipif(
    not PLATFORMS.is_dir(),
    reason="THE REAL PLATFORMS (../shared/data/platforms) ARE NOT HERE: nothing is proven on them",
)
NOW = {MATRIX: datetime(2026, 10, 28, tzinfo=UTC), POOL: datetime(2026, 10, 31, tzinfo=UTC)}
"""The moments at which the data of the two generations end."""
Jobs = Callable[..., RunResult]


def settings_of(url: str, platform: str, place: Path) -> Settings:
    return Settings(database_url=SecretStr(url), platform=platform, runs_dir=place / "runs", payout_overdue_days=8)


@pytest.fixture
def real(any_url: str, opened: Callable[[str], Engine]) -> Callable[[str], str]:
    """Builds a generation of the real platform in an empty database, and returns the address."""

    def built(generation: str) -> str:
        build(opened(any_url), generation)
        return any_url

    return built


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Callable[[str, str], Jobs]]:
    """Returns a function that runs a job on an attached platform."""
    databases: list[Engine] = []

    def attached(url: str, platform: str) -> Jobs:
        settings = settings_of(url, platform, tmp_path)
        databases.append(open_platform(settings))

        def run(job: str, **request: object) -> RunResult:
            context = RunContext(job_of(job), databases[-1], settings, clock_at(NOW[platform]))
            return call(context, Request.model_validate(request))

        return run

    yield attached
    for database in databases:
        database.dispose()


def rows_of(url: str, opened: Callable[[str], Engine]) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of a database."""
    engine = opened(url)
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        quote = connection.dialect.identifier_preparer.quote
        return {
            name: sorted(
                (tuple(map(str, row)) for row in connection.exec_driver_sql(f"select * from {quote(name)}")),
            )
            for name in names
        }


def test_what_is_true_of_the_matrix_generation_and_nothing_else(
    real: Callable[[str], str], jobs: Callable[[str, str], Jobs], opened: Callable[[str], Engine]
) -> None:
    url = real("matrix")
    before = rows_of(url, opened)
    run = jobs(url, MATRIX)

    books = run(RECONCILIATION)
    assert books.verdict is Verdict.FAIL
    assert books.counts.to_json()["users_checked"] == 302
    assert not [one for one in books.findings if one.code == "wallet-balance"]
    assert Counter(one.code for one in books.findings) == {
        "conservation": 18,
        "company-posting": 18,
        "instalments": 72,
        "payout-overdue": 1,
        "platform-arithmetic": 1,
        "stored-unit": 1,
        "withdrawal-unit": 1,
    }
    assert {one.cause for one in books.findings if one.code == "conservation"} == {"order-not-distributed"}
    # The other lines of these 18 orders follow from that.
    assert {one.cause for one in books.findings if one.code in ("company-posting", "instalments")} == {
        "follows-from-order-line"
    }
    said = {one.code: one.message for one in books.findings}
    assert said["stored-unit"].startswith(
        "501 values of order.commissionAmount are not in the unit that the platform means: the commissionable amount is "
        "stored 100 times too large;"
    )
    assert said["withdrawal-unit"] == (
        "27 withdrawals of 4 members are debited with a hundredth of the amount: ₹164.61 is debited, ₹16,461.00 was requested."
    )
    assert "192 are together ₹1.92 too low, 51 are together ₹0.51 too high" in said["platform-arithmetic"]
    assert said["payout-overdue"] == "798 instalments of 214 members have been due for up to 171 days: ₹11,032.41."
    notes = "\n".join(books.notes)
    assert "433 rows of ₹7,18,888.00 in total: rows of the kind order_processed move no wallet" in notes
    assert "2 rows of ₹1,000.00 in total: rows of the kind withdrawal_request move no wallet" in notes
    assert "not checkable on this platform: check payout-history: the platform keeps no history of payouts" in notes

    trees = run(TREE_HEALTH)
    assert Counter(one.code for one in trees.findings) == {"matrix-node-missing": 18}

    payouts = run(WEEKLY_PAYOUTS, dry_run=True)
    counts = payouts.counts.to_json()
    assert (counts["due"], counts["due_paisa"]) == (842, 1_157_841)

    assert rows_of(url, opened) == before


def test_the_overdue_instalments_of_the_matrix_generation_are_paid_once(
    real: Callable[[str], str], opened: Callable[[str], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the platform's own words in its own tables, and nothing else changed."""
    url = real("matrix")
    before = rows_of(url, opened)
    settings = settings_of(url, MATRIX, tmp_path).model_copy(update={"platform_writes": True})
    database = open_platform(settings)
    init(database)
    monkeypatch.setenv("RUNS_DIR", str(settings.runs_dir))
    with pytest.raises(SystemExit):
        main(["platform", "check", MATRIX, "--db", url])

    def run(job: str) -> RunResult:
        return call(RunContext(job_of(job), database, settings, clock_at(NOW[MATRIX])), Request())

    first, second = run(WEEKLY_PAYOUTS).counts.to_json(), run(WEEKLY_PAYOUTS).counts.to_json()
    assert (first["paid"], first["paid_paisa"], first["ledger_rows"]) == (842, 1_157_841, 842)
    assert (second["due"], second["paid"]) == (0, 0)
    books = run(RECONCILIATION)
    assert not {one.code for one in books.findings} & {"wallet-balance", "payout-overdue", "payout-ledger"}
    trees = run(TREE_HEALTH)
    assert Counter(one.code for one in trees.findings) == {"matrix-node-missing": 18}
    database.dispose()

    after = rows_of(url, opened)
    assert {name for name in before if after[name] != before[name]} == {"users", "ledger", "self_payout_schedule"}
    new = sorted(set(after["ledger"]) - set(before["ledger"]))
    assert len(new) == len(after["ledger"]) - len(before["ledger"]) == 842
    assert {row[2] for row in new} == {"self_joining_instalment"}
    due = {row[0]: row for row in before["self_payout_schedule"]}
    assert {row[6] for row in new} == {
        f"payout:{number}:{due[number][2]}" for number in due if number in _newly_paid(before, after)
    }


def _newly_paid(before: dict[str, list[tuple[object, ...]]], after: dict[str, list[tuple[object, ...]]]) -> set[object]:
    paid = [{row[0] for row in rows["self_payout_schedule"] if row[5] == "paid"} for rows in (before, after)]
    return paid[1] - paid[0]


def test_the_wallets_of_the_pool_generation_and_what_is_left_out(
    real: Callable[[str], str], jobs: Callable[[str, str], Jobs]
) -> None:
    run = jobs(real("pool"), POOL)
    books = run(RECONCILIATION)
    assert {one.id: one.message for one in books.findings} == {
        "control-total/pools-credited": "Pools are marked as distributed, but their amounts were not all credited to members: ₹89,550.00 expected, "
        "₹47,313.00 found, ₹42,237.00 too little. Find out which levels had nobody to receive their share, and decide to whom it belongs.",
        "control-total/splits-recorded": "Purchase lines do not record how their amount was split between company, pool and member: "
        "575 rows expected, 0 rows found, 575 rows missing. Correct the program that writes purchase lines; until then, nobody can "
        "recompute a pool from its lines.",
        "control-total/sponsors-credited": "Purchase lines of members with a sponsor brought the sponsor nothing: 573 rows expected, "
        "476 rows found, 97 rows missing. Compare the purchase lines with the credits of their sponsors, and credit what is missing.",
    }
    again = run(RECONCILIATION)
    assert [(one.code, one.state) for one in again.findings] == [("control-total", "carried over")] * 3
    # All 33 withdrawals, 6 of them rejected and credited back, are debited by what was requested.
    assert (books.rows_read["withdrawals"], [one.status for one in books.checks if one.code == "withdrawals"]) == (
        33,
        ["ran"],
    )
    assert books.bridge is not None
    assert books.bridge.ledger_paisa == books.bridge.wallets_paisa == 5_474_750
    assert any("left out of ledger: 21 rows of -₹10,827.10 in total: a second booking" in note for note in books.notes)
    # It was never proven here, and most checks do not apply.
    assert books.verdict is Verdict.FAIL
    assert books.not_checked == (
        f"the mapping {POOL} has not been checked on this database; run `mlm-audit platform check {POOL}`",
    )
    with pytest.raises(InputError, match="this does not apply to the platform wear-and-earn-pool: there is no matrix"):
        run(TREE_HEALTH)


@pytest.mark.parametrize("job", [WEEKLY_PAYOUTS, RETRY_PAYOUTS])
def test_no_money_is_moved_through_a_mapping(
    job: str, real: Callable[[str], str], jobs: Callable[[str, str], Jobs]
) -> None:
    run = jobs(real("matrix"), MATRIX)
    with pytest.raises(InputError, match="this platform is only read; with PLATFORM_WRITES=true, the jobs write what"):
        run(job)
    with pytest.raises(InputError, match="--repair: its changes cannot be written through a mapping"):
        run(TREE_HEALTH, repair=True)
    with pytest.raises(
        InputError, match="does not apply to the platform wear-and-earn-matrix: there is no monthly elig"
    ):
        run(MONTHLY_SWEEP)


def test_orders_are_explained_by_the_conventions_of_the_platform(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """Under binary arithmetic, own shares of repurchases, the 3-3 rule of each order, and with and without records."""
    build(opened(sqlite_url), "matrix")
    settings = settings_of(sqlite_url, MATRIX, tmp_path)
    database = open_platform(settings)
    explained = {
        number: explain_order(number, check_order(database, settings, number), settings)
        for number in (2, 56, 100, 300, 318, 501)
    }
    database.dispose()
    assert {number: answer.story.verdict for number, answer in explained.items()} == dict.fromkeys(explained, "PASS")
    [lines] = [table for table in explained[100].story.tables if table.name == "lines"]
    assert "member 5 did not meet the 3-3 rule when the order was paid" in lines.frame["why"][1]


@pytest.mark.parametrize("code", [check.code for check in load_checks() if is_peculiar(check)])
def test_a_check_of_a_peculiarity_is_found_on_a_platform_that_has_it(
    code: str, sqlite_url: str, opened: Callable[[str], Engine], jobs: Callable[[str, str], Jobs]
) -> None:
    generation, platform = ("pool", POOL) if code == "control-total" else ("matrix", MATRIX)
    build(opened(sqlite_url), generation)
    books = jobs(sqlite_url, platform)(RECONCILIATION, dry_run=True)
    assert [one.code for one in books.findings].count(code) == (3 if code == "control-total" else 1)


def test_a_login_that_may_only_select(
    real: Callable[[str], str], jobs: Callable[[str, str], Jobs], opened: Callable[[str], Engine]
) -> None:
    url = real("matrix")
    kind = sa.make_url(url).get_backend_name()
    if kind == "sqlite":
        pytest.skip("SQLite has no accounts")
    reader = sa.make_url(url).set(username="auditor", password="secret")
    grants = {
        "postgresql": [
            "drop role if exists auditor",
            "create role auditor login password 'secret'",
            "grant select on all tables in schema public to auditor",
        ],
        "mysql": [
            "create or replace user auditor@localhost identified by 'secret'",
            "create or replace user auditor@'127.0.0.1' identified by 'secret'",
            f"grant select on {sa.make_url(url).database}.* to auditor@localhost",
            f"grant select on {sa.make_url(url).database}.* to auditor@'127.0.0.1'",
        ],
    }["mysql" if kind in ("mysql", "mariadb") else kind]
    owner = opened(url)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for grant in grants:
            connection.exec_driver_sql(grant)
    try:
        run = jobs(reader.render_as_string(hide_password=False), MATRIX)
        assert len(run(RECONCILIATION).findings) == 112
        assert len(run(TREE_HEALTH).findings) == 18
        assert run(WEEKLY_PAYOUTS, dry_run=True).counts.to_json()["due"] == 842
    finally:
        if kind == "postgresql":
            with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("drop owned by auditor")
                connection.exec_driver_sql("drop role auditor")


def test_the_state_database_is_another_one(sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    build(opened(sqlite_url), "matrix")
    settings = settings_of(sqlite_url, MATRIX, tmp_path)
    with pytest.raises(InputError, match="STATE_DATABASE_URL is the platform's own database"):
        open_platform(settings.model_copy(update={"state_database_url": SecretStr(sqlite_url)}))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with opened(other).begin() as connection:
        connection.execute(sa.text("create table things (id int)"))
    with pytest.raises(InputError, match="this database has tables that are not the toolkit's"):
        open_platform(settings.model_copy(update={"state_database_url": SecretStr(other)}))
    database = open_platform(settings)
    assert platform_of(database) is not database
    tables = set(sa.inspect(database).get_table_names())
    assert {"JobLog", "AuditBreak", "ReconciliationReport", "mlm_audit_version"} <= tables
    # A read of the platform that went to the state database by mistake must fail, and never see an empty table.
    assert not tables & {"users", "ledger", "order", "SelfPayoutSchedule", "PayoutHistory", "EligibilityLog"}
    database.dispose()
    open_platform(settings).dispose()


def test_the_tables_of_an_attached_platform_are_checked_and_never_created(
    sqlite_url: str,
    opened: Callable[[str], Engine],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build(opened(sqlite_url), "matrix")
    before = rows_of(sqlite_url, opened)
    monkeypatch.setenv("PLATFORM", MATRIX)
    for command, said in (
        ("init", "There is nothing to create"),
        ("upgrade", "The tables are already up to date"),
        ("check", "every query of the jobs succeeds"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["db", command, "--db", sqlite_url])
        assert not ended.value.code
        assert said in capsys.readouterr().out
    assert rows_of(sqlite_url, opened) == before


def test_a_notebook_of_an_attached_platform(sqlite_url: str, opened: Callable[[str], Engine]) -> None:
    build(opened(sqlite_url), "matrix")
    audit = mlm_audit.connect(sqlite_url, platform=MATRIX)
    try:
        assert str(sqlite_url.rpartition("/")[2]) in repr(audit)
        assert audit.sql("select count(*) as n from ledger").item() == 2_507
        assert audit.order(100).explain().story.verdict == "PASS"
        assert audit.reconcile().breaks.height > 100
        assert audit.income_disclosure(2026).story.conclusion
        with pytest.raises(InputError, match="this does not apply to the platform .*: there is no monthly eligibility"):
            audit.eligibility("2026-09")
    finally:
        audit.close()


def test_a_mapping_that_does_not_fit_is_refused_before_anything_is_read(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    build(opened(sqlite_url), "pool")
    with pytest.raises(InputError, match=r"wear-and-earn-matrix.toml: table users has no column isKycApproved"):
        open_platform(settings_of(sqlite_url, MATRIX, tmp_path))
    assert not (tmp_path / "state").exists()


def test_the_report_and_the_document_name_the_mapping(
    sqlite_url: str, opened: Callable[[str], Engine], jobs: Callable[[str, str], Jobs], tmp_path: Path
) -> None:
    build(opened(sqlite_url), "matrix")
    books = jobs(sqlite_url, MATRIX)(RECONCILIATION)
    assert books.platform.startswith("wear-and-earn-matrix (sha256 ")
    page = (tmp_path / "runs" / books.job_id / "report.html").read_text(encoding="utf-8")
    assert books.platform in page
    assert "rows of the kind order_processed move no wallet" in page
    document = json.loads((tmp_path / "runs" / books.job_id / "result.json").read_text(encoding="utf-8"))
    assert document["platform"] == books.platform
