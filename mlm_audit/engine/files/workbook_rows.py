"""Reads a sheet of an Excel workbook. A cell is read as the value that it holds, not as it is displayed."""

import datetime as dt
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import polars as pl
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import (
    InputFile,
    RowCount,
    in_chunks,
    refuse_miscount,
    refuse_two_of_a_name,
)
from mlm_audit.engine.files.format import FileKind, listed, refuse_options_of_others, shown

Cells = tuple[object, ...]
Sheet = Any
"""A sheet that is read row by row. The type hints of openpyxl describe only sheets that are held as a whole."""
UNREADABLE = (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError, EOFError)
"""What openpyxl raises for a file that is damaged or no workbook."""
EXACT = 1e13
"""Excel keeps 15 digits. An amount below this has its hundredths among them."""
EPOCH_TIME = dt.time()


class WorkbookRows:
    """An opened sheet; see FileRows. All columns are text: 1234.5 for a number, 2026-10-31 for a day.

    The header is the first row that is not blank, below the rows that the user skips.
    """

    def __init__(self, source: InputFile) -> None:
        self.path = source.path
        self.format = source.format
        refuse_options_of_others(source.path, source.format, FileKind.WORKBOOK)
        with self._sheet() as sheet:
            filled = [row for row, cells in _filled(sheet) if row > self.format.skip_lines]
            records = _counted(self.path, sheet)
        refuse_miscount(self.path, len(filled), sum(row > self.format.skip_lines for row in records))
        kept = filled[: len(filled) - self.format.skip_footer]
        if not kept:
            raise InputError(
                f"{shown(self.path)}: it has no rows; an empty file proves nothing, so nothing was compared"
            )
        self._first, self._last, self._records = kept[0], kept[-1], len(kept) - 1
        with self._sheet() as sheet:
            cells = next(cells for row, cells in _filled(sheet) if row == self._first)
        self.header = ["" if cell is None else str(cell).strip() for cell in cells]
        while self.header and not self.header[-1]:
            self.header.pop()
        refuse_two_of_a_name(self.path, f", row {self._first}", self.header)
        self.columns = dict.fromkeys((name for name in self.header if name), "VARCHAR")
        self._rows = 0

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield `line`, the number of the row in the sheet, and the wanted columns as text."""
        pick = [self.header.index(name) for name in wanted]
        with self._sheet() as sheet:
            records = ((row, cells) for row, cells in _filled(sheet) if self._first < row <= self._last)
            for part in in_chunks(records):
                self._rows += len(part)
                lines = pl.Series("line", [row for row, _ in part], dtype=pl.Int64)
                columns = [
                    pl.Series(name, [self._text(row, name, cells, at) for row, cells in part], dtype=pl.String)
                    for name, at in zip(wanted, pick, strict=True)
                ]
                yield pl.DataFrame([lines, *columns])

    def count(self) -> RowCount:
        """Return the counts of the rows read. Raise InputError unless they equal the rows with values in the sheet's XML."""
        refuse_miscount(self.path, self._rows, self._records)
        return RowCount(self.path.name, self._rows, self._records)

    def _text(self, row: int, name: str, cells: Cells, at: int) -> str | None:
        value = cells[at] if at < len(cells) else None
        if isinstance(value, float) and abs(value) >= EXACT:
            raise InputError(
                f"{shown(self.path)}, row {row}, column {shown(name)}: {value!r} has more digits than a workbook keeps exactly; "
                "export the sheet as text"
            )
        return as_text(value)

    @contextmanager
    def _sheet(self) -> Iterator[Sheet]:
        try:
            # A workbook that cannot be loaded leaves a file open that it opened by itself.
            with self.path.open("rb") as file:
                book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
                yield self._chosen(book.worksheets)
                book.close()
        except UNREADABLE as error:
            raise InputError(
                f"{shown(self.path)}: it cannot be read as a workbook ({error}); save it again, or save the sheet as CSV"
            ) from error

    def _chosen(self, sheets: Sequence[Sheet]) -> Sheet:
        names = [sheet.title for sheet in sheets]
        if self.format.sheet is None and len(sheets) == 1:
            return sheets[0]
        if self.format.sheet is None:
            raise InputError(f"{shown(self.path)}: it has {len(names)} sheets ({listed(names)}); name one with --sheet")
        if self.format.sheet not in names:
            raise InputError(f"{shown(self.path)}: there is no sheet {self.format.sheet!r}; it has {listed(names)}")
        return sheets[names.index(self.format.sheet)]


def as_text(value: object) -> str | None:
    """Return the value of a cell as the text that a CSV file would have. A number has the 15 digits that Excel keeps."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == EPOCH_TIME else value.isoformat(sep=" ")
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _counted(path: Path, sheet: Sheet) -> list[int]:
    """Return the numbers of the rows that have a value, told from the XML of the sheet without openpyxl."""
    rows, has_value, number = [], False, 0
    with zipfile.ZipFile(path) as book, book.open(sheet._worksheet_path) as xml:  # noqa: SLF001
        for _, element in iterparse(xml):
            name = element.tag.rpartition("}")[2]
            has_value |= name == "is" or (name == "v" and element.text is not None)
            if name == "row":
                number = int(element.get("r", number + 1))
                rows += [number] if has_value else []
                has_value = False
                element.clear()
    return rows


def _filled(sheet: Sheet) -> Iterator[tuple[int, Cells]]:
    """Yield the number and the cells of each row that is not blank."""
    # What the workbook says about its own size is often wrong.
    sheet.reset_dimensions()
    for row, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            yield row, cells
