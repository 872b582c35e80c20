"""Hostile Parquet files: the rows that were put into them, or one clear refusal that names the row."""

from collections import Counter
from pathlib import Path

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import InputFile, open_rows
from mlm_audit.engine.files.ledgers import amount_columns, exact_rows
from tests.engine.files.test_hostile_files import SEED
from tests.support.hostile_parquet import ParquetFile, make

SHARE = 200
PARTS = [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in range(1, 50))]


def judged(path: Path, made: ParquetFile, seed: int) -> str:
    """What became of the file; fails when it was misread, or refused without a cause."""
    source = InputFile(path)
    try:
        rows = open_rows(source)
        chunks = list(exact_rows(source, rows, amount_columns(source, rows, {}, "amount")))
    except InputError as error:
        line = str(error)
        assert made.rows is None, (seed, line, made.table)
        assert line.startswith(str(path)), (seed, line)
        assert "\n" not in line, (seed, line)
        if made.fault_row is not None:
            assert f"row {made.fault_row}, column" in line, (seed, line, made.table)
        return "refused"
    found = [
        (row, member, int(paisa))
        for chunk in chunks
        for row, member, paisa in chunk.select("line", "member_id", "paisa").iter_rows()
    ]
    assert found == made.rows, (seed, made.table)
    count = rows.count()
    assert count.rows == count.records == len(found)
    return "read"


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_no_parquet_file_is_misread(part: int, tmp_path: Path, record_property) -> None:
    seen: Counter[str] = Counter()
    for number in range(part * SHARE, (part + 1) * SHARE):
        made = make(SEED * 1_000_003 + number)
        path = made.write(tmp_path)
        seen[judged(path, made, number)] += 1
        path.unlink()
    assert min(seen["read"], seen["refused"]) > SHARE * 0.2
    record_property(
        "seen", f"hostile Parquet files, seed {SEED}, part {part:02d}: {seen['read']} read, {seen['refused']} refused"
    )
