"""Attempts to write, to read files, to wait, to lock or to switch a session over, through the connection of an analyst.

Each is tried on SQLite, PostgreSQL and MariaDB, whichever it was written for: what one refuses as nonsense another may
run.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import mlm_audit
from mlm_audit.checks.catalogue import SQL_DIR, load_checks, load_views
from mlm_audit.database.core.connect import consistent_read
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only
from tests.analysis.test_audit import contents
from tests.conftest import clean_platform

HIDDEN = (
    "select 1 /* ' */ ; delete from ledger /* ' */",
    "select 1 -- '\n; delete from ledger -- '",
    "select '/*' ; delete from ledger -- */'",
    "select /* /* */ 1 ; delete from ledger; -- */",
    "select 1 /*! ; delete from ledger */",
    "select 1 /*!50000 into outfile '/tmp/mlm-audit-stolen' */",
    "select 1 /*M! into outfile '/tmp/mlm-audit-stolen' */",
    "/* select */ delete from ledger",
    "-- select\ndelete from ledger",
    "# select\ndelete from ledger",
    "select 1 # '\n; delete from ledger # '",
    "select $$ ' $$ ; delete from ledger ; select ' $$ '",
    "select $a$ $$ $a$ ; delete from ledger",
    "select 'a\\' ; delete from ledger; -- '",
    "select E'a\\'' ; delete from ledger; select '",
    'select "\'" ; delete from ledger; select "\'"',
    "select 1; delete from ledger",
    "select 1;;delete from ledger",
    "select 1 ; ; delete from ledger",
    "select 1\x00; delete from ledger",
    "\ufeffdelete from ledger",
    "select 1--1; delete from ledger",
    "with x as (select 1) delete from ledger",
    "with x as (delete from ledger returning id) select * from x",
    "with x as (insert into ledger (id) values (-5) returning id) select * from x",
    "with x as (update ledger set amount = 0 returning id) select * from x",
    "select * from (delete from ledger returning id) as x",
    "(select 1) union (delete from ledger returning 1)",
)
SWITCHES = (
    "set default_transaction_read_only = off",
    "set session characteristics as transaction read write",
    "set transaction read write",
    "set session transaction read write",
    "set @@session.tx_read_only = 0",
    "select @@session.tx_read_only := 0",
    "select @x := 1",
    "begin read write",
    "start transaction read write",
    "begin; set transaction read write; delete from ledger; commit",
    "commit; begin read write; delete from ledger; commit",
    "rollback; delete from ledger; commit",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select pg_catalog.set_config('transaction_read_only', 'off', true)",
    "reset all",
    "discard all",
    "pragma query_only = off",
    "pragma query_only(0)",
    "pragma main.journal_mode = delete",
    "pragma table_info(users); delete from ledger",
    "pragma writable_schema = on",
    "select * from pragma_query_only(0)",
    "set role postgres",
    "use mysql",
    "prepare x as delete from ledger",
    "prepare x from 'delete from ledger'",
    "execute immediate 'delete from ledger'",
    "deallocate all",
)
REACHES = (
    "select pg_read_file('/etc/hostname')",
    "select pg_catalog.pg_read_file('/etc/hostname')",
    "select pg_read_binary_file('/etc/hostname')",
    "select \"pg_read_file\"('/etc/hostname')",
    "select PG_Read_File ('/etc/hostname')",
    "select * from pg_ls_dir('/etc')",
    "select (pg_stat_file('/etc/hostname')).size",
    "select lo_import('/etc/hostname')",
    "select lo_export(1, '/tmp/mlm-audit-stolen')",
    "select lo_creat(-1)",
    "select lo_from_bytea(0, 'x')",
    "select query_to_xml('select pg_read_file(''/etc/hostname'')', true, true, '')",
    "select * from pg_file_settings",
    "select * from dblink('dbname=postgres', 'delete from ledger') as x(a int)",
    "select pg_sleep(3)",
    "select 1 from users where id = 1 or pg_sleep(3) is null",
    "select pg_advisory_lock(1)",
    "select pg_terminate_backend(1)",
    "select pg_notify('x', 'y')",
    "select nextval('moved')",
    "select nextval(moved)",
    "select setval('moved', 99)",
    "select moved.nextval",
    "select next value for moved",
    "select count(*) from users group by setval('moved', 99)",
    "select id from users order by nextval('moved')",
    "select txid_current()",
    "copy ledger to '/tmp/mlm-audit-stolen'",
    "copy (select 1) to program 'touch /tmp/mlm-audit-stolen'",
    "copy ledger from '/etc/hostname'",
    "select load_file('/etc/hostname')",
    "select LOAD_FILE ('/etc/hostname')",
    "select 1 into outfile '/tmp/mlm-audit-stolen'",
    "select 1 into dumpfile '/tmp/mlm-audit-stolen'",
    "select id into @x from users limit 1",
    "select * into stolen from users",
    "table users into outfile '/tmp/mlm-audit-stolen'",
    "load data infile '/etc/hostname' into table users",
    "select sleep(3)",
    "select benchmark(100000000, md5('x'))",
    "select get_lock('x', 1)",
    "select release_all_locks()",
    "select sys_exec('touch /tmp/mlm-audit-stolen')",
    "handler users open",
    "lock tables ledger write",
    "flush tables",
    "select * from users for update",
    "select * from users for share nowait",
    "select * from users lock in share mode",
    "select readfile('/etc/hostname')",
    "select writefile('/tmp/mlm-audit-stolen', 'x')",
    "select load_extension('/tmp/x.so')",
    "select * from fsdir('/etc')",
    "select edit('x')",
    "attach database '/tmp/mlm-audit-stolen' as x",
    "vacuum into '/tmp/mlm-audit-stolen'",
    "explain analyze delete from ledger",
    "explain analyze select pg_sleep(3)",
    "analyze ledger",
    "call x()",
    "do $$ begin delete from ledger; end $$",
    "do sleep(3)",
    "kill 1",
    "listen x",
    "show create table users; delete from ledger",
    "show variables like 'x' ; delete from ledger",
    "select evil.count(1)",
)
HARMLESS = (
    "select count(*), sum(amount), min(id) from ledger where amount > 0",
    "select 'put into; delete; /etc' as x",
    "values (1)",
    "  SELECT 1 ;",
    "select 1 union all select 2",
    "with x as (select user_id, u from (select userId as user_id, 1 as u from one_user) y) select * from x",
    "select coalesce(null, 1), lower('A'), substr('abc', 2), case when 1 = 1 then 2 end, cast('1' as decimal)",
    "select id, row_number() over (order by id desc) from users where fullName like '%a_b%' limit 3",
)
MARK = Path("/tmp/mlm-audit-stolen")


@pytest.fixture
def audit(any_url: str, filled: Callable[[str, Platform], Engine]) -> Iterator[mlm_audit.Audit]:
    engine = filled(any_url, clean_platform())
    with engine.begin() as connection:
        connection.execute(text("create view one_user as select id as userId from users where id = 1"))
        if engine.dialect.name != "sqlite":
            connection.execute(text("create sequence moved start with 1"))
    opened = mlm_audit.connect(any_url)
    yield opened
    opened.close()


def state(engine: Engine) -> Any:
    with engine.connect() as connection:
        number = 0
        if engine.dialect.name == "postgresql":
            number = connection.execute(text("select last_value from moved")).scalar_one()
        if engine.dialect.name == "mariadb":
            number = connection.execute(text("select next_not_cached_value from moved")).scalar_one()
    return contents(engine), number, MARK.exists()


@pytest.mark.slow
def test_none_gets_through(
    audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine], record_property: Any
) -> None:
    """By our guard with a clear word, in text() and straight to the driver."""
    before, engine = state(opened(any_url)), audit._engine
    attempts = (*HIDDEN, *SWITCHES, *REACHES)
    through = []
    for attempt in attempts:
        for ask in (lambda c, it: c.execute(text(it.replace(":=", "\\:="))), lambda c, it: c.exec_driver_sql(it)):
            try:
                with engine.connect() as connection:
                    ask(connection, attempt)
            except InputError as refused:
                words = str(refused)
            except DBAPIError:
                through.append(attempt)  # the database refused it, but our guard had not
            else:
                through.append(attempt)
            if not re.fullmatch(r"this connection is read-only: [^\n]*; make changes through the jobs .*", words):
                through.append(words)
    assert through == []
    assert state(opened(any_url)) == before
    record_property("seen", f"{len(attempts)} attempts to write through an analyst's connection: {engine.dialect.name}")


@pytest.mark.slow
def test_a_value_cannot_break_out_of_its_quotes(
    audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine]
) -> None:
    """A driver that puts values into the text itself would close quotes that stand around a placeholder."""
    before, engine = state(opened(any_url)), audit._engine
    if engine.dialect.name == "sqlite":
        return
    for statement in ("select '%s'", 'select "%s"', "select 'a %s b' from users", "select `%s`"):
        with pytest.raises(InputError, match="this connection is read-only"), engine.connect() as connection:
            connection.exec_driver_sql(statement, ("; delete from ledger; ",))
    assert state(opened(any_url)) == before
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select %s", ("' ; delete from ledger; --",)).scalar_one().startswith("' ;")


@pytest.mark.slow
def test_what_is_let_through(audit: mlm_audit.Audit) -> None:
    """Reading goes on, after every refusal, and the structure can be looked at."""
    with pytest.raises(InputError), audit._engine.connect() as connection:
        connection.execute(text("delete from ledger"))
    for harmless in HARMLESS:
        name = audit._engine.dialect.identifier_preparer.quote("fullName")
        with audit._engine.connect() as connection:
            done = connection.execute(text(harmless.replace("fullName", name).replace("%a_b%", "%a%")))
            assert done.all() is not None
    assert audit.reconcile().verdict == "PASS"


@pytest.mark.slow
def test_the_session_stays_read_only_after_a_consistent_read(
    audit: mlm_audit.Audit, any_url: str, opened: Callable[[str], Engine]
) -> None:
    """A driver's own cursor, past our guard, on a connection that the pool gives out again."""
    before, engine = state(opened(any_url)), audit._engine
    for _ in range(3):
        with consistent_read(engine) as connection:
            connection.execute(text("select count(*) from ledger")).scalar_one()
        raw = engine.raw_connection()
        with suppress(Exception):
            raw.cursor().execute("delete from ledger")
            raw.commit()
        raw.close()
    assert state(opened(any_url)) == before


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql"])
def test_refused_whatever_the_dialect(dialect: str) -> None:
    """Also what is no SQL at all, or too deep to be parsed."""
    for attempt in (
        *HIDDEN,
        *SWITCHES,
        *REACHES,
        "",
        " ",
        ";",
        "(",
        "nonsense",
        "x" * 100_000,
        "(" * 5_000 + "select 1",
    ):
        assert why_not_read_only(attempt, dialect) is not None, attempt


QUERIES = (
    "select sleep_ms(10)",
    "select nextval('x')",
    "select setval('x', 1)",
    "select write_log('x')",
    "select getenv('HOME')",
    "select * from query('select 1')",
    "select * from query_table('ledger')",
    "select * from json_execute_serialized_sql('{}')",
    "select * from enable_profiling()",
    "select * from enable_logging()",
    "select * from arrow_scan(1, 2, 3)",
    "select * from python_map_function(1)",
    "select * from create_external_resource('x')",
    "select * from force_checkpoint()",
    "select * from read_blob('/etc/passwd')",
    "select * from duckdb_secrets()",
    "select 1 /* ' */ ; drop view ledger /* ' */",
)


@pytest.mark.slow
def test_queries_of_an_analyst(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    """`audit.sql()`: DuckDB's functions that wait, move sequences, run text as a query or take addresses in memory."""
    filled(sqlite_url, clean_platform())
    audit = mlm_audit.connect(sqlite_url)
    for query in QUERIES:
        with pytest.raises(InputError, match="^sql: "):
            audit.sql(query)
    for query in (
        "select count(*) from ledger -- all of them",
        "from ledger select sum(amount_paisa)::bigint",
        "select * from range(3), unnest([1, 2]) as u(x)",
        "summarize ledger",
        "describe ledger",
        "select type, list(id order by id)[1] from ledger group by all order by all limit 3",
        "select columns('id') from ledger limit 1",
        "pivot (select type, amount_paisa from ledger) on type in ('bonus') using sum(amount_paisa)",
        "select id, lag(id) over (order by id) from ledger qualify row_number() over (order by id) < 3",
    ):
        assert audit.sql(query).height, query
    audit.close()


@pytest.mark.slow
def test_every_check_of_ours_only_reads() -> None:
    for check in load_checks():
        assert why_not_read_only(check.sql, "duckdb") is None, check.code
    for view in load_views():
        assert why_not_read_only(view.sql, "duckdb") is None, view.name
    assert SQL_DIR.is_dir()
