"""A hundred thousand hostile files against an oracle that reads with Python's `csv`: the same rows, or one clear refusal."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import InputFile, open_rows
from mlm_audit.engine.files.ledgers import amount_columns, exact_rows
from tests.support.file_oracle import Refused, oracle_rows
from tests.support.hostile_files import Hostile, Maker

SEED = int(os.environ.get("HOSTILE_SEED", "20261129"))
SHARE = 1_000
"""CI reads so many; `pytest -m thorough tests/engine/files` reads 99 further parts of as many."""
PARTS = [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in range(1, 100))]


def read(path: Path, made: Hostile) -> list[tuple[int, str, int]]:
    source = InputFile(path, made.format)
    rows = open_rows(source)
    columns = amount_columns(source, rows, {"member_id": "account_id", **made.columns}, "amount")
    found = [
        (line, member, int(paisa))
        for chunk in exact_rows(source, rows, columns)
        for line, member, paisa in chunk.select("line", "member_id", "paisa").iter_rows()
    ]
    count = rows.count()
    assert count.rows == count.records == len(found)
    if not found:
        raise InputError(f"{path}: it has no rows")
    return found


def judged(made: Hostile, path: Path, seed: int) -> str:
    """What became of the file; fails when it was misread, or refused without a cause."""
    try:
        expected: list[tuple[int, str, int]] | None = oracle_rows(made.data, made.format, list(made.columns))
    except Refused:
        expected = None
    try:
        found = read(path, made)
    except InputError as error:
        line = str(error)
        assert "\n" not in line, (seed, line)
        assert line.startswith(str(path)), (seed, line)
        assert made.kind != "sound", (seed, line, made.data)
        if made.fault_line is not None:
            assert re.search(rf"\bline {made.fault_line}\b", line), (seed, made.fault, made.fault_line, line, made.data)
        return "refused"
    assert made.kind != "faulty", (seed, made.fault, made.data)
    assert found == expected, (seed, made.kind, made.format, made.data)
    if made.kind == "sound":
        assert found == made.rows, (seed, made.data)
    return "read"


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_no_csv_file_is_misread(part: int, tmp_path: Path, record_property) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(part * SHARE, (part + 1) * SHARE):
        made = Maker(SEED * 1_000_003 + number).make()
        path = made.write(tmp_path)
        seen[made.kind, judged(made, path, number)] += 1
        path.unlink()
    assert sum(seen.values()) == SHARE
    assert seen["sound", "read"] > SHARE * 0.2
    assert seen["faulty", "refused"] > SHARE * 0.2
    assert seen["damaged", "read"] > SHARE * 0.05, "a reader that refuses whatever was damaged proves nothing"
    assert seen["damaged", "refused"] > SHARE * 0.05
    told = ", ".join(f"{count} {kind} {what}" for (kind, what), count in sorted(seen.items()))
    record_property("seen", f"hostile CSV files, seed {SEED}, part {part:03d}: {told}")
