"""What is read from a file of any kind: its columns, its rows in chunks, and the number of rows."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.compressed import ENDING
from mlm_audit.engine.files.format import FileFormat, FileKind, shown

CHUNK = 50_000
Record = TypeVar("Record")
ENDINGS = {
    FileKind.PARQUET: (".parquet", ".pq"),
    FileKind.JSON_LINES: (".jsonl", ".ndjson"),
    FileKind.WORKBOOK: (".xlsx", ".xlsm"),
}


@dataclass(frozen=True)
class InputFile:
    """A file and its format."""

    path: Path
    format: FileFormat = field(default_factory=FileFormat)

    @property
    def kind(self) -> FileKind:
        """Return what kind of file it is, which its ending says. Every unknown ending means CSV."""
        name = self.path.name.lower().removesuffix(ENDING)
        return next((kind for kind, endings in ENDINGS.items() if name.endswith(endings)), FileKind.CSV)

    @property
    def is_text(self) -> bool:
        """Return whether all columns are text, so that what an id is has to be told from its characters."""
        return self.kind is not FileKind.PARQUET

    @property
    def place(self) -> str:
        """Return what a record is counted by: the physical line of a text file, or the row of another file."""
        return "line" if self.kind in (FileKind.CSV, FileKind.JSON_LINES) else "row"

    def where(self, line: int) -> str:
        """Return a place in the file in words, such as line 7. Lines and rows start at 1."""
        return f"{self.place} {line}"


@dataclass(frozen=True)
class RowCount:
    """How many rows were read, and the independent count with which they were compared.

    The records of a text file are counted from its bytes. For a Parquet file, its own statistics are used; the rows of
    a workbook are counted in its XML. The other fields are about text files: physical lines, and which of them
    are not records of their own.
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
        """Return the counts for JSON. A Parquet file has no lines."""
        return {
            name: value for name, value in asdict(self).items() if self.lines or name in ("file", "rows", "records")
        }


class FileRows(Protocol):
    """An opened file."""

    def __init__(self, source: InputFile) -> None:
        """Open a file. Raise InputError when it is not what its ending says."""

    columns: dict[str, str]
    """The names and types of the columns. All columns of a CSV file are text."""

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield `line` (Int64) and the wanted columns, a chunk at a time.

        Raise InputError for a row that is not sound.
        """

    def count(self) -> RowCount:
        """Return the counts after the last chunk.

        Raise InputError when the rows read are not the records of the file.
        """


def open_rows(source: InputFile) -> FileRows:
    """Open the named file and no other. Raise InputError when it cannot be read."""
    from mlm_audit.engine.files.csv_rows import CsvRows
    from mlm_audit.engine.files.json_rows import JsonRows
    from mlm_audit.engine.files.parquet_rows import ParquetRows
    from mlm_audit.engine.files.workbook_rows import WorkbookRows

    readers: dict[FileKind, type[FileRows]] = {
        FileKind.CSV: CsvRows,
        FileKind.JSON_LINES: JsonRows,
        FileKind.PARQUET: ParquetRows,
        FileKind.WORKBOOK: WorkbookRows,
    }

    if not source.path.is_file():
        kind = "it is not a regular file" if source.path.exists() else "there is no such file"
        raise InputError(f"{shown(source.path)}: {kind}")
    try:
        return readers[source.kind](source)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{shown(source.path)}: it cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from error


def in_chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield the records in lists of at most CHUNK."""
    while part := list(islice(records, CHUNK)):
        yield part


def refuse_two_of_a_name(path: Path, place: str, names: Sequence[str]) -> None:
    """Raise InputError when two columns have the same name, since either could be meant."""
    seen: set[str] = set()
    for name in names:
        if name and name in seen:
            raise InputError(f"{shown(path)}{place}: two columns are named {name!r}; rename or remove one of them")
        seen.add(name)


def refuse_miscount(path: Path, rows: int, records: int) -> None:
    """Raise InputError when not every record was read, or one was read twice.

    No known file causes this, but it is checked nevertheless.
    """
    if rows != records:
        raise InputError(
            f"{shown(path)}: {rows} rows were read, but the file holds {records} records, so nothing was compared; "
            "if the file is being written, wait until it is complete"
        )
