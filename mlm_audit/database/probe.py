"""Probes of the queries of all jobs, which show what a database cannot answer before a job needs it.

A read is executed so that it returns no rows, for example with LIMIT 0. A write statement is only explained: the
database parses it, resolves its tables, columns, types and enum words, and changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mlm_audit.database.core.connect import error_line
from mlm_audit.database.core.platform_engines import is_mapped, platform_of
from mlm_audit.database.core.schema import SchemaProblem
from mlm_audit.database.core.statements import Statement
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.database.reads import sweep, trees
from mlm_audit.database.reads.mirror import figures
from mlm_audit.database.reads.snapshot import query_of
from mlm_audit.database.writes import payouts
from mlm_audit.database.writes import sweep as sweep_writes
from mlm_audit.domain.inputs import ANALYSIS_INPUTS, INPUTS, OF_TOOLKIT, TREE_INPUTS
from mlm_audit.domain.periods import month_of, zone

NOBODY = [-1]
MOMENT = datetime(2026, 1, 15, tzinfo=UTC)
WRITES: dict[str, dict[str, Any]] = {
    "payouts/mark_paid": {"was": "pending", "now": MOMENT.replace(tzinfo=None)},
    "payouts/set_back": {
        "was": "pending",
        "to_status": "failed",
        "retry_count": 0,
        "failed_since": MOMENT.replace(tzinfo=None),
        "reason": "",
        "now": MOMENT.replace(tzinfo=None),
    },
    "payouts/post": {"now": MOMENT.replace(tzinfo=None)},
    "payouts/history": {"now": MOMENT.replace(tzinfo=None), "job_id": ""},
    "payouts/set_back_history": {"now": MOMENT.replace(tzinfo=None), "job_id": "", "reason": "", "to_status": "failed"},
    "payouts/notices": {"now": MOMENT.replace(tzinfo=None)},
}
"""The write statements, with values of the right types. They are explained and never executed."""
LOCKING = ("claim", "members")
"""The reads that lock rows. They need the right to change them."""
READS = ("credited", "facts_members", "facts_orders", "proof", "statuses", "first_status")


def failing_queries(engine: Engine) -> list[SchemaProblem]:
    """Return the queries that this database cannot answer, each with a fix.

    The caller must have checked the tables and columns before.
    """
    cure = "give the column the required type, add the missing value to the enum, or grant the account the missing privilege"
    if is_mapped(engine):
        cure = "compare the mapping with the database, or grant the account the missing privilege"
        return [SchemaProblem(f"(query) {name}", None, said, cure) for name, said in failing_reads(platform_of(engine))]
    return [SchemaProblem(f"(query) {name}", None, said, cure) for name, said in failing(engine)]


def failing(engine: Engine) -> list[tuple[str, str]]:
    """Return the name of each query that fails in this database, with the error in one line."""
    return _failing(engine, [*_reads(dialect_of(engine), OF_TOOLKIT), *_writes()])


def failing_reads(engine: Engine) -> list[tuple[str, str]]:
    """Return the name of each query of a job that only reads and fails in this database, with the error in one line."""
    return _failing(engine, _reads(dialect_of(engine)))


def _failing(engine: Engine, asked: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for name, ask in asked:
        try:
            with engine.connect() as connection:
                ask(connection)
                connection.rollback()
        except (DBAPIError, SQLAlchemyError, ValueError) as error:
            found.append((name, error_line(error)))
    return found


def _reads(dialect: Dialect, own: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the queries that only read the platform, and those of the toolkit's `own` inputs."""
    inputs = {name: spec for name, spec in INPUTS.items() if name not in OF_TOOLKIT or name in own}
    for name, spec in (inputs | ANALYSIS_INPUTS).items():
        yield f"reading {name}", _reading(query_of(name, spec, dialect))
    for name in inputs:
        yield f"figures of {name}", lambda connection, name=name: figures(connection, name, 0, 0)
    for name, spec in TREE_INPUTS.items():
        yield f"tree check: reading {name}", _reading(query_of(name, spec, dialect))
    for name, query in {**sweep.queries(month_of(MOMENT, zone("UTC")), dialect), **trees.queries()}.items():
        yield name, _reading(query)
    for name in READS:
        yield _statement(name)
    moment = MOMENT.replace(tzinfo=None)
    yield "payouts: due", lambda connection: payouts.DUE(connection, status="pending", as_of=moment, limit=0).all()


def _writes() -> Iterator[tuple[str, Any]]:
    moment = MOMENT.replace(tzinfo=None)
    for name in LOCKING:
        yield _statement(name)
    for name, values in WRITES.items():
        yield f"{name.replace('/', ': ')}", _explaining(name, values)
    for name, statement in sweep_writes.statements(moment).items():
        yield name, lambda connection, statement=statement: _explain(connection, statement)


def _statement(name: str) -> tuple[str, Any]:
    return f"payouts: {name}", lambda connection: Statement(f"payouts/{name}")(connection, ids=NOBODY).all()


def _explain(connection: Connection, statement: Any) -> None:
    compiled = statement.compile(dialect=connection.dialect)
    values = {
        name: str(value) if isinstance(value, datetime) else value
        for name, value in compiled.construct_params().items()
    }
    parameters: Any = tuple(values[name] for name in compiled.positiontup) if compiled.positional else values
    connection.exec_driver_sql(f"explain {compiled}", parameters).close()


def _reading(query: Select[Any]) -> Any:
    return lambda connection: connection.execute(query.limit(0)).all()


def _explaining(name: str, values: dict[str, Any]) -> Any:
    def explain(connection: Connection) -> None:
        statement = Statement(name)
        statement.text = f"explain {statement.text}"
        statement(connection, ids=NOBODY, **values).close()

    return explain
