"""The same facts under other tables, columns, units, words and ledgers are read as the same facts, fault for fault."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.mapped_tables import attach
from mlm_audit.database.reads.inspection import inspect_platform, proposed
from mlm_audit.demo.faults import FAULTS
from mlm_audit.demo.faults.injector import inject
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.keys import number_of_key
from mlm_audit.platforms.mapping import load_mapping
from tests.conftest import clean_platform
from tests.support.other_platforms import FRENCH, KEYED, LOCAL, SHOUTING, Schema, build, frames_of, is_key, key_text


@pytest.mark.parametrize("schema", [SHOUTING, FRENCH, LOCAL], ids=lambda schema: schema.name)
def test_a_platform_under_another_schema(
    schema: Schema,
    any_url: str,
    filled: Callable[[str, Platform], Engine],
    opened: Callable[[str], Engine],
    tmp_path: Path,
) -> None:
    known = filled(f"sqlite:///{tmp_path / 'known.db'}", faulty())
    frames = frames_of(known, tmp_path / "known")
    text = build(opened(any_url), frames, schema)
    file = tmp_path / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    reader = open_engine(any_url, read_only=True)
    attach(reader, load_mapping(str(file)))
    found = frames_of(reader, tmp_path / "found")
    reader.dispose()
    for name, frame in frames.items():
        first = frame.columns[0]
        assert_frame_equal(found[name].sort(first), frame.sort(first))


def test_a_platform_whose_keys_are_texts(
    any_url: str,
    filled: Callable[[str, Platform], Engine],
    opened: Callable[[str], Engine],
    tmp_path: Path,
) -> None:
    """Every row has the number of its key, in each table in which it is named."""
    known = filled(f"sqlite:///{tmp_path / 'known.db'}", faulty())
    frames = frames_of(known, tmp_path / "known")
    file = tmp_path / "mapping.toml"
    file.write_text(build(opened(any_url), frames, KEYED), encoding="utf-8")
    reader = open_engine(any_url, read_only=True)
    attach(reader, load_mapping(str(file)))
    found = frames_of(reader, tmp_path / "found")
    reader.dispose()
    for name, frame in frames.items():
        named = [column for column in frame.columns if is_key(column, frame[column]) and column != "reference_id"]
        keys = [_numbers(frame[column]) for column in named]
        unread = _of_ledger(frame) if name == "ledger" else []
        expected = frame.with_columns(*keys, *unread)
        assert_frame_equal(found[name].sort(frame.columns), expected.sort(frame.columns))


def _of_ledger(frame: pl.DataFrame) -> list[pl.Series]:
    rows = zip(frame["type"], frame["reference_id"], strict=True)
    references = [number_of_key(text) if (text := key_text(kind, ref, KEYED)) else None for kind, ref in rows]
    return [
        pl.Series("reference_id", references, pl.Int64),
        pl.Series("balance_after_paisa", [None] * frame.height, pl.Int64),
    ]


def _numbers(keys: pl.Series) -> pl.Series:
    numbers = [None if one is None else number_of_key(str(KEYED.key(one))) for one in keys]
    return pl.Series(keys.name, numbers, keys.dtype)


def test_the_standard_platform_read_through_its_own_mapping(
    any_url: str, filled: Callable[[str, Platform], Engine], tmp_path: Path
) -> None:
    known = filled(any_url, faulty())
    frames = frames_of(known, tmp_path / "known")
    reader = open_engine(any_url, read_only=True)
    attach(reader, load_mapping("standard"))
    found = frames_of(reader, tmp_path / "found")
    reader.dispose()
    for name, frame in frames.items():
        assert_frame_equal(found[name], frame)


def faulty() -> Platform:
    """Return a platform with every kind of fault."""
    platform = clean_platform(members=600).copy()
    inject(platform, dict.fromkeys(FAULTS, 1), FAULTS, seed=3, exact=False)
    return platform


@pytest.mark.slow
def test_inspection_finds_a_ledger_with_credit_and_debit(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """Every wallet, the sections and their columns, under names in capitals and amounts in rupees."""
    frames = frames_of(filled(f"sqlite:///{tmp_path / 'known.db'}", clean_platform(members=300)), tmp_path / "known")
    text = build(opened(sqlite_url), frames, SHOUTING)
    (tmp_path / "written.toml").write_text(text, encoding="utf-8")
    written = load_mapping(str(tmp_path / "written.toml"))
    reader = open_engine(sqlite_url, read_only=True)
    found = proposed(inspect_platform(reader))
    reader.dispose()
    assert (found.users.name, found.agreeing) == ("TBL_USERS", found.members)
    [ledger] = found.ledger
    assert (ledger.name, ledger.amounts, ledger.unit) == ("TBL_LEDGER", ("credit", "debit"), "major")
    assert (ledger.columns["credit"], ledger.columns["debit"]) == ("CREDIT_", "DEBIT_")
    assert {kind.sign for kind in ledger.kinds} == {1}
    assert found.inputs is not None
    for one in found.inputs.sections:
        assert one.table == written.inputs[one.section].table
        assert one.columns.items() <= written.inputs[one.section].columns.items()
    assert {one.section for one in found.inputs.sections} == {
        "orders", "hierarchy", "commissions", "withdrawals", "matrix_nodes", "payout_schedule"
    }  # fmt: skip
