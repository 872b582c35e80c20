"""What is read from a file, whatever its kind: its columns, its rows in chunks, and how many there were."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.format import FileFormat, shown

CHUNK = 50_000
PARQUET_ENDINGS = (".parquet", ".pq")


@dataclass(frozen=True)
class InputFile:
    """A file and how it is written."""

    path: Path
    format: FileFormat = field(default_factory=FileFormat)

    @property
    def is_csv(self) -> bool:
        """Whether it is read as CSV; Parquet files are told by their ending."""
        return self.path.suffix.lower() not in PARQUET_ENDINGS

    def where(self, line: int) -> str:
        """A place in the file, in words: a physical line of a CSV file, a row of a Parquet file, both from 1."""
        return f"line {line}" if self.is_csv else f"row {line}"


@dataclass(frozen=True)
class RowCount:
    """How many rows were read, and the independent count that they were compared with.

    Of a CSV file the records are counted from its bytes, of a Parquet file its own statistics are taken. The rest is about
    CSV files: physical lines, and which of them are no record of their own.
    """

    file: str
    rows: int
    records: int
    lines: int = 0
    header_line: int = 0
    skipped_lines: int = 0
    footer_lines: int = 0
    blank_lines: int = 0
    multi_line_records: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON; a Parquet file has no lines."""
        return {name: value for name, value in asdict(self).items() if self.lines or name in ("file", "rows", "records")}


class FileRows(Protocol):
    """An opened file."""

    columns: dict[str, str]
    """Names of the columns and their types; all of a CSV file are text."""

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """`line` (Int64), then the wanted columns, a chunk at a time; InputError for a row that is not sound."""

    def count(self) -> RowCount:
        """After the last chunk: InputError when the rows read are not the records of the file."""


def open_rows(source: InputFile) -> FileRows:
    """The named file and no other; InputError when it cannot be read."""
    from mlm_audit.engine.files.csv_rows import CsvRows
    from mlm_audit.engine.files.parquet_rows import ParquetRows

    if not source.path.is_file():
        kind = "it is no ordinary file" if source.path.exists() else "no such file"
        raise InputError(f"{shown(source.path)}: {kind}")
    try:
        rows: FileRows = CsvRows(source) if source.is_csv else ParquetRows(source)
    except OSError as error:
        raise InputError(f"{shown(source.path)}: it cannot be read ({error.strerror or error})") from error
    return rows


def refuse_two_of_a_name(path: Path, place: str, names: Sequence[str]) -> None:
    """InputError when two columns have one name, since either could be meant."""
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise InputError(f"{shown(path)}{place}: two columns are named {name!r}; rename or remove one of them")
        seen.add(name)


def refuse_miscount(path: Path, rows: int, records: int) -> None:
    """InputError when not every record was read, or one was read twice. No known file does this; it is checked all the same."""
    if rows != records:
        raise InputError(
            f"{shown(path)}: {rows} rows were read, but the file holds {records} records, so nothing was compared; "
            "if the file is being written, wait until it is complete"
        )
