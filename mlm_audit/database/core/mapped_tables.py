"""A platform with other tables, read as if it had the toolkit's: each table is a query that follows the mapping.

`attach` changes how an engine renders the platform's tables, so that every read of the toolkit goes through the mapping.
A write to one of these tables is refused; what a mapping allows to be written goes through `mapped_writes`.
"""

import hashlib
import json
from collections.abc import Mapping as MappingOf
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Engine, Select
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from mlm_audit.database.core import tables as platform
from mlm_audit.database.core.connect import error_line
from mlm_audit.database.core.inputs import SOURCES
from mlm_audit.database.core.instants import Instant
from mlm_audit.database.core.mapped_columns import (
    as_key,
    as_meant,
    as_minor,
    from_patterns,
    in_utc,
    is_word,
    kinds_that,
    role_of_kind,
)
from mlm_audit.database.core.platform_engines import has_text_keys, unwritable
from mlm_audit.database.core.schema import family_of
from mlm_audit.database.core.tables import Base
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.mapping import SECTIONS, Mapping
from mlm_audit.platforms.sections import LedgerTable, MappedTable

MODELS: MappingOf[str, type[Base]] = {name: SOURCES.get(name, platform.Kyc) for name in SECTIONS}
"""Section of a mapping → the table that it stands for."""
LEFT_OUT = "left_out"
ZONED = "zoned time"
"""What a column of times holds that the database itself converts to UTC."""


def attach(engine: Engine, mapping: Mapping) -> None:
    """Let an engine render each of the platform's tables as a query that follows the mapping.

    Raise InputError when the mapping has open decisions, lacks columns, or does not fit the database.
    """
    mapping.require_decided()
    if lacking := mapping.not_mapped:
        section, why = next(iter(lacking.items()))
        more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        raise InputError(
            f"platform {mapping.path}: {section}: {why}{more}; the jobs need every input. Add what the platform keeps, and "
            "list the rest under [absent] with the reason"
        )
    texts = {
        MODELS[section].__tablename__: _text(query, engine)
        for section, query in canonical_queries(engine, mapping).items()
    }
    _try_each(engine, mapping, texts)
    engine.dialect.mlm_text_keys = _has_text_keys(sa.inspect(engine), mapping)  # type: ignore[attr-defined]
    _refuse_unordered(engine, mapping)
    engine.dialect.mlm_conventions = mapping.conventions  # type: ignore[attr-defined]
    engine.dialect.mlm_tables = texts  # type: ignore[attr-defined]
    engine.dialect.mlm_structure = _structure(engine, mapping, texts)  # type: ignore[attr-defined]
    engine.dialect.statement_compiler = _compiler_of(engine.dialect.statement_compiler, texts)


def canonical_queries(engine: Engine, mapping: Mapping) -> dict[str, Any]:
    """Return the query of each section. An absent input is a query without rows."""
    inspector, dialect = sa.inspect(engine), dialect_of(engine)
    text_keys = _has_text_keys(inspector, mapping)
    given: dict[str, list[MappedTable]] = {section: [] for section in SECTIONS}
    for section, table in mapping.tables():
        given[section].append(table)
    queries: dict[str, Any] = {}
    for section, tables in given.items():
        parts = [
            MappedSource(
                mapping, section, table, _columns(inspector, mapping, table), dialect=dialect, text_keys=text_keys
            ).query(place, len(tables))
            for place, table in enumerate(tables)
        ]
        queries[section] = sa.union_all(*parts) if len(parts) > 1 else parts[0] if parts else _nothing(section)
    return queries


def _refuse_unordered(engine: Engine, mapping: Mapping) -> None:
    """Raise InputError when a running balance would have to follow ids that are texts, which have no order."""
    if has_text_keys(engine.dialect) and any("balance_after" in part.columns for part in mapping.ledger):
        raise InputError(
            f"platform {mapping.path}: the ids of the ledger are texts, which do not give the order of its rows, so that "
            'balance_after cannot be followed; remove the column, and declare "ledger.balance_after" as absent'
        )


def _columns(inspector: sa.Inspector, mapping: Mapping, table: MappedTable) -> dict[str, str]:
    """Return what each column of a table holds; nothing for a query, whose types are not known."""
    if table.table is None:
        return {}
    try:
        columns = inspector.get_columns(table.table, schema=table.db_schema)
    except NoSuchTableError as error:
        raise InputError(
            f"platform {mapping.path}: the database has no table {table.table}; compare the mapping with the database"
        ) from error
    holds = dialect_of(inspector).decimals_are
    dialect = dialect_of(inspector)
    families = {column["name"]: family_of(column["type"]) for column in columns}
    zoned = {column["name"]: ZONED for column in columns if dialect.keeps_zone(column["type"])}
    return {name: holds if family == "decimal" else family for name, family in families.items()} | zoned


def source_of_table(engine: Engine, mapping: Mapping, section: str, table: MappedTable) -> "MappedSource":
    """Return one table of a mapping as the source of queries."""
    inspector = sa.inspect(engine)
    columns, text_keys = _columns(inspector, mapping, table), _has_text_keys(inspector, mapping)
    return MappedSource(mapping, section, table, columns, dialect=dialect_of(engine), text_keys=text_keys)


def is_key(name: str, column: sa.Column[Any]) -> bool:
    """Return whether a column of the toolkit's table names a row."""
    return (name == "id" or name.endswith("_id")) and isinstance(column.type, sa.BigInteger)


TEXTS = ("text", "other")
"""What a column of keys that are not numbers holds. PostgreSQL's UUID is a type of its own."""


def _has_text_keys(inspector: sa.Inspector, mapping: Mapping) -> bool:
    return any(table.keys is not None or _key_family(inspector, table) in TEXTS for _, table in mapping.tables())


def _key_family(inspector: sa.Inspector, table: MappedTable) -> str | None:
    """Return what the ids of a table are; None for a query, and for a table that the database does not have."""
    if table.table is None:
        return None
    try:
        columns = inspector.get_columns(table.table, schema=table.db_schema)
    except NoSuchTableError:
        return None
    return next((family_of(one["type"]) for one in columns if one["name"] == table.columns.get("id")), None)


class MappedSource:
    """One table of a mapping, and the columns of its query."""

    def __init__(
        self,
        mapping: Mapping,
        section: str,
        table: MappedTable,
        families: dict[str, str],
        *,
        dialect: Any,
        text_keys: bool,
    ) -> None:
        self.mapping, self.section, self.table, self.families = mapping, section, table, families
        self.dialect, self.text_keys = dialect, text_keys
        self.rows: Any = (
            sa.text(table.select).columns().subquery("mapped")
            if table.select is not None
            else sa.table(str(table.table), schema=table.db_schema)
        )

    @property
    def model(self) -> dict[str, sa.Column[Any]]:
        """Return the columns of the toolkit's table, by their attributes."""
        return dict(MODELS[self.section].__mapper__.columns.items())

    def query(self, place: int, parts: int) -> Select[Any]:
        """Return the query. The ids of several parts are made distinct: the id times the number of parts, plus the place."""
        chosen = []
        for attribute, column in self.model.items():
            value = self.value_of(attribute.removesuffix("_paisa"), column)
            if attribute == "id" and parts > 1:
                value = value * parts + place
            chosen.append(value.label(column.name))
        query = sa.select(*chosen).select_from(self.rows)
        for one in self.table.left_out:
            query = query.where(sa.text(f"not coalesce(({one.where}), false)"))
        if isinstance(self.table, LedgerTable):
            query = query.where(~kinds_that(self.table, self._stored("type"), self.dialect, move=False))
        return query

    def amount(self) -> ColumnElement[Any]:
        """Return the amount of a row in minor units: of a ledger row, or the first amount of another table."""
        if isinstance(self.table, LedgerTable):
            return self._moved(self.table)
        names = [name for name in self.table.columns if name in self.table.amounts]
        return self.value_of(names[0], sa.Column(names[0], sa.BigInteger)) if names else sa.literal(0)

    def is_kind(self, word: str) -> Any:
        """Return the condition for the ledger rows of a stored kind."""
        assert isinstance(self.table, LedgerTable)
        return is_word(self.table, self._stored("type"), word, self.dialect)

    def _stored(self, name: str) -> Any:
        return self._named(self.table.columns[name])

    def type_of(self, column: str) -> sa.types.TypeEngine[Any]:
        """Return the type by which a value of a stored column is compared and written."""
        kind: sa.types.TypeEngine[Any] = _TYPES.get(self.families.get(column, ""), sa.types.NullType())
        return kind

    def _named(self, column: str) -> Any:
        if self.families and column not in self.families:
            raise InputError(
                f"platform {self.mapping.path}: table {self.table.name} has no column {column}; compare the mapping with "
                "the database"
            )
        return sa.column(column, self.type_of(column))

    def _family(self, name: str) -> str:
        """Return what a stored column holds. The columns of a query have no types, and are read as exact numbers."""
        family: str = self.families.get(self.table.columns[name], self.dialect.decimals_are)
        return family

    def value_of(self, name: str, column: sa.Column[Any]) -> ColumnElement[Any]:
        """Return what stands for a column of the toolkit's table."""
        table = self.table
        if isinstance(table, LedgerTable) and name in ("amount", "type"):
            return self._moved(table) if name == "amount" else role_of_kind(self._stored("type"), table, self.dialect)
        if name == "meta":
            return self._schedule_in_json()
        if name in table.values:
            return sa.literal(table.values[name])
        if name in table.columns:
            return self._converted(name, column)
        return self._derived(name, column)

    def _schedule_in_json(self) -> ColumnElement[Any]:
        """Return the metadata of a payout, which name its instalment as JSON, from such a column or from a number."""
        stored: ColumnElement[Any] = self._stored("schedule_id")
        family = self._family("schedule_id")
        if self.text_keys and family in TEXTS:
            return sa.case((stored.like("{%"), stored), else_=_named_schedule(as_key(self.dialect.plain_text(stored))))
        return stored if family in {"json", *TEXTS} else _named_schedule(stored)

    def _converted(self, name: str, column: sa.Column[Any]) -> ColumnElement[Any]:
        """Return a stored column with its unit and its words converted."""
        table = self.table
        stored: ColumnElement[Any] = self._stored(name)
        if name in table.fallback:
            stored = sa.func.coalesce(stored, self._named(table.fallback[name]))
        if name in table.amounts:
            return self._minor(name, stored)
        if is_key(name, column) and (table.keys or self._family(name) in TEXTS):
            return as_key(self.dialect.plain_text(stored))
        if name == "reference_id" and self.text_keys:
            return sa.cast(as_key(self.dialect.plain_text(stored)), sa.String(20))
        if isinstance(column.type, Instant):
            return self._instant(name, stored)
        if name in table.words:
            is_flag = isinstance(column.type, sa.Boolean)
            return as_meant(stored, table.words[name], None if is_flag else self.dialect.plain_text(stored))
        return stored

    def _instant(self, name: str, stored: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a stored time in UTC. A query has to give times in UTC, because the types of its columns are not known."""
        family = self._family(name)
        instant: ColumnElement[Any] = stored
        if not self.families:
            instant = self.dialect.queried_instant(stored)
        elif family == "date":
            instant = self.dialect.midnight(stored)
        if self.families and family != ZONED:
            instant = in_utc(instant, self.mapping.offsets, self.dialect)
        return instant

    def _derived(self, name: str, column: sa.Column[Any]) -> ColumnElement[Any]:
        """Return a column that is part of a text, or the number of a row; null for one that the platform does not keep."""
        table = self.table
        if table.numbered is not None and name == table.numbered.column:
            within, by = self._stored(table.numbered.within), self._stored(table.numbered.by)
            return sa.func.row_number().over(partition_by=within, order_by=(by, self._stored("id")))
        if any(name in one.groups for one in table.patterns):
            text = from_patterns(table.patterns, name, lambda other: self.dialect.plain_text(self._named(other)))
            if self.text_keys and (name == "reference_id" or is_key(name, column)):
                number = as_key(text)
                return sa.cast(number, sa.String(20)) if name == "reference_id" else number
            return text if isinstance(column.type, sa.String) else sa.cast(text, sa.BigInteger)
        return _null(column)

    def _minor(self, name: str, stored: Any) -> ColumnElement[Any]:
        unit = self.mapping.unit(self.table, name)
        return as_minor(stored, self._family(name), unit, self.dialect.decimals_are)

    def _moved(self, table: LedgerTable) -> ColumnElement[Any]:
        parts = {name: self._minor(name, self._stored(name)) for name in table.moved}
        if "amount" not in parts:
            value: Any = sa.func.coalesce(parts["credit"], 0) - sa.func.coalesce(parts["debit"], 0)
        else:
            value = parts["amount"]
        if table.signs:
            signs = [(as_meant_is(self._stored("direction"), word), sign * value) for word, sign in table.signs.items()]
            value = sa.case(*signs, else_=None)
        if any(kind.sign == -1 for kind in table.kinds.values()):
            turned = kinds_that(table, self._stored("type"), self.dialect, move=True, sign=-1)
            value = sa.case((turned, -value), else_=value)
        return value  # type: ignore[no-any-return]


def _named_schedule(number: Any) -> ColumnElement[Any]:
    return sa.literal('{"scheduleId": ').op("||")(sa.cast(number, sa.String(20))).op("||")(sa.literal("}"))


def as_meant_is(column: Any, word: str) -> Any:
    """Return the condition that a stored word is this one, compared as words are."""
    return as_meant(column, {word: True}, sa.false()).is_(True)


_TYPES: dict[str, Any] = {
    "integer": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "float": sa.Double(),
    "decimal": sa.Numeric(),
    "text": sa.String(),
    "time": sa.DateTime(),
    ZONED: sa.DateTime(timezone=True),
    "date": sa.Date(),
    "json": sa.JSON(),
}


def _null(column: sa.Column[Any]) -> ColumnElement[Any]:
    # Not every database can convert a value to JSON or to a boolean.
    if isinstance(column.type, sa.Boolean):
        return sa.case((sa.false(), sa.true()), else_=None)
    return sa.cast(sa.null(), sa.Text() if isinstance(column.type, sa.JSON) else column.type)


def _nothing(section: str) -> Select[Any]:
    columns = MODELS[section].__mapper__.columns.values()
    return sa.select(*(_null(column).label(column.name) for column in columns)).where(sa.false())


def _text(query: Any, engine: Engine) -> str:
    return str(query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True}))


def _structure(engine: Engine, mapping: Mapping, texts: MappingOf[str, str]) -> str:
    """Return a digest of the queries and of the types of all columns that they read."""
    inspector = sa.inspect(engine)
    types = [sorted(_columns(inspector, mapping, table).items()) for _, table in mapping.tables()]
    return hashlib.sha256(json.dumps([sorted(texts.items()), types]).encode()).hexdigest()


def _try_each(engine: Engine, mapping: Mapping, texts: MappingOf[str, str]) -> None:
    """Run every query on no rows, so that a mapping that does not fit is refused before anything is read."""
    with engine.connect() as connection:
        for name, text in texts.items():
            try:
                connection.exec_driver_sql(f"select * from ({text}) as mapped where 1 = 0")  # noqa: S608
            except DBAPIError as error:
                raise InputError(
                    f"platform {mapping.path}: the rows of {name} cannot be read ({error_line(error)}); compare the "
                    "tables, the columns and the conditions of the mapping with the database"
                ) from error


def _compiler_of(base: Any, texts: MappingOf[str, str]) -> Any:
    """Return a compiler that renders the platform's tables as queries."""

    def visit_table(self: Any, table: Any, *, asfrom: bool = False, iscrud: bool = False, **options: Any) -> str:
        written: str = base.visit_table(self, table, asfrom=asfrom, iscrud=iscrud, **options)
        if not asfrom or iscrud or not isinstance(table, sa.Table) or table.name not in texts:
            return written
        if options.get("enclosing_alias") is not None:
            return f"({texts[table.name]})"
        return f"({texts[table.name]}) AS {self.preparer.quote(table.name)}"

    def guarded(name: str) -> Any:
        written = getattr(base, name)

        def visit(self: Any, statement: Any, *arguments: Any, **options: Any) -> str:
            if isinstance(statement.table, sa.Table) and statement.table.name in texts:
                raise InputError(unwritable(statement.table.name))
            return written(self, statement, *arguments, **options)  # type: ignore[no-any-return]

        return visit

    visits = {name: guarded(name) for name in ("visit_insert", "visit_update", "visit_delete")}
    return type("MappedCompiler", (base,), {"visit_table": visit_table, **visits})
