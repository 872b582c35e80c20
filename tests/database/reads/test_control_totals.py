"""Control totals on a database: exact figures, or one clear line."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.reads.control_totals import read_control_totals
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.mapping import load_mapping
from tests.platforms.test_mapping import SOUND, TOTAL, written


def compared(url: str, opened: Callable[[str], Engine], folder: Path, *changes: tuple[str, str]) -> dict[str, object]:
    total = TOTAL
    for change in changes:
        assert change[0] in total
        total = total.replace(*change)
    engine = opened(url)
    with engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote("totalAmount")
        connection.execute(sa.text(f"create table pools ({quote} decimal(12, 2), at varchar(9))"))
        connection.execute(sa.text("create table entries (value decimal(12, 2))"))
        connection.execute(sa.text("insert into pools values (100, '10:30'), (25, null)"))
        connection.execute(sa.text("insert into entries values (20), (80)"))
    frame = read_control_totals(engine, load_mapping(written(folder, SOUND + total)))
    assert frame is not None
    return frame.row(0, named=True)


def test_the_figures_on_every_database(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    quoted = "'select sum(\"totalAmount\") from pools'"
    known = compared(any_url, opened, tmp_path, (quoted, f"''{quoted[:-1]} where at is null or at <> ':x' '''"))
    assert (known["expected_text"], known["found_text"], known["off_text"]) == ("₹1.25", "₹1.00", "₹0.25 too little")
    assert (known["off_paisa"], known["is_equal"]) == (-25, False)


@pytest.mark.parametrize(
    ("changes", "off"),
    [
        ([('unit = "minor"', 'unit = "major"')], "₹25.00 too little"),
        (
            [('unit = "minor"', 'unit = "rows"'), ('sum("totalAmount")', "count(*)"), ("sum(value)", "count(*)")],
            "0 rows missing",
        ),
        ([('unit = "minor"', 'unit = "rows"'), ('sum("totalAmount")', "1"), ("sum(value)", "count(*)")], "InputError"),
        ([("sum(value) from entries", "sum(value) from entries where value > 99")], "₹1.25 too little"),
    ],
)
def test_units_and_nothing(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path, changes: list[tuple[str, str]], off: str
) -> None:
    if off == "InputError":
        with pytest.raises(InputError, match="the query must give one figure, in one row and one column"):
            compared(sqlite_url, opened, tmp_path, *changes)
        return
    known = compared(sqlite_url, opened, tmp_path, *changes)
    assert known["off_text"] == off
    assert known["is_equal"] == (off == "0 rows missing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("from entries", "from nowhere"),
            "control total 'pools', found: the query cannot be run (no such table: nowhere)",
        ),
        (("sum(value)", "value"), "found: the query must give one figure, in one row and one column"),
        (("sum(value)", "'much'"), "found: 'much' is not usable: it is not a number"),
        (("sum(value)", "1.005"), "found: 1.005 is not usable: it is not a whole number of minor units"),
    ],
)
def test_answers_that_are_no_figure(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    changes = [change] if change[0] != "sum(value)" or change[1] == "value" else [change, ("from entries", "")]
    with pytest.raises(InputError) as refusal:
        compared(sqlite_url, opened, tmp_path, *changes)
    assert words in str(refusal.value)
