"""The same platform on SQLite, PostgreSQL and MariaDB: the same findings, the same corrections, the same undoing."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, select, text, update

from mlm_audit.database.core.own_tables import Authorisation, Break, JobLog, ReconciliationReport
from mlm_audit.database.core.schema import check_schema
from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.database.core.upgrade import init, is_current, upgrade
from mlm_audit.database.reads.mirror import read_pieces
from mlm_audit.database.store.authorisations import Grant, add_authorisation
from mlm_audit.database.writes.corrections import list_repairs
from mlm_audit.database.writes.undo import undo_repairs
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.findings import Verdict
from mlm_audit.jobs.reconciliation.run import ReconciliationOutcome, reconcile
from tests.conftest import NOW, clean_platform, settings_for

Fill = Callable[[str, Platform], Engine]


def run(engine: Engine, tmp_path: Path, **options: Any) -> ReconciliationOutcome:
    return reconcile(engine, settings_for(runs=tmp_path / "runs"), lambda: NOW, **options)


def wallets(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(select(User.id, User.wallet_balance_paisa))}


@pytest.mark.slow
def test_same_findings_as_without_a_database(any_url: str, filled: Fill, tmp_path: Path) -> None:
    platform = clean_platform(700).copy()
    inject(platform, dict.fromkeys(FAULTS, 1), FAULTS, seed=3, exact=False)
    outcome = run(filled(any_url, platform), tmp_path, dry_run=True)
    columns = ["id", "severity", "member_id", "order_id", "amount_paisa", "cause", "evidence", "message"]
    expected = audit(platform).sort("id")
    assert expected.height > 50
    assert outcome.breaks.sort("id").select(columns).equals(expected.select(columns))
    assert outcome.result.counts.residual_paisa == 0


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code, fault in FAULTS.items() if fault.most == 1])
def test_a_fault_of_the_whole_platform(
    any_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Such a fault has no room beside the others."""
    monkeypatch.delenv("SWEEP_OVERDUE_DAYS")
    platform = clean_platform().copy()
    [truth] = inject(platform, {code: 1}, FAULTS, seed=3)
    breaks = run(filled(any_url, platform), tmp_path, dry_run=True).breaks
    assert [(row["code"], row["cause"]) for row in breaks.iter_rows(named=True) if truth.concerns(row)] == [
        (truth.code, truth.cause)
    ]


@pytest.mark.slow
def test_clean_platform_passes_and_is_stored(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    result = run(engine, tmp_path).result
    assert (result.verdict, result.status, result.findings) == (Verdict.PASS, "success", ())
    assert result.counts.users_checked == 300
    assert result.counts.accuracy == 100.0
    with engine.connect() as connection:
        log = connection.execute(select(JobLog.job_type, JobLog.status, JobLog.end_time)).one()
        report = connection.execute(select(ReconciliationReport.users_checked, ReconciliationReport.accuracy)).one()
        assert (log[0], log[1]) == ("commission-reconciliation", "success")
        assert log[2] is not None
        assert tuple(report) == (300, 100.0)


def drift(engine: Engine, changes: dict[int, int]) -> None:
    with engine.begin() as connection:
        for member, paisa in changes.items():
            wallet = User.wallet_balance_paisa + paisa
            connection.execute(update(User).where(User.id == member).values(wallet_balance_paisa=wallet))


@pytest.mark.slow
def test_corrections_converge_and_can_be_undone(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    clean = wallets(engine)
    drift(engine, {5: 100, 6: -1, 7: 101, 8: 31_250})
    drifted = wallets(engine)
    dry = run(engine, tmp_path, dry_run=True).result
    assert dry.counts.auto_corrections == 0
    assert wallets(engine) == drifted
    first = run(engine, tmp_path).result
    assert first.counts.discrepancies_found == 4
    assert first.counts.auto_corrections == 2
    assert first.counts.total_discrepancy_paisa == 100 + 1 + 101 + 31_250
    assert wallets(engine) == clean | {7: drifted[7], 8: drifted[8]}
    second = run(engine, tmp_path).result
    assert second.counts.auto_corrections == 0
    assert {finding.member_id for finding in second.findings} == {7, 8}
    assert {finding.state for finding in second.findings} == {"carried over"}
    repairs = list_repairs(engine, first.job_id)
    assert {(row["row_key"], row["before"], row["after"]) for row in repairs} == {
        (str(member), str(drifted[member]), str(clean[member])) for member in (5, 6)
    }
    assert undo_repairs(engine, first.job_id, NOW).undone == 2
    assert undo_repairs(engine, first.job_id, NOW).undone == 0
    assert wallets(engine) == drifted


@pytest.mark.slow
def test_undo_keeps_what_was_posted_in_between(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    drift(engine, {5: 50})
    job_id = run(engine, tmp_path).result.job_id
    drift(engine, {5: 7_000})
    before = wallets(engine)[5]
    undo_repairs(engine, job_id, NOW)
    assert wallets(engine)[5] == before + 50


def newest(engine: Engine, member: int) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.max(Ledger.id)).where(Ledger.user_id == member)).scalar_one())


@pytest.mark.slow
def test_a_wallet_that_was_set_is_explained_by_its_approval_alone(any_url: str, filled: Fill, tmp_path: Path) -> None:
    """A drift gets into the running balance of the next row; the wallet is put right later, by a run or by hand."""
    engine = filled(any_url, clean_platform())
    for member in (5, 6):
        drift(engine, {member: 40})
        post(engine, member, 100)
        add_authorisation(engine, Grant("bonus", member, 100, f"BONUS_{member}", "Asha Rao", "a prize"), NOW)
    drift(engine, {6: -40})
    first = run(engine, tmp_path).result
    assert first.counts.auto_corrections == 1
    second = run(engine, tmp_path).result
    assert [(one.id, one.cause) for one in second.findings if one.state != "cleared"] == [
        (f"running-balance/{newest(engine, 6)}", "balance-after-wrong")
    ]
    for reference in ("TICKET_7", "LEDGER_7", f"AFTER_{newest(engine, 5)}", "AFTER_99999999999999999999"):
        with pytest.raises(InputError, match="the member's last ledger row when the wallet was set"):
            add_authorisation(
                engine, Grant("wallet_correction", 6, -40, reference, "Asha Rao", "the wallet had drifted"), NOW
            )
    by_hand = Grant("wallet_correction", 6, -40, f"AFTER_{newest(engine, 6)}", "Asha Rao", "the wallet had drifted")
    add_authorisation(engine, by_hand, NOW)
    assert run(engine, tmp_path).result.verdict is Verdict.PASS
    assert undo_repairs(engine, first.job_id, NOW).undone == 1
    third = run(engine, tmp_path, dry_run=True).result
    assert {one.id.split("/")[0] for one in third.findings if one.state != "cleared"} == {
        "wallet-balance",
        "running-balance",
    }


@pytest.mark.slow
def test_corrections_of_earlier_versions_are_recorded_by_the_upgrade(
    any_url: str, filled: Fill, tmp_path: Path
) -> None:
    engine = filled(any_url, clean_platform())
    drift(engine, {5: 40, 6: -30})
    undo_repairs(engine, run(engine, tmp_path).result.job_id, NOW)
    run(engine, tmp_path)
    with engine.connect() as connection:
        rows = select(
            Authorisation.user_id, Authorisation.amount_paisa, Authorisation.reference, Authorisation.approved_at
        )
        recorded = connection.execute(rows.order_by(Authorisation.id)).all()
    assert [row[:2] for row in recorded] == [(5, -40), (6, 30), (6, -30), (5, 40), (5, -40), (6, 30)]
    with engine.begin() as connection:
        connection.execute(delete(Authorisation).where(Authorisation.user_id == 6))
        connection.execute(text("update mlm_audit_version set version_num = '0004'"))
    upgrade(engine)
    with engine.connect() as connection:
        assert sorted(connection.execute(rows).all()) == sorted(recorded)


def test_without_the_table_of_authorisations_no_wallet_is_corrected(
    sqlite_url: str, filled: Fill, tmp_path: Path
) -> None:
    engine = filled(sqlite_url, clean_platform())
    drift(engine, {5: 40})
    drifted = wallets(engine)
    with engine.begin() as connection:
        connection.execute(text('drop table "AuditAuthorisation"'))
    with pytest.raises(InputError, match="table AuditAuthorisation: missing; run `mlm-audit db upgrade`"):
        run(engine, tmp_path)
    assert wallets(engine) == drifted


@pytest.mark.slow
def test_correction_cap_stops_and_alerts(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    drift(engine, dict.fromkeys(range(1, 151), 100))
    result = run(engine, tmp_path).result
    assert result.counts.auto_corrections == 100
    assert any("many small differences" in alert for alert in result.alerts)
    assert result.verdict is Verdict.FAIL


@pytest.mark.slow
def test_states_over_runs(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    drift(engine, {5: 1_000, 6: 1_000, 7: 1_000, 8: 1_000})
    run(engine, tmp_path)
    drift(engine, {5: 500, 6: -500, 7: -1_000, 9: 2_000})
    later = NOW + timedelta(days=3)
    result = reconcile(engine, settings_for(runs=tmp_path / "runs"), lambda: later).result
    states = {finding.member_id: (finding.state, finding.age_days) for finding in result.findings}
    assert states == {5: ("grew", 3), 6: ("shrank", 3), 7: ("cleared", 3), 8: ("carried over", 3), 9: ("new", 0)}
    assert result.counts.discrepancies_found == 4
    again = reconcile(engine, settings_for(runs=tmp_path / "runs"), lambda: later).result
    assert "cleared" not in {finding.state for finding in again.findings}


@pytest.mark.slow
def test_selling_goes_on_while_reading(
    any_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A posting that commits between two reads must not look like a break."""
    engine = filled(any_url, clean_platform())
    from mlm_audit.jobs.reconciliation import reading

    read = read_pieces
    sold = []

    def read_and_sell(connection: Any, name: str, folder: Path, **where: Any) -> Any:
        if name == "ledger":
            post(engine, member=5, paisa=12_345)
            sold.append(name)
        return read(connection, name, folder, **where)

    monkeypatch.setattr(reading, "read_pieces", read_and_sell)
    result = run(engine, tmp_path).result
    assert sold
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def post(engine: Engine, member: int, paisa: int) -> None:
    with engine.begin() as connection:
        wallet = User.wallet_balance_paisa + paisa
        connection.execute(update(User).where(User.id == member).values(wallet_balance_paisa=wallet))
        after = connection.execute(select(User.wallet_balance_paisa).where(User.id == member)).scalar_one()
        connection.execute(
            insert(Ledger).values(
                user_id=member,
                type="bonus",
                amount_paisa=paisa,
                reference_id="1",
                ref=f"BONUS_{member}",
                balance_after_paisa=after,
                created_at=NOW.replace(tzinfo=None),
            )
        )


@pytest.mark.slow
def test_changed_history_is_named(any_url: str, filled: Fill, tmp_path: Path) -> None:
    """Amount and running balances rewritten so that everything adds up: only the earlier run's copy can tell."""
    engine = filled(any_url, clean_platform())
    assert run(engine, tmp_path).result.verdict is Verdict.PASS
    with engine.begin() as connection:
        row = connection.execute(
            select(Ledger.id, Ledger.user_id, Ledger.ref).where(Ledger.type == "self_payout").limit(1)
        ).one()
        connection.execute(
            update(Ledger).where(Ledger.id == row.id).values(created_at=NOW.replace(tzinfo=None) - timedelta(days=60))
        )
    result = run(engine, tmp_path).result
    [finding] = result.findings
    assert (finding.code, finding.cause, finding.severity) == ("history-changed", "history-edited", "critical")
    assert finding.member_id == row[1]
    assert finding.evidence[0].columns["id"] == row[0]
    assert "before" in finding.evidence[0].columns
    [still] = run(engine, tmp_path).result.findings
    assert still.id == finding.id, "it stays until somebody acknowledges it by name"


@pytest.mark.slow
def test_changed_history_without_the_local_copy(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    run(engine, tmp_path)
    with engine.begin() as connection:
        connection.execute(update(Ledger).where(Ledger.id == 3).values(ref="X"))
    elsewhere = reconcile(engine, settings_for(runs=tmp_path / "elsewhere" / "runs"), lambda: NOW).result
    [finding] = elsewhere.findings
    assert finding.code == "history-changed"
    assert "no local copy" in finding.message


@pytest.mark.slow
def test_new_rows_are_not_changed_history(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    run(engine, tmp_path)
    post(engine, 5, 1_000)
    # Nobody has approved the adjustment; that the ledger has grown is no finding.
    assert {one.code for one in run(engine, tmp_path).result.findings} == {"unsupported-entry"}


@pytest.mark.slow
def test_failure_is_logged_and_nothing_is_stored(
    any_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = filled(any_url, clean_platform())
    drift(engine, {7: 5_000})

    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("mlm_audit.history.run_history.settled_ledger", fail)
    with pytest.raises(JobFailedError, match="the disk is full"):
        run(engine, tmp_path)
    with engine.connect() as connection:
        status, error = connection.execute(select(JobLog.status, JobLog.error)).one()
        assert (status, error) == ("failed", "RuntimeError: the disk is full")
        assert connection.execute(select(func.count()).select_from(Break)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(ReconciliationReport)).scalar_one() == 0


@pytest.mark.slow
def test_init_check_upgrade(any_url: str, opened: Callable[[str], Engine]) -> None:
    engine = opened(any_url)
    assert len(init(engine)) >= 18
    assert check_schema(engine) == []
    assert is_current(engine)
    upgrade(engine)
    assert init(engine) == []
    with engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        connection.execute(text(f"drop table {quote('PayoutHistory')}"))
        connection.execute(text(f"alter table ledger drop column {quote('balanceAfter')}"))
    problems = {(problem.table, problem.column, problem.what) for problem in check_schema(engine)}
    assert problems == {("PayoutHistory", None, "missing"), ("ledger", "balanceAfter", "missing")}


@pytest.mark.slow
def test_migrations_create_exactly_what_the_models_declare(any_url: str, opened: Callable[[str], Engine]) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from mlm_audit.database.core.migrations import own_only
    from mlm_audit.database.core.tables import Base

    engine = opened(any_url)
    init(engine)
    with engine.connect() as connection:
        options = {"include_object": own_only, "compare_type": False}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


@pytest.mark.slow
def test_missing_own_table_is_incomplete_not_pass(any_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(any_url, clean_platform())
    with engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        connection.execute(text(f"drop table {quote('EligibilityLog')}"))
    result = run(engine, tmp_path).result
    assert result.verdict is Verdict.INCOMPLETE
    assert any("EligibilityLog" in note for note in result.notes)
    assert result.findings == ()


OWN_INPUTS = ("SelfPayoutSchedule", "PayoutHistory", "CommissionRollup", "EligibilityLog", "MonthlyStats")
EMPTIED = ("order", "commissions", "matrix_nodes")


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement", [*(f'drop table "{name}"' for name in OWN_INPUTS), *(f'delete from "{name}"' for name in EMPTIED)]
)
def test_missing_or_empty_input__incomplete_and_no_false_break(
    statement: str, sqlite_url: str, filled: Fill, tmp_path: Path
) -> None:
    engine = filled(sqlite_url, clean_platform())
    with engine.begin() as connection:
        connection.execute(text(statement))
    result = run(engine, tmp_path).result
    assert result.verdict is Verdict.INCOMPLETE
    assert {finding.code for finding in result.findings} == set()


@pytest.mark.slow
def test_huge_amounts_do_not_wrap(any_url: str, filled: Fill, tmp_path: Path) -> None:
    """Far beyond ₹2.1 crore (32 bits), still exact to the paisa."""
    engine = filled(any_url, clean_platform())
    post(engine, 5, 800_719_925_474_093)
    drift(engine, {5: 7})
    result = run(engine, tmp_path, dry_run=True).result
    [finding] = [one for one in result.findings if one.code == "wallet-balance"]
    assert finding.amount_paisa == 7


@pytest.mark.slow
def test_an_upgrade_that_was_killed_half_way_is_finished(any_url: str, opened: Callable[[str], Engine]) -> None:
    """MariaDB commits each table by itself; the next upgrade goes on from what is there."""
    engine = opened(any_url)
    init(engine)
    with engine.begin() as connection:
        connection.execute(text("update mlm_audit_version set version_num = '0001'"))
        connection.execute(
            text("drop table AuditNotice" if engine.dialect.name != "postgresql" else 'drop table "AuditNotice"')
        )
    assert not is_current(engine)
    upgrade(engine)
    assert is_current(engine)
    assert check_schema(engine) == []
