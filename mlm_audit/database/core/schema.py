"""The schema check behind `db check`: missing tables and columns, wrong types, and how to fix each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine, inspect

from mlm_audit.database.core.inputs import SOURCES, needed_columns
from mlm_audit.database.core.own_tables import OWN_TABLES, STATE_TABLES
from mlm_audit.database.core.platform_engines import is_mapped
from mlm_audit.database.core.tables import ADDED_USER_COLUMNS, PLATFORM_TABLES, Base
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import INPUTS

STORE = (
    "JobLog",
    "AuditJobLease",
    "AuditNotice",
    "ReconciliationReport",
    "AuditBreak",
    "AuditRepair",
    "AuditAuthorisation",
)
"""The tables without which no run can be stored."""


@dataclass(frozen=True)
class SchemaProblem:
    """One problem of a database: where it is, what it is, and how to fix it."""

    table: str
    column: str | None
    what: str
    cure: str

    def __str__(self) -> str:
        where = f"table {self.table}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.what}; {self.cure}"


def check_schema(engine: Engine) -> list[SchemaProblem]:
    """Compare every table and column of the toolkit with the database. Return the problems in table order."""
    inspector = inspect(engine)
    present = {*inspector.get_table_names(), *views_of(inspector)}
    problems: list[SchemaProblem] = []
    # The mapping of a platform was tried when the platform was opened.
    wanted = STATE_TABLES if is_mapped(engine) else (*PLATFORM_TABLES, *OWN_TABLES)
    for name in wanted:
        if name not in present:
            problems.append(_missing(name))
            continue
        problems += _columns(name, inspector.get_columns(name), Base.metadata.tables[name].columns)
    if "users" in present and not is_mapped(engine):
        known = {column["name"] for column in inspector.get_columns("users")}
        problems += [
            SchemaProblem("users", name, "missing", "run `mlm-audit db upgrade`")
            for name in ADDED_USER_COLUMNS
            if name not in known
        ]
    return problems


def views_of(inspector: sa.Inspector) -> set[str]:
    """Return the names of the views, since a platform may provide its tables as views."""
    return dialect_of(inspector).views(inspector)


def check_inputs(engine: Engine, *, store: bool) -> dict[str, str]:
    """Return the inputs that cannot be read, with the reason. `store` means that the run is to be stored.

    Raise InputError when a platform table or one of its needed columns is missing or of the wrong type, or when a table
    that stores the run is missing. Nothing may run in these cases.
    """
    problems = check_schema(engine)
    tables = {SOURCES[name].__tablename__: name for name in INPUTS}
    fatal = [problem for problem in problems if _stops(problem, tables, store=store)]
    if fatal:
        more = f" (and {len(fatal) - 1} more; `mlm-audit db check` lists all of them)" if len(fatal) > 1 else ""
        raise InputError(f"{fatal[0]}{more}")
    missing: dict[str, str] = {}
    for problem in problems:
        name = tables.get(problem.table)
        if name is not None and (problem.column is None or problem.column in needed_columns(name)):
            missing.setdefault(name, str(problem))
    return missing


def unreadable_inputs(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """Return those of the named inputs that cannot be read, with the reason. None of them is an error."""
    problems = check_schema(engine)
    missing: dict[str, str] = {}
    for name in names:
        table, needed = SOURCES[name].__tablename__, needed_columns(name)
        for problem in problems:
            if problem.table == table and (problem.column is None or problem.column in needed):
                missing.setdefault(name, str(problem))
    return missing


def require(engine: Engine, needed: Mapping[type[Base], Sequence[str] | None]) -> None:
    """Raise InputError unless these tables have the columns of these attributes (None: all), of the right types."""
    columns = {
        model.__tablename__: None if names is None else {getattr(model, name).expression.name for name in names}
        for model, names in needed.items()
    }
    for problem in check_schema(engine):
        if problem.table in columns and (
            problem.column is None or problem.column in (columns[problem.table] or {problem.column})
        ):
            raise InputError(f"{problem}; nothing was written")


def _stops(problem: SchemaProblem, tables: dict[str, str], *, store: bool) -> bool:
    if store and problem.table in STORE:
        return True
    name = tables.get(problem.table)
    if name is None:
        return False
    if problem.table in OWN_TABLES:
        return "float" in problem.what
    return problem.column is None or problem.column in needed_columns(name)


def _missing(name: str) -> SchemaProblem:
    if name in OWN_TABLES:
        return SchemaProblem(name, None, "missing", "run `mlm-audit db upgrade`")
    return SchemaProblem(
        name,
        None,
        "missing",
        "check that DATABASE_URL names the platform's database; in an empty database, `mlm-audit db init` creates the table",
    )


def _columns(table: str, found: Iterable[Any], wanted: Iterable[sa.Column[Any]]) -> list[SchemaProblem]:
    types = {column["name"]: column["type"] for column in found}
    problems = []
    for column in wanted:
        cure = (
            "run `mlm-audit db upgrade`"
            if table in OWN_TABLES
            else "compare the platform's version with the documentation"
        )
        if column.name not in types:
            problems.append(SchemaProblem(table, column.name, "missing", cure))
        elif problem := _type_problem(table, column, types[column.name]):
            problems.append(problem)
    return problems


def _type_problem(table: str, column: sa.Column[Any], found: sa.types.TypeEngine[Any]) -> SchemaProblem | None:
    wanted, got = family_of(column.type), family_of(found)
    is_amount = column.name in _AMOUNTS[table]
    if is_amount and got in ("float", "decimal"):
        return SchemaProblem(
            table,
            column.name,
            f"the amount is stored as {got} ({found}), in which 0.1 + 0.2 is not 0.3, so it cannot be audited to the paisa",
            "change the column to BIGINT and store paisa",
        )
    if column.name == "referenceId" and got == "integer":
        return None  # some platforms store it as a number, and it is always read as a number
    if wanted in {got, "json"} or (wanted, got) in _ACCEPTED:
        return None
    return SchemaProblem(
        table, column.name, f"its type is {found}, but a {wanted} column is needed", "change the column's type"
    )


_ACCEPTED = {
    ("boolean", "integer"),
    ("integer", "boolean"),
    ("text", "json"),
    ("float", "decimal"),
    ("text", "other"),
    ("float", "integer"),
}


def family_of(kind: sa.types.TypeEngine[Any]) -> str:
    """Return what a type holds: boolean, integer, float, decimal, time, date, json, text or other."""
    if isinstance(kind, sa.types.TypeDecorator):
        kind = kind.impl_instance
    families: tuple[tuple[type[Any], str], ...] = (
        (sa.Boolean, "boolean"),
        (sa.Integer, "integer"),
        (sa.Float, "float"),
        (sa.Numeric, "decimal"),
        (sa.DateTime, "time"),
        (sa.Date, "date"),
        (sa.JSON, "json"),
        (sa.String, "text"),
    )
    return next((name for base, name in families if isinstance(kind, base)), "other")


_AMOUNTS: dict[str, set[str]] = {
    str(mapper.local_table): {
        attribute.columns[0].name for attribute in mapper.column_attrs if attribute.key.endswith("_paisa")
    }
    for mapper in Base.registry.mappers
}
