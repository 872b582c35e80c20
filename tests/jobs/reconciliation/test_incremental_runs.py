"""Nights on real databases: what is read again, when everything is, and that both find the same."""

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mlm_audit.database.core.own_tables import SelfPayoutSchedule
from mlm_audit.database.core.tables import Commission, Ledger, MatrixNode, Order, User, WithdrawalRequest
from mlm_audit.database.reads.mirror import figures, read_pieces
from mlm_audit.database.store.runs import previous_run
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.findings import CheckStatus, Verdict
from mlm_audit.domain.inputs import INPUTS, STATES
from mlm_audit.domain.periods import business_date
from mlm_audit.domain.settings import Settings
from mlm_audit.engine import duck
from mlm_audit.engine.breaks import to_breaks
from mlm_audit.jobs.reconciliation import incremental, reading
from mlm_audit.jobs.reconciliation.reading import mirror_of
from mlm_audit.jobs.reconciliation.run import ReconciliationOutcome, reconcile
from mlm_audit.runs.process import this_process
from tests.conftest import IST, NOW, clean_platform, clock_at, settings_for

Fill = Callable[[str, Platform], Engine]
COLUMNS = ["id", "severity", "member_id", "order_id", "amount_paisa", "cause", "evidence", "message"]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many pieces of a small platform, and never all of it instead of a slice."""
    from mlm_audit.database.reads import mirror as mirror_reads

    monkeypatch.setattr(mirror_reads, "PIECE_ROWS", 400)
    monkeypatch.setattr(mirror_reads, "BATCH_ROWS", 200)
    monkeypatch.setattr(incremental, "WHOLE_FROM_SHARE", 0)


def nightly(tmp_path: Path, **changes: Any) -> Settings:
    return settings_for(runs=tmp_path / "runs").model_copy(update={"nightly_from_rows": 0, **changes})


def is_incremental(outcome: ReconciliationOutcome) -> bool:
    return any("were not read again" in note for note in outcome.result.notes)


def same(engine: Engine, settings: Settings, days: float) -> ReconciliationOutcome:
    """A stored night, next to a full dry run of the same moment."""
    now = NOW + timedelta(days=days)
    whole = reconcile(engine, settings, lambda: now, dry_run=True, full=True)
    found = reconcile(engine, settings, lambda: now)
    assert (is_incremental(found), is_incremental(whole)) == (True, False)
    rows = [one.breaks.select(COLUMNS).sort("id").to_dicts() for one in (found, whole)]
    assert rows[0] == rows[1]
    assert found.result.bridge == whole.result.bridge
    return found


READ_WHOLE = ("a wallet", "a member switched off", "a seat")
CHANGES: dict[str, Callable[[Any], Any]] = {
    "a wallet": lambda c: c.execute(
        update(User).where(User.id == 7).values(wallet_balance_paisa=User.wallet_balance_paisa + 9_000)
    ),
    "a member switched off": lambda c: c.execute(update(User).where(User.id == 2).values(is_active=False)),
    "an old ledger amount": lambda c: c.execute(
        update(Ledger).where(Ledger.id == 40).values(amount_paisa=Ledger.amount_paisa + 1)
    ),
    "an old ledger owner": lambda c: c.execute(update(Ledger).where(Ledger.id == 41).values(user_id=9)),
    "an old running balance": lambda c: c.execute(update(Ledger).where(Ledger.id == 44).values(balance_after_paisa=5)),
    "an old reference": lambda c: c.execute(update(Ledger).where(Ledger.id == 50).values(reference_id="3")),
    "a ledger row gone": lambda c: c.execute(delete(Ledger).where(Ledger.id == 300)),
    "an order refunded": lambda c: c.execute(update(Order).where(Order.id == 20).values(status="refunded")),
    "an order's flag": lambda c: c.execute(update(Order).where(Order.id == 21).values(is_joining_order=False)),
    "an order's amount": lambda c: c.execute(update(Order).where(Order.id == 22).values(commission_amount_paisa=1)),
    "an order's time": lambda c: c.execute(
        update(Order).where(Order.id == 23).values(paid_at=NOW.replace(tzinfo=None))
    ),
    "a commission": lambda c: c.execute(update(Commission).where(Commission.id == 60).values(amount_paisa=1)),
    "a decision": lambda c: c.execute(
        update(Commission)
        .where(
            Commission.id
            == c.execute(
                select(Commission.id).where(Commission.status == "released", Commission.type == "repurchase").limit(1)
            ).scalar_one()
        )
        .values(status="rolled_up")
    ),
    "a payout's status": lambda c: c.execute(
        update(SelfPayoutSchedule).where(SelfPayoutSchedule.id == 5).values(status="pending")
    ),
    "a withdrawal": lambda c: c.execute(
        update(WithdrawalRequest).where(WithdrawalRequest.id == 3).values(status="rejected")
    ),
    "a seat": lambda c: c.execute(update(MatrixNode).where(MatrixNode.user_id == 30).values(parent_id=1)),
    "a credit twice": lambda c: c.execute(
        insert(Ledger).from_select(
            ["userId", "type", "amount", "referenceId", "levelDepth", "createdAt"],
            select(
                Ledger.user_id,
                Ledger.type,
                Ledger.amount_paisa,
                Ledger.reference_id,
                Ledger.level_depth,
                Ledger.created_at,
            ).where(Ledger.id == 70),
        )
    ),
}


def asked(engine: Engine) -> dict[tuple[str, int], tuple[int, ...]]:
    """What the platform says of every piece of 200 ids, or so, of every input that is read in pieces."""
    with engine.connect() as connection:
        return {
            (name, low): figures(connection, name, low, low + 200 if low < 4_000 else None)
            for name in INPUTS
            if name not in STATES
            for low in range(0, 4_001, 200)
        }


@pytest.mark.slow
def test_figures_tell_of_each_change(any_url: str, filled: Fill) -> None:
    engine = filled(any_url, clean_platform())
    before = asked(engine)
    assert asked(engine) == before
    for what, change in CHANGES.items():
        with engine.begin() as connection:
            change(connection)
        now = asked(engine)
        moved = [piece for piece in now if now[piece] != before[piece]]
        assert len(moved) == (0 if what in READ_WHOLE else 1), (what, moved)
        before = now


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_changes_are_found_at_night(any_url: str, filled: Fill, tmp_path: Path) -> None:
    """A few more each night, each night like a full run."""
    engine, settings = filled(any_url, clean_platform()), nightly(tmp_path)
    assert not is_incremental(reconcile(engine, settings, lambda: NOW))
    assert same(engine, settings, 0.5).result.verdict is Verdict.PASS
    changes = list(CHANGES.values())
    for number in range(0, len(changes), 6):
        with engine.begin() as connection:
            for change in changes[number : number + 6]:
                change(connection)
        found = same(engine, settings, 1 + number / 10)
        assert found.result.counts.rows_changed >= 5
    assert found.result.verdict is Verdict.FAIL


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_every_fault_that_appears_overnight(sqlite_url: str, filled: Fill, tmp_path: Path) -> None:
    """Half of the kinds are there when it begins, the others come; and then half of them go again."""
    kinds, settings = sorted(FAULTS), nightly(tmp_path)
    first, second = clean_platform(members=400).copy(), clean_platform(members=400).copy()
    inject(first, dict.fromkeys(kinds[::2], 1), FAULTS, seed=1, exact=False)
    inject(second, dict.fromkeys(kinds[1::2], 1), FAULTS, seed=2, exact=False)
    engine = filled(sqlite_url, first)
    reconcile(engine, settings, lambda: NOW)
    rewrite(engine, second)
    assert same(engine, settings, 1).breaks.height > len(kinds) // 2
    rewrite(engine, clean_platform(members=400).copy())
    found = same(engine, settings, 2)
    assert set(found.breaks["code"]) <= {"history-changed"}


def rewrite(engine: Engine, platform: Platform) -> None:
    """Put another platform into the same tables, as if all of it had been changed."""
    from mlm_audit.database.core.tables import Base
    from mlm_audit.demo.write import write_platform

    own = {
        "ReconciliationReport",
        "AuditBreak",
        "JobLog",
        "AuditJobLease",
        "AuditNotice",
        "AuditRepair",
        "alembic_version",
    }
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in own:
                connection.execute(table.delete())
    write_platform(engine, platform)


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_a_night_reads_only_what_changed(
    any_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, settings = filled(any_url, clean_platform()), nightly(tmp_path)
    reconcile(engine, settings, lambda: NOW)
    read: list[tuple[str, int]] = []

    def counted(c: Any, name: str, folder: Path, **rest: Any) -> Any:
        read.append((name, rest["low"]))
        return read_pieces(c, name, folder, **rest)

    monkeypatch.setattr(reading, "read_pieces", counted)
    with engine.begin() as connection:
        connection.execute(update(Ledger).where(Ledger.id == 900).values(amount_paisa=Ledger.amount_paisa + 5))
    found = reconcile(engine, settings, lambda: NOW + timedelta(days=1))
    assert sorted(name for name, _ in read) == ["authorisations", "ledger", "matrix_nodes", "monthly_stats", "users"]
    assert {finding.code for finding in found.result.findings} >= {"history-changed"}
    [low] = [low for name, low in read if name == "ledger"]
    assert low <= 900 < low + 400


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_another_run_ends_while_one_is_reading(
    sqlite_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads again, against what the other left, and finds the same."""
    engine, settings = filled(sqlite_url, clean_platform()), nightly(tmp_path)
    reconcile(engine, settings, lambda: NOW)
    with engine.begin() as connection:
        connection.execute(
            update(User).where(User.id == 7).values(wallet_balance_paisa=User.wallet_balance_paisa + 9_000)
        )
    read, others = reading.InputReader.read, list[ReconciliationOutcome | None]()

    def interrupted(self: Any, *given: Any, is_incremental: bool) -> Any:
        found = read(self, *given, is_incremental=is_incremental)
        if not others:
            others.append(None)  # the run in between is read too, and has no third one in it
            others.append(reconcile(engine, settings, lambda: NOW + timedelta(days=1)))
        return found

    monkeypatch.setattr(reading.InputReader, "read", interrupted)
    found = reconcile(engine, settings, lambda: NOW + timedelta(days=1, minutes=1))
    [_, other] = others
    assert other is not None
    assert found.breaks["id"].to_list() == other.breaks["id"].to_list() == ["wallet-balance/7"]
    assert found.breaks["state"].to_list() == ["carried over"]
    assert is_incremental(reconcile(engine, settings, lambda: NOW + timedelta(days=2))), "the mirror is whole"


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("first", range(2, 7))
def test_a_night_settles_the_ledger_as_a_full_run_does(
    first: int, sqlite_url: str, filled: Fill, tmp_path: Path
) -> None:
    """The seal over settled rows, carried on by what changed, is the one that reading all of them gives; also when rows are new."""
    engine, settings = filled(sqlite_url, clean_platform()), nightly(tmp_path)
    reconcile(engine, settings, lambda: NOW - timedelta(days=30))
    for day, change in enumerate(list(CHANGES.values())[first : first + 2]):
        with engine.begin() as connection:
            change(connection)
        now = NOW + timedelta(days=day / 10 - 25)
        sealed = []
        for full in (False, True):
            assert is_incremental(reconcile(engine, settings, clock_at(now), full=full)) is not full
            last = previous_run(engine)
            assert last is not None
            sealed.append(last.data["seal"])
        assert sealed[0] == sealed[1]


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_parts_of_the_history_take_turns(sqlite_url: str, filled: Fill, tmp_path: Path) -> None:
    engine, settings = filled(sqlite_url, clean_platform()), nightly(tmp_path, figures_within_nights=5)
    reconcile(engine, settings, lambda: NOW)
    with engine.begin() as connection:  # in the third piece of 400 rows, which has no undecided row and is not the last
        connection.execute(update(Ledger).where(Ledger.id == 900).values(amount_paisa=Ledger.amount_paisa + 5))
    turn = next(day for day in range(1, 6) if business_date(NOW + timedelta(days=day), IST).toordinal() % 5 == 2)
    for day in range(1, 6):
        found = reconcile(engine, settings, clock_at(NOW + timedelta(days=day)))
        assert (found.breaks.height > 0) == (day >= turn), day
        assert "closed parts are compared with the platform in turns, each within 5 nights" in found.result.notes[-1]


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_when_everything_is_read(sqlite_url: str, filled: Fill, tmp_path: Path) -> None:
    engine = filled(sqlite_url, clean_platform())
    settings = nightly(tmp_path)

    def after(days: float, given: Settings, *, full: bool = False) -> bool:
        return is_incremental(reconcile(engine, given, lambda: NOW + timedelta(days=days), full=full))

    assert not after(0, settings), "the first"
    assert after(0.1, settings)
    assert not after(0.2, settings, full=True), "asked for"
    assert not after(0.3, settings.model_copy(update={"nightly_from_rows": 10_000_000})), "a small platform"
    assert not after(0.4, settings.model_copy(update={"critical_wallet_paisa": 5})), "another rule"
    assert not after(0.5, settings), "and back"
    assert after(0.6, settings)
    assert not after(7.6, settings), "its time has come"
    mirror = mirror_of(settings, engine, tmp_path / "scratch").folder
    victim = next(mirror.glob("ledger*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1])
    assert not after(7.7, settings), "a piece is damaged"
    assert after(7.8, settings)
    for file in mirror.glob("*.json"):
        file.unlink()
    assert not after(7.9, settings), "no manifest"
    checks = tmp_path / "checks"
    checks.mkdir()
    text = "-- code: mine\n-- title: Mine\n-- severity: low\n-- needs: users\n-- proves: a thing\n-- do: a thing\n-- message: Mine."
    (checks / "mine.sql").write_text(f"{text}\nselect id as member_id from users where false\n", encoding="utf-8")
    mine = settings.model_copy(update={"checks_dir": checks})
    assert not after(8.0, mine)
    assert not after(8.1, mine), "a check of theirs may look at anything"
    (checks / "mine.sql").write_text(
        f"{text}\n-- local: yes\nselect id as member_id from users where false\n", encoding="utf-8"
    )
    assert after(8.2, mine), "unless it says that it does not"


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_a_check_that_did_not_run_is_made_up_for(
    sqlite_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would have found is no change of the next night; only reading and checking everything finds it."""
    platform = clean_platform().copy()
    inject(platform, {"lost-payout": 1}, FAULTS, seed=1)
    engine, settings = filled(sqlite_url, platform), nightly(tmp_path)
    real = to_breaks

    def out_of_memory(check: Any, *given: Any, **named: Any) -> Any:
        if check.code in ("payout-ledger", "payout-history", "wallet-balance", "running-balance"):
            raise duckdb.OutOfMemoryException("no memory")
        return real(check, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(duck, "to_breaks", out_of_memory)
        assert reconcile(engine, settings, lambda: NOW).result.verdict is Verdict.INCOMPLETE
    found = reconcile(engine, settings, lambda: NOW + timedelta(days=1))
    assert not is_incremental(found)
    assert found.result.verdict is Verdict.FAIL


@pytest.mark.slow
def test_checks_that_need_a_table_that_could_not_be_made_say_why(
    sqlite_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is made of that table fails in turn; what is told is the first."""
    engine, real = filled(sqlite_url, clean_platform()), duck.Engine._keep

    def out_of_memory(self: duck.Engine, name: str, sql: str, *, lazy: bool) -> None:
        if name == "level_expected":
            raise duckdb.OutOfMemoryException("no memory")
        real(self, name, sql, lazy=lazy)

    monkeypatch.setattr(duck.Engine, "_keep", out_of_memory)
    result = reconcile(engine, settings_for(runs=tmp_path / "runs"), lambda: NOW, dry_run=True).result
    assert result.verdict is Verdict.INCOMPLETE
    reasons = {check.reason for check in result.checks if check.status is CheckStatus.NOT_RUN}
    assert reasons == {"view level_expected: no memory (to allow more memory, set MEMORY_LIMIT_MB or --memory-limit)"}
    ran = {check.code for check in result.checks if check.status is CheckStatus.RAN}
    assert {"payout-history", "eligibility-log"} <= ran


@pytest.mark.slow
@pytest.mark.usefixtures("small_pieces")
def test_what_the_mirror_keeps(sqlite_url: str, filled: Fill, tmp_path: Path) -> None:
    """After each run just the pieces that its manifest names; none of them a second time."""
    engine, settings = filled(sqlite_url, clean_platform()), nightly(tmp_path)
    folder = mirror_of(settings, engine, tmp_path / "scratch").folder
    kept = []
    for day in range(3):
        reconcile(engine, settings, clock_at(NOW + timedelta(days=day)))
        assert len(list(folder.glob("*.json"))) == 1
        assert not list(folder.glob("*.partial"))
        kept.append({file.name for file in folder.glob("*.parquet")})
    assert kept[0] == kept[1] == kept[2]
    ledger = pl.concat([pl.read_parquet(file) for file in folder.glob("ledger*.parquet")])
    with engine.connect() as connection:
        assert ledger.height == len(connection.execute(select(Ledger.id)).all())
    assert ledger["id"].is_unique().all()


@pytest.mark.slow
def test_what_a_killed_run_leaves_is_removed(
    sqlite_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone, mine, elsewhere, odd = (tmp_path / f"mlm-audit-run-{name}" for name in ("gone", "mine", "elsewhere", "odd"))
    owners = {gone: re.sub(r"process \d+", "process 999999999", this_process()), mine: this_process()}
    owners[elsewhere] = owners[gone].replace(f" on {socket.gethostname()}", " on another-host")
    for folder in (gone, mine, elsewhere, odd):
        folder.mkdir()
        (folder / "ledger.1.parquet").write_bytes(b"x")
        if folder in owners:
            (folder / "owner").write_text(owners[folder], encoding="utf-8")
    reconcile(filled(sqlite_url, clean_platform()), nightly(tmp_path), lambda: NOW)
    assert [folder.exists() for folder in (gone, mine, elsewhere, odd)] == [False, True, True, True]
