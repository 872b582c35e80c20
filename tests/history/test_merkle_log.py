"""Canonical rows, Merkle trees and the log: each against a second way of writing it down, and against every small damage."""

import hashlib
import json
import string
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars._typing import PolarsDataType

from mlm_audit.domain.inputs import Kind
from mlm_audit.history.canonical import FIRST_COLUMNS, LEAF_PREFIXES, RowFormat
from mlm_audit.history.chain import START, ChainedLog, hash_of
from mlm_audit.history.merkle import EMPTY, climbed, proofs, root

AT = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = {
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.SMALL: st.integers(-(2**31), 2**31 - 1),
    Kind.TEXT: TEXT,
    Kind.FLAG: st.booleans(),
    Kind.INSTANT: st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
}
COLUMNS = (*FIRST_COLUMNS, ("is_late", Kind.FLAG), ("note", Kind.TEXT))
FORMATS = [RowFormat(number, columns) for number in LEAF_PREFIXES for columns in (FIRST_COLUMNS, COLUMNS)]
ROWS = st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in COLUMNS})
POLARS: dict[Kind, PolarsDataType] = {
    Kind.INT: pl.Int64,
    Kind.SMALL: pl.Int32,
    Kind.TEXT: pl.String,
    Kind.FLAG: pl.Boolean,
    Kind.INSTANT: pl.Datetime("us"),
}


def leaf(text: str) -> bytes:
    return RowFormat(2, FIRST_COLUMNS).leaf(text)


@pytest.mark.slow
@pytest.mark.parametrize("rows_as", FORMATS)
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
def test_a_row_has_one_text_in_sql_and_in_python(rows_as: RowFormat, rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema={name: POLARS[kind] for name, kind in COLUMNS}, orient="row")
    with duckdb.connect() as con:
        con.register("rows", frame.to_arrow())
        found = [digest for (digest,) in con.execute(f"select {rows_as.leaf_sql()} from rows").fetchall()]
    assert found == [rows_as.leaf(rows_as.canonical(row)).hex() for row in rows]


@given(st.lists(ROWS, min_size=2, max_size=2, unique_by=repr))
def test_different_rows_have_different_texts(rows: list[dict[str, object]]) -> None:
    rows_as = RowFormat(2, COLUMNS)
    assert rows_as.canonical(rows[0]) != rows_as.canonical(rows[1])


def test_the_first_format_is_what_it_always_was() -> None:
    """Frozen: by hand, for one row, with the prefixes of both formats."""
    values = (7, None, "bonus", -500, 3, "é", 0, None, datetime(2026, 10, 31, 18, 30))  # noqa: DTZ001
    row = dict(zip((name for name, _ in FIRST_COLUMNS), values, strict=True))
    text = "1:7-5:bonus4:-5001:32:é1:0-26:2026-10-31T18:30:00.000000"
    for number, prefix in ((1, b"row\n"), (2, b"\x00")):
        rows_as = RowFormat(number, FIRST_COLUMNS)
        assert rows_as.canonical(row) == text
        assert rows_as.leaf(text) == hashlib.sha256(prefix + text.encode()).digest()


def as_rfc_6962(leaves: Sequence[bytes]) -> bytes:
    """The definition, word by word: split at the largest power of two below the number of leaves."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + as_rfc_6962(leaves[:split]) + as_rfc_6962(leaves[split:])).digest()


@pytest.mark.parametrize("count", [*range(20), 63, 64, 65, 100])
def test_a_tree_proves_each_leaf_and_nothing_else(count: int) -> None:
    leaves = [leaf(str(number)) for number in range(count)]
    top = root(leaves)
    assert top == as_rfc_6962(leaves)
    siblings = proofs(leaves, range(count))
    for place in range(count):
        assert climbed(leaves[place], place, count, siblings[place]) == top
        assert climbed(leaf("another"), place, count, siblings[place]) != top
        for other in range(count + 1):  # also one that is not there
            assert (climbed(leaves[place], other, count, siblings[place]) == top) == (other == place), (
                "at its own place only"
            )
        assert climbed(leaves[place], place, count, [*siblings[place], leaves[0]]) is None
        assert root([*leaves[:place], leaf("another"), *leaves[place + 1 :]]) != top
    assert root([*leaves, leaf("one more")]) != top
    assert root([]) == EMPTY


def log_of(folder: Path, entries: int) -> ChainedLog:
    chain = ChainedLog(folder / "log.jsonl")
    for number in range(entries):
        chain.append("sealed", {"month": 202601 + number}, AT)
    return chain


def test_every_byte_of_the_log_counts(tmp_path: Path) -> None:
    chain = log_of(tmp_path, 3)
    whole, head = chain.path.read_bytes(), chain.read().head
    for place in range(len(whole)):
        chain.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        read = chain.read()
        assert read.problem or not read.knows(3, head), place
        chain.path.write_bytes(whole[:place] + whole[place + 1 :])
        read = chain.read()
        assert read.problem or not read.knows(3, head), place


def test_the_log_after_a_kill(tmp_path: Path) -> None:
    """An entry written in part counts as never written; the next takes its place."""
    chain = log_of(tmp_path, 2)
    whole = chain.path.read_bytes()
    chain.append("sealed", {"month": 202603}, AT)
    third = chain.path.read_bytes()[len(whole) :]
    for written in range(len(third)):
        chain.path.write_bytes(whole + third[:written])
        assert (len(chain.read().entries), chain.read().problem) == (2, "")
        chain.append("sealed", {"month": 202603}, AT)
        assert chain.path.read_bytes() == whole + third


def test_what_can_be_done_to_the_log(tmp_path: Path) -> None:
    chain = log_of(tmp_path, 4)
    lines, head = chain.path.read_bytes().splitlines(keepends=True), chain.read().head
    for changed, why in (
        (lines[1:], "entry 1 of log.jsonl: its number is 2"),
        ([lines[0], *lines[2:]], "entry 2"),
        ([lines[1], lines[0], *lines[2:]], "entry 1"),
        ([*lines, lines[3]], "entry 5"),
        ([*lines[:2], b"[]\n", *lines[2:]], "it is not a log entry"),
        ([*lines[:2], b"{\n"], "it is not valid JSON"),
    ):
        chain.path.write_bytes(b"".join(changed))
        assert why in chain.read().problem
        with pytest.raises(ValueError, match="entry"):
            chain.append("sealed", {}, AT)
    chain.path.write_bytes(b"".join(lines[:2]))
    assert not chain.read().problem, "an older copy is whole in itself"
    assert not chain.read().knows(4, head), "and does not know what came later"
    again = ChainedLog(tmp_path / "again.jsonl")
    for line in lines:
        body = json.loads(line)["body"]
        again.append("sealed", body | ({"month": 1} if body["month"] == 202602 else {}), AT)
    assert not again.read().problem, "chained anew it is whole in itself"
    assert not again.read().knows(4, head), "and has another head"
    assert again.read().knows(0, START)


def test_a_hash_is_of_the_content_alone() -> None:
    fields = {"number": 1, "at": "x", "kind": "sealed", "body": {"b": 1, "a": string.printable}, "before": START}
    assert hash_of(fields) == hash_of(dict(reversed(fields.items())))
    assert (
        hash_of(fields)
        == hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    )
