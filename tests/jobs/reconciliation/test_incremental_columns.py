"""A night differs from a full run only where docs/operators/history.md says so: every column of every input that is read in pieces, changed."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from mlm_audit.database.core.inputs import SOURCES, attribute_of
from mlm_audit.database.reads import mirror
from mlm_audit.database.reads.mirror import figures
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.inputs import INPUTS, STATES, Kind
from mlm_audit.jobs.reconciliation import incremental
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform
from tests.jobs.reconciliation.test_incremental_runs import nightly, same
from tests.support.sample import tried

Fill = Callable[[str, Platform], Engine]
DOCS = Path(__file__).parents[3] / "docs" / "operators" / "history.md"
PIECES = [name for name in INPUTS if name not in STATES]
CELLS = [(name, column) for name in PIECES for column in list(INPUTS[name].columns)[1:]]
WORDS = ("bonus", "pending", "approved", "remainder", "repurchase")


def table_of(name: str) -> Table:
    table = SOURCES[name].__table__
    assert isinstance(table, Table)
    return table


def column_of(name: str, column: str) -> Any:
    return table_of(name).c[getattr(SOURCES[name], attribute_of(name, column)).expression.name]


def others(kind: Kind, value: Any, another: Any) -> Iterator[Any]:
    """Other values of a cell: what a mistake or a hand may leave there."""
    yield None
    yield another
    if isinstance(value, dict):
        yield {**value, "scheduleId": int(value.get("scheduleId") or 0) + 1_000}
    elif kind is Kind.FLAG:
        yield not value
    elif kind is Kind.INSTANT:
        yield from (
            value + step
            for step in (timedelta(microseconds=1), timedelta(days=1), timedelta(days=30), timedelta(days=365))
        )
    elif isinstance(value, str):
        changed = str(int(value) + 1_000_000) if value.isdigit() else value.swapcase()
        yield from (changed, value + " ", value[:-1] + "~", "~" + value[1:], *WORDS)
    elif value is not None:
        yield from (value + 1, value - 1, -value, value * 10, value + 2**28)


def rows_with(
    connection: Connection, name: str, column: str, chance: random.Random, wanted: int
) -> list[tuple[int, Any]]:
    """Some rows by chance: their keys, and what the cell holds."""
    table, cell = table_of(name), column_of(name, column)
    found = connection.execute(select(table.c.id, cell).where(cell.is_not(None)).order_by(table.c.id)).all()
    return [(row[0], row[1]) for row in chance.sample(found, min(wanted, len(found)))]


def put(connection: Connection, name: str, column: str, key: int, value: Any) -> bool:
    """Change one cell; False where the database does not take the value."""
    table = table_of(name)
    try:
        with connection.begin_nested():
            connection.execute(update(table).where(table.c.id == key).values({column_of(name, column): value}))
    except DBAPIError:
        return False
    return True


def documented() -> set[tuple[str, str]]:
    """The columns that docs/operators/history.md lists as not compared at night."""
    section = (
        DOCS.read_text(encoding="utf-8").split("## What an incremental run does not compare", 1)[1].split("\n## ", 1)[0]
    )
    return {(table, column) for table, column in re.findall(r"^\| `(\w+)` \| `(\w+)` \|", section, flags=re.MULTILINE)}


@pytest.mark.slow
def test_every_cell_is_in_the_figures(any_url: str, filled: Fill) -> None:
    """Every value that a cell may get changes what the platform says of its piece; but of the columns that the docs list."""
    engine, blind = filled(any_url, clean_platform(60, 1, 4)), set()
    chance, tried = random.Random(15), 0
    with engine.connect() as connection:
        for name, column in CELLS:
            kind = INPUTS[name].columns[column]
            [(key, value), (_, another)] = rows_with(connection, name, column, chance, 2)
            before = figures(connection, name, 0, None)
            for other in others(kind, value, another):
                if other == value or not put(connection, name, column, key, other):
                    continue
                tried += 1
                if figures(connection, name, 0, None) == before:
                    blind.add((name, column))
                put(connection, name, column, key, value)
            assert figures(connection, name, 0, None) == before
        connection.rollback()
    assert tried > 3 * len(CELLS)
    assert blind == documented()


@pytest.mark.parametrize("distance", [1, 1_023, 1_024, 4_096, 131_072])
def test_rows_that_change_places(distance: int, sqlite_url: str, filled: Fill) -> None:
    """Whatever their distance: two members have each other's amount."""
    engine = filled(sqlite_url, clean_platform(60, 1, 4))
    with engine.connect() as connection:
        table = table_of("ledger")
        row = connection.execute(select(table).limit(1)).mappings().one()
        for number, amount in ((10**6, 5), (10**6 + distance, 9)):
            connection.execute(insert(table).values({**row, "id": number, "ref": None, "amount": amount}))
        before = figures(connection, "ledger", 0, None)
        connection.execute(text("update ledger set amount = 14 - amount where id >= 1000000"))
        assert figures(connection, "ledger", 0, None) != before
        connection.rollback()


@pytest.mark.slow
@pytest.mark.parametrize("name", PIECES)
def test_a_night_finds_what_a_full_run_finds_of_every_column(
    name: str, sqlite_url: str, filled: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Night after night another column is changed in several rows, at last rows are deleted and doubled."""
    monkeypatch.setattr(mirror, "PIECE_ROWS", 100)
    monkeypatch.setattr(mirror, "BATCH_ROWS", 100)
    monkeypatch.setattr(incremental, "WHOLE_FROM_SHARE", 0)
    engine, settings = filled(sqlite_url, clean_platform(60, 1, 4)), nightly(tmp_path)
    reconcile(engine, settings, lambda: NOW)
    chance = random.Random(name)
    nights = [
        lambda c, column=column: change(c, name, column, chance)
        for column in tried(list(INPUTS[name].columns)[1:], f"columns of {name}")
    ]
    for number, meddle in enumerate(
        [*nights, lambda c: delete_some(c, name, chance), lambda c: double(c, name, chance)]
    ):
        with engine.begin() as connection:
            meddle(connection)
        same(engine, settings, 0.1 + number / 10)


def change(connection: Connection, name: str, column: str, chance: random.Random) -> None:
    kind = INPUTS[name].columns[column]
    (_, another), *rows = rows_with(connection, name, column, chance, 7)
    for key, value in rows:
        # What is no time, or beyond the range of the amounts, stops a full run as well.
        choices = [other for other in others(kind, value, another) if other != value]
        put(connection, name, column, key, chance.choice(choices))


def delete_some(connection: Connection, name: str, chance: random.Random) -> None:
    table = table_of(name)
    ids = connection.execute(select(table.c.id).order_by(table.c.id)).scalars().all()
    connection.execute(delete(table).where(table.c.id.in_(chance.sample(list(ids), 2))))


def double(connection: Connection, name: str, chance: random.Random) -> None:
    """A row once more: long ago, in a gap of the ids, and now."""
    table = table_of(name)
    rows = connection.execute(select(table).order_by(table.c.id)).mappings().all()
    for number in (-1, connection.execute(select(func.max(table.c.id) + 1)).scalar_one()):
        row = dict(chance.choice(rows)) | {"id": number} | ({"ref": None} if name == "ledger" else {})
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(row))
        except DBAPIError:  # a table that has one row of its kind only
            continue
