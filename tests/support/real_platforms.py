"""The two generations of a real platform (`../shared/data/platforms`), built in a database as the platform has them."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

PLATFORMS = Path(__file__).parents[3] / "shared" / "data" / "platforms"
PLACEHOLDERS: dict[type, Any] = {sa.String: "x", sa.Text: "x", sa.DateTime: datetime(2026, 1, 1)}  # noqa: DTZ001  (columns without a zone)


def build(engine: sa.Engine, generation: str) -> None:
    """Create the tables of a generation from the list of its real columns, and load its rows."""
    folder, metadata = PLATFORMS / generation, sa.MetaData()
    for table, columns in json.loads((folder / "columns.json").read_text(encoding="utf-8")).items():
        sa.Table(table, metadata, *(_column(name, spec) for name, spec in columns.items()))
    metadata.create_all(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            file = folder / f"{table.name}.parquet"
            rows = pl.read_parquet(file).to_dicts() if file.is_file() else []
            if rows:
                connection.execute(sa.insert(table), [_placeholders(table) | row for row in rows])
                if "id" in table.columns:
                    continue_ids(connection, table, "id")


def continue_ids(connection: sa.Connection, table: sa.Table, key: str) -> None:
    """Let new rows get ids above those that were loaded. Only PostgreSQL has to be told."""
    if connection.dialect.name == "postgresql" and isinstance(table.columns[key].type, sa.Integer):
        quote = connection.dialect.identifier_preparer.quote
        last = f"(select max({quote(key)}) from {quote(table.name)})"
        connection.exec_driver_sql(f"select setval(pg_get_serial_sequence('{quote(table.name)}', '{key}'), {last})")


def _placeholders(table: sa.Table) -> dict[str, Any]:
    """Return values for the columns that were left out of the data and may not be empty."""
    lacking = [column for column in table.columns if not column.nullable]
    return {column.name: PLACEHOLDERS.get(type(column.type), 0) for column in lacking}


def _column(name: str, spec: dict[str, Any]) -> sa.Column[Any]:
    is_key = spec["key"] == "PRI"
    return sa.Column(
        name,
        _type(spec["type"]),
        primary_key=is_key,
        nullable=bool(spec["null"]),
        unique=spec["key"] == "UNI",
        autoincrement="auto" if is_key and name == "id" else False,
    )


def _type(text: str) -> sa.types.TypeEngine[Any]:
    word = text.split("(", maxsplit=1)[0]
    if text == "tinyint(1)":
        return sa.Boolean()
    if word == "int":
        unsigned = mysql.INTEGER(unsigned="unsigned" in text)
        return sa.BigInteger().with_variant(unsigned, "mysql", "mariadb").with_variant(sa.Integer(), "sqlite")
    if word == "datetime":
        return sa.DateTime().with_variant(mysql.DATETIME(fsp=3), "mysql", "mariadb")
    if word == "enum":
        return sa.String(40).with_variant(
            mysql.ENUM(*(part.strip("'") for part in text[5:-1].split(","))), "mysql", "mariadb"
        )
    return {"double": sa.Double(), "varchar": sa.String(191)}.get(word, sa.Text())
