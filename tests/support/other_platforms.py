"""The demonstration platform under two other schemas, each with its mapping.

Both hold the same facts as the toolkit's own tables. Whatever the checks find there, they must find here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.values import Unread
from mlm_audit.database.reads.snapshot import one_instant, read_snapshot, write_inputs
from mlm_audit.domain.inputs import ANALYSIS_INPUTS, OF_TOOLKIT, TREE_INPUTS
from mlm_audit.domain.words import LEDGER_TYPES, WORDS
from tests.support.real_platforms import continue_ids

SECTIONS = (
    "users",
    "ledger",
    "orders",
    "commissions",
    "withdrawals",
    "matrix_nodes",
    "hierarchy",
    "payout_schedule",
    "payout_history",
    "commission_rollups",
    "eligibility_log",
    "monthly_stats",
)


@dataclass(frozen=True)
class Schema:
    """How a schema differs: the names of its tables and columns, its amounts, its words, and its ledger."""

    name: str
    table: Callable[[str], str]
    column: Callable[[str], str]
    unit: str
    amount: Callable[[int], Any]
    amount_type: sa.types.TypeEngine[Any]
    word: Callable[[str], str]
    ledger: str
    """`credit-debit` or `direction`."""
    key: Callable[[int], Any] = lambda number: number
    ahead: timedelta = timedelta(0)
    """How far stored times are ahead of UTC."""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


SHOUTING = Schema(
    "shouting",
    lambda section: f"TBL_{section.upper()}",
    lambda column: f"{column.upper()}_",
    "major",
    lambda paisa: Decimal(paisa) / 100,
    sa.Numeric(18, 2),
    lambda word: f" {word.upper()} ",
    "credit-debit",
)
KEYED = replace(SHOUTING, name="keyed", key=lambda number: f"k-{number:x}")
"""Keys that are texts, in every table."""
LOCAL = replace(SHOUTING, name="local", ahead=timedelta(hours=5, minutes=30))
"""Times in Indian time, without a zone."""
FRENCH = Schema(
    "french",
    lambda section: f"mlm {section}",
    lambda column: f"le_{_camel(column)}",
    "minor/100",
    lambda paisa: str(paisa * 100),
    sa.String(30),
    lambda word: f"etat:{word}",
    "direction",
)


def frames_of(engine: Engine, folder: Path) -> dict[str, pl.DataFrame]:
    """Return the rows of every section of a platform, with all columns that a mapping needs."""
    read_snapshot(engine, folder / "checks", skip=OF_TOOLKIT, more=ANALYSIS_INPUTS)
    with one_instant(engine) as connection:
        write_inputs(connection, folder / "trees", TREE_INPUTS, lambda *_: None, Unread())
    read = {
        name: pl.read_parquet(folder / "checks" / f"{name}.parquet")
        for name in (*SECTIONS, "decisions")
        if name != "hierarchy"
    }
    trees = {name: pl.read_parquet(folder / "trees" / f"{name}.parquet") for name in TREE_INPUTS}
    return {name: read[name] for name in SECTIONS if name in read} | {
        "users": read["users"].join(
            trees["users"].select("id", "is_eligible_repurchase"), on="id", maintain_order="left"
        ),
        "eligibility_log": read["eligibility_log"].join(
            read["decisions"].select("id", "reasons"), on="id", maintain_order="left"
        ),
        "matrix_nodes": trees["matrix_nodes"],
        "hierarchy": trees["hierarchy"],
    }


def build(engine: Engine, frames: dict[str, pl.DataFrame], schema: Schema) -> str:
    """Create the tables of a schema with these rows, and return the mapping."""
    metadata, rows = sa.MetaData(), {}
    for section, frame in frames.items():
        columns, rows[section] = _converted(section, frame, schema)
        sa.Table(schema.table(section), metadata, *columns)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for section, frame in frames.items():
            if rows[section]:
                table = metadata.tables[schema.table(section)]
                connection.execute(sa.insert(table), rows[section])
                if "id" in frame.columns:
                    continue_ids(connection, table, schema.column("id"))
    return _mapping(frames, schema)


def _converted(section: str, frame: pl.DataFrame, schema: Schema) -> tuple[list[sa.Column[Any]], list[dict[str, Any]]]:
    columns: list[sa.Column[Any]] = []
    values: dict[str, list[Any]] = {}
    for name, series in frame.to_dict().items():
        plain, stored = name.removesuffix("_paisa"), schema.column(name.removesuffix("_paisa"))
        if section == "ledger" and plain in ("amount", "reference_id", "level_depth"):
            continue
        if name.endswith("_paisa"):
            kind: sa.types.TypeEngine[Any] = schema.amount_type
            values[stored] = [None if one is None else schema.amount(one) for one in series]
        elif (section, name) in WORDS:
            kind = sa.String(60)
            known = WORDS[section, name]
            values[stored] = [schema.word(one) if one in known else one for one in series]
        elif is_key(name, series) and schema.key(1) != 1:
            kind = sa.String(40)
            values[stored] = [None if one is None else schema.key(one) for one in series]
        else:
            kind = _type(series)
            moved = series + schema.ahead if series.dtype == pl.Datetime else series
            values[stored] = moved.to_list()
        columns.append(sa.Column(stored, kind, primary_key=plain == "id"))
    if section == "ledger":
        for stored, kind, made in _ledger(frame, schema):
            columns.append(sa.Column(stored, kind))
            values[stored] = made
    return columns, [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def is_key(name: str, series: pl.Series) -> bool:
    """Return whether a column names rows."""
    return (name == "id" or name.endswith("_id")) and series.dtype.is_integer()


def _type(series: pl.Series) -> sa.types.TypeEngine[Any]:
    if series.dtype == pl.Boolean:
        return sa.Boolean()
    if series.dtype.is_integer():
        return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    if series.dtype == pl.String:
        return sa.Text()
    return sa.DateTime().with_variant(sa.dialects.mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _ledger(frame: pl.DataFrame, schema: Schema) -> list[tuple[str, sa.types.TypeEngine[Any], list[Any]]]:
    amounts = frame["amount_paisa"].to_list()
    parts = zip(frame["type"], frame["reference_id"], frame["level_depth"], strict=True)
    source = [
        None if ref is None and level is None else f"from {key_text(kind, ref, schema)}/{level or ''}"
        for kind, ref, level in parts
    ]
    found: list[tuple[str, sa.types.TypeEngine[Any], list[Any]]] = [(schema.column("source"), sa.String(60), source)]
    if schema.ledger == "credit-debit":
        credit = [None if one is None or one < 0 else schema.amount(one) for one in amounts]
        debit = [None if one is None or one >= 0 else schema.amount(-one) for one in amounts]
        return [*found, ("CREDIT_", schema.amount_type, credit), ("DEBIT_", schema.amount_type, debit)]
    sides = [None if one is None else "sortie" if one < 0 else "ENTREE" for one in amounts]
    sizes = [None if one is None else schema.amount(abs(one)) for one in amounts]
    return [*found, ("le_sens", sa.String(10), sides), ("le_montant", schema.amount_type, sizes)]


def key_text(kind: str, reference: int | None, schema: Schema) -> str:
    """Return the stored reference of a ledger row. That of repurchase commission is a month and no key."""
    if not reference:
        return ""
    return str(reference) if kind == "repurchase_commission" else str(schema.key(reference))


def _mapping(frames: dict[str, pl.DataFrame], schema: Schema) -> str:
    lines = ["[platform]", f'name = "{schema.name}"', f'title = "The demonstration, {schema.name}"']
    if schema.ahead:
        lines.append('utc_offset = "+05:30"')
    has_text_keys = schema.key(1) != 1
    if has_text_keys:
        lines += ["[absent]", '"ledger.balance_after" = "the ids of the ledger are texts and give no order"']
        lines += ["[conventions]", 'ledger_keys = "platform"']
    for section, frame in frames.items():
        head = "ledger" if section == "ledger" else section
        lines += ["", f"[[{head}]]" if section == "ledger" else f"[{head}]", f'table = "{schema.table(section)}"']
        names = [name.removesuffix("_paisa") for name in frame.columns]
        amounts = [name.removesuffix("_paisa") for name in frame.columns if name.endswith("_paisa")]
        if section == "ledger":
            left = ("amount", "reference_id", "level_depth", *(("balance_after",) if has_text_keys else ()))
            names = [name for name in names if name not in left]
            amounts = [name for name in amounts if name not in left]
            moved = ("credit", "debit") if schema.ledger == "credit-debit" else ("amount",)
            amounts += moved
            column = schema.column("source")
            lines.append(
                f"patterns = [{{ column = '{column}', pattern = '^from (?<reference_id>[0-9a-z-]+)/(?<level_depth>[0-9]*)$' }},"
                f" {{ column = '{column}', pattern = '^from /(?<level_depth>[0-9]+)$' }}]"
            )
            if schema.ledger == "direction":
                lines.append("signs = { entree = 1, sortie = -1 }")
        units = ", ".join(f'{name} = "{schema.unit}"' for name in amounts)
        lines.append(f"amounts = {{ {units} }}")
        lines += [f"[{head}.columns]", *(f'{name} = "{schema.column(name)}"' for name in names)]
        if section == "ledger":
            lines += (
                ['credit = "CREDIT_"', 'debit = "DEBIT_"']
                if schema.ledger == "credit-debit"
                else ['amount = "le_montant"', 'direction = "le_sens"']
            )
            lines += ["[ledger.kinds]", *(f'"{schema.word(kind)}" = "{kind}"' for kind in LEDGER_TYPES)]
        for (input_name, column), known in WORDS.items():
            if input_name == section and section != "ledger":
                lines += [f"[{section}.words.{column}]", *(f'"{schema.word(one)}" = "{one}"' for one in known)]
    return "\n".join(lines) + "\n"
