"""A platform as real databases hold it: native enums, CHAR(n), zones of their own, words in any case, and rows that cannot be read.

What is computed must be what the plain database gives: `facts` are compared.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from sqlalchemy import Engine, inspect, text

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init, upgrade
from mlm_audit.database.probe import failing
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.mutations.case import cases, sample
from mlm_audit.demo.mutations.clean import clean_platform as clean_mutable
from mlm_audit.demo.mutations.trial import Batch, is_alone
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.words import LEDGER_TYPES
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.trees.run import check_tree_health
from tests.conftest import clean_platform, settings_for
from tests.support.running import run_job
from tests.support.shop_fixtures import NOW, fill_shop

Facts = dict[str, Any]
WEEKLY = "weekly-payouts"
NATIVE = {
    ("users", "role"): ("user", "admin"),
    ("ledger", "type"): LEDGER_TYPES,
    ("commissions", "status"): ("pending", "released", "rolled_up"),
    ("SelfPayoutSchedule", "status"): ("pending", "paid", "failed", "permanently_failed"),
}
PADDED = {("order", "status"): 12, ("ledger", "ref"): 64, ("ledger", "referenceId"): 24, ("commissions", "type"): 20}


def facts(engine: Engine, runs: Path) -> Facts:
    """What the jobs make of a database; nothing is changed."""
    settings, clock = settings_for(runs=runs), lambda: NOW
    # Instalments are due on the hour: a day's end in another zone is not the day's end here.
    early = [NOW - timedelta(days=days, hours=hours) for days in (0, 40, 60) for hours in (0, 3, 8)]
    due = [run_job(WEEKLY, engine, settings, clock, as_of=at, dry_run=True) for at in early]
    swept = run_job("monthly-eligibility-sweep", engine, settings, clock, month="2026-10", dry_run=True)
    found = reconcile(engine, settings, clock, dry_run=True)
    trees = check_tree_health(engine, settings, clock, dry_run=True)
    return {
        "payable": [(result.counts.payable, result.counts.payable_paisa, result.counts.by_reason) for result in due],
        "swept": {
            k: v
            for k, v in swept.counts.to_json().items()
            if "paisa" in k or k in ("members", "eligible", "left", "decided")
        },
        "breaks": sorted(found.breaks["id"]),
        "residual": found.result.counts.residual_paisa,
        "checks": sorted(check.code for check in found.result.checks if check.status.value == "not run"),
        "trees": sorted(finding.id for finding in trees.findings),
    }


@cache
def plain_facts() -> Facts:
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/plain.db", create=True)
        fill_shop(engine)
        found = facts(engine, Path(folder))
        engine.dispose()
        return found


def change(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            mine = statement if engine.dialect.name == "sqlite" else statement.replace("%", "%%")
            connection.exec_driver_sql(mine.replace('"', "`") if engine.dialect.name == "mariadb" else mine)


def times_of(engine: Engine) -> list[tuple[str, str]]:
    """Every column of the platform and ours that holds an instant."""
    inspector = inspect(engine)
    tables = [name for name in inspector.get_table_names() if name != "mlm_audit_version"]
    return [
        (table, column["name"])
        for table in tables
        for column in inspector.get_columns(table)
        if "TIME" in str(column["type"]).upper()
    ]


def words_of(engine: Engine, table: str, column: str, words: tuple[str, ...]) -> str:
    """The labels of a native enumeration: the words that are known, and those that stand there already."""
    quote = "`" if engine.dialect.name == "mariadb" else '"'
    with engine.connect() as connection:
        there = connection.exec_driver_sql(
            f"select distinct {quote}{column}{quote} from {quote}{table}{quote}"
        ).scalars()
        return ", ".join(f"'{word}'" for word in dict.fromkeys((*words, *(word for word in there if word is not None))))


def make_native_postgresql(engine: Engine) -> None:
    name = engine.url.database
    change(engine, f"alter database \"{name}\" set timezone = 'America/Los_Angeles'")
    for (table, column), words in NATIVE.items():
        kind = f"{table.lower()}_{column}"
        labels = words_of(engine, table, column, words)
        change(
            engine,
            f"create type {kind} as enum ({labels})",
            f'alter table "{table}" alter column "{column}" type {kind} using "{column}"::{kind}',
        )
    for (table, column), length in PADDED.items():
        change(engine, f'alter table "{table}" alter column "{column}" type char({length})')
    for table, column in times_of(engine):
        change(
            engine,
            f'alter table "{table}" alter column "{column}" type timestamptz using "{column}" at time zone \'UTC\'',
        )


def make_native_mariadb(engine: Engine) -> None:
    for (table, column), words in NATIVE.items():
        labels = words_of(engine, table, column, words)
        change(engine, f'alter table "{table}" modify "{column}" enum ({labels})')
    for (table, column), length in PADDED.items():
        change(engine, f'alter table "{table}" modify "{column}" char({length})')
    for table, column in times_of(engine):
        change(engine, f'alter table "{table}" modify "{column}" timestamp(6) null')


@contextmanager
def made_native(engine: Engine) -> Iterator[Engine]:
    """A database as a platform has it, whose own zone is that of Los Angeles."""
    if engine.dialect.name == "postgresql":
        make_native_postgresql(engine)
        engine.dispose()  # the new zone holds for new sessions
        yield engine
        return
    make_native_mariadb(engine)
    change(engine, "set global time_zone = '-08:00'")
    engine.dispose()
    yield engine
    change(engine, "set global time_zone = '+00:00'")


NOT_STORABLE = ("null", "repeat-same-key", "renumber")
"""Mutations that a database with keys does not take."""


MUTATIONS = 100


@cache
def faulty() -> Platform:
    """A platform with every kind of fault."""
    platform = clean_platform(700).copy()
    inject(platform, dict.fromkeys(FAULTS, 1), FAULTS, seed=3, exact=False)
    return platform


@cache
def mutated() -> Platform:
    """A platform with a hundred mutations, of all tables."""
    clean = clean_mutable(700, 1)
    batch = Batch(clean, np.random.default_rng(5))
    for case in sample(cases(clean), 0.1, 5):
        if case.mutation in NOT_STORABLE or is_alone(case) or len(batch.edits) == MUTATIONS:
            continue
        before = batch.platform
        if batch.add(case) and batch.platform["ledger"]["ref"].drop_nulls().is_duplicated().any():
            batch.platform = before  # the key of a ledger row is unique in every database
            batch.edits.pop()
    return batch.platform


@pytest.fixture
def native(any_url: str, opened: Callable[[str], Engine]) -> Iterator[Engine]:
    """The shop on a native database."""
    if any_url.startswith("sqlite"):
        pytest.skip("SQLite has no types and no zone")
    engine = opened(any_url)
    fill_shop(engine)
    with made_native(engine):
        yield engine


@pytest.mark.slow
def test_enums_char_and_zones_change_nothing(native: Engine, tmp_path: Path) -> None:
    assert failing(native) == []
    assert facts(native, tmp_path) == plain_facts()


@pytest.mark.slow
@pytest.mark.parametrize("is_native", [False, True])
@pytest.mark.parametrize("change_of", [faulty, mutated])
def test_a_database_has_the_findings_of_its_rows(
    any_url: str,
    filled: Callable[[str, Platform], Engine],
    tmp_path: Path,
    change_of: Callable[[], Platform],
    is_native: bool,
) -> None:
    """Every kind of fault, and mutations of every table, are found with the same cause, evidence and remedy wherever they are stored."""
    if is_native and any_url.startswith("sqlite"):
        pytest.skip("SQLite has no types and no zone")
    platform = change_of()
    engine = filled(any_url, platform)
    with made_native(engine) if is_native else nullcontext():
        found = reconcile(engine, settings_for(runs=tmp_path), lambda: platform.end, dry_run=True).breaks
    columns = ["id", "severity", "member_id", "order_id", "amount_paisa", "cause", "evidence", "message"]
    if is_native:  # a CHAR(n) column has no space at the end of a key
        platform = platform.copy()
        platform.frames["ledger"] = platform["ledger"].with_columns(pl.col("ref").str.strip_chars_end())
    expected = audit(platform).sort("id").select(columns)
    assert expected.height > 50
    assert found.sort("id").select(columns).equals(expected)


@pytest.mark.slow
def test_a_native_database_is_paid_and_proven(native: Engine, tmp_path: Path) -> None:
    settings, clock = settings_for(runs=tmp_path), lambda: NOW
    before = plain_facts()["payable"][0]
    paid = run_job(WEEKLY, native, settings, clock)
    assert (paid.verdict, paid.counts.paid, paid.counts.paid_paisa) == (Verdict.PASS, *before[:2])
    again = run_job(WEEKLY, native, settings, clock)
    assert again.counts.paid == 0
    assert set(reconcile(native, settings, clock).breaks["id"]) <= set(plain_facts()["breaks"])


@pytest.mark.slow
def test_words_are_compared_after_trimming_and_folding(
    any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    engine = opened(any_url)
    fill_shop(engine)
    change(
        engine,
        "update users set role = 'USER' where id % 2 = 0",
        "update users set role = ' User ' where id % 2 = 1",
        "update \"order\" set status = 'Paid ' where id % 3 = 0",
        "update commissions set status = 'PENDING' where status = 'pending'",
        "update commissions set type = 'Repurchase' where type = 'repurchase'",
        "update ledger set type = upper(type) where id % 2 = 0",
        "update \"SelfPayoutSchedule\" set status = 'Pending ' where id % 5 = 0",
    )
    assert facts(engine, tmp_path) == plain_facts()


@pytest.mark.slow
def test_an_unknown_word_is_a_finding_and_holds(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine = opened(any_url)
    fill_shop(engine)
    change(
        engine,
        "update users set role = 'usr' where id = 2",
        "update \"order\" set status = 'zurück' where id = 4",
    )
    settings, clock = settings_for(runs=tmp_path), lambda: NOW
    found = {finding.id for finding in reconcile(engine, settings, clock, dry_run=True).result.findings}
    assert {"unknown-word/users.role/usr", "order-status/4"} <= found
    due = run_job(WEEKLY, engine, settings, clock, dry_run=True)
    assert due.counts.by_reason["order status unknown"].count == 4
    swept = run_job("monthly-eligibility-sweep", engine, settings, clock, month="2026-10")
    assert swept.verdict is Verdict.INCOMPLETE
    left = {finding.member_id: finding.message for finding in swept.findings if finding.code == "sweep-undecided"}
    assert "the role 'usr' is not known" in left[2]
    with engine.connect() as connection:
        logged = connection.execute(
            text(
                'select count(*) from "EligibilityLog" where "userId" = 2'.replace(
                    '"', "`" if engine.dialect.name == "mariadb" else '"'
                )
            )
        )
        assert logged.scalar_one() == 0, "who is in doubt is not decided"


BAD = {
    "sqlite": (
        "update \"order\" set paidAt = '0000-00-00 00:00:00' where id = 3",
        "update users set createdAt = 'yesterday' where id = 6",
        "update ledger set amount = 9223372036854775807 where id = 2",
        "update ledger set ref = cast(x'53454c46ff' as text) where id = 4",
        "update \"SelfPayoutSchedule\" set payoutDate = '0000-00-00 00:00:00' where id = 9",
    ),
    "postgresql": (
        'update "order" set "paidAt" = \'infinity\' where id = 3',
        "update users set \"createdAt\" = '-infinity' where id = 6",
        "update ledger set amount = 9223372036854775807 where id = 2",
        'update "SelfPayoutSchedule" set "payoutDate" = \'-infinity\' where id = 9',
    ),
    "mariadb": (
        "set sql_mode = ''",
        "update \"order\" set paidAt = '0000-00-00 00:00:00' where id = 3",
        "update users set createdAt = '2026-00-10 00:00:00' where id = 6",
        "update ledger set amount = -9223372036854775808 where id = 2",
        "update \"SelfPayoutSchedule\" set payoutDate = '0000-00-00 00:00:00' where id = 9",
    ),
}


@pytest.mark.slow
def test_one_bad_row_holds_itself_up(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine = opened(any_url)
    fill_shop(engine)
    change(engine, *BAD[engine.dialect.name])
    engine.dispose()
    settings, clock = settings_for(runs=tmp_path), lambda: NOW
    whole = plain_facts()
    due = run_job(WEEKLY, engine, settings, clock, dry_run=True)
    assert due.counts.by_reason["a value that cannot be read"].count == 1
    assert due.counts.payable == whole["payable"][0][0] - 1, "the others are paid"
    swept = run_job("monthly-eligibility-sweep", engine, settings, clock, month="2026-10", dry_run=True)
    assert swept.verdict is Verdict.INCOMPLETE
    outcome = reconcile(engine, settings, clock)
    notes = "\n".join(outcome.result.notes)
    for where in (
        "table order, column paidAt: 1 value cannot be read",
        "table users, column createdAt: 1 value cannot be read",
        "table ledger, column amount: 1 value cannot be read",
        "table SelfPayoutSchedule, column payoutDate: 1 value cannot be read",
    ):
        assert where in notes
    assert "9223372036854775" in notes, "an amount is no personal data"
    assert outcome.result.verdict is not Verdict.PASS
    assert outcome.corrections == ()
    assert [check.code for check in outcome.result.checks if check.status.value == "not run"] == []
    check_tree_health(engine, settings, clock)


@pytest.mark.slow
def test_kinds_that_differ_only_in_case_are_stored(
    any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """A collation that ignores case, accents and trailing spaces takes their findings for one."""
    engine = opened(any_url)
    fill_shop(engine)
    words = ("gift", "Gíft", "GIFT ", "gïft")
    change(
        engine,
        *(f"update ledger set type = '{word}' where id = {number}" for number, word in enumerate(words, start=1)),
    )
    outcome = reconcile(engine, settings_for(runs=tmp_path), lambda: NOW)
    kinds = [key for key in outcome.breaks["id"] if key.startswith("ledger-type/")]
    assert len(kinds) == 3


def test_upgrade_looks_before_it_writes(any_url: str, opened: Callable[[str], Engine]) -> None:
    engine = opened(any_url)
    change(engine, "create table users (id bigint primary key, name varchar(20))")
    for attempt in (init, upgrade):
        with pytest.raises(InputError, match="not a database of the platform; check DATABASE_URL; nothing was written"):
            attempt(engine)
    assert inspect(engine).get_table_names() == ["users"]
    change(engine, "drop table users")
    init(engine)
    change(engine, "update mlm_audit_version set version_num = '9999'")
    with pytest.raises(InputError, match="version 9999, which this version of mlm-audit does not know"):
        upgrade(engine)
    change(engine, "delete from mlm_audit_version")
    upgrade(engine)  # a first upgrade that was killed leaves empty tables
    fill_action = "insert into \"AuditAction\" (at, who, address, action, outcome, detail) values ('2026-01-01', 'x', 'x', 'x', 'x', 'x')"
    change(engine, fill_action, "delete from mlm_audit_version")
    with pytest.raises(InputError, match="table AuditAction has rows"):
        upgrade(engine)


def test_every_session_is_in_utc(any_url: str, opened: Callable[[str], Engine]) -> None:
    if any_url.startswith("sqlite"):
        pytest.skip("SQLite has no zone")
    engine = opened(any_url)
    query = "show timezone" if engine.dialect.name == "postgresql" else "select @@session.time_zone"
    for one in (engine, open_engine(any_url, read_only=True)):
        with one.connect() as first, one.connect() as second:
            assert {connection.exec_driver_sql(query).scalar_one() for connection in (first, second)} <= {
                "UTC",
                "+00:00",
            }
        one.dispose()


def test_an_instant_with_a_zone_is_read_as_utc(any_url: str, opened: Callable[[str], Engine]) -> None:
    if not any_url.startswith("postgresql"):
        pytest.skip("only PostgreSQL has the type")
    with opened(any_url).connect() as connection:
        assert connection.exec_driver_sql("select '2026-06-01 02:00+05:30'::timestamptz").scalar_one() == datetime(
            2026, 5, 31, 20, 30, tzinfo=UTC
        ).replace(tzinfo=None)
        assert connection.exec_driver_sql("select 'infinity'::timestamptz").scalar_one() == "infinity"
