"""Reads a CSV file record by record with Python's `csv`, strictly.

Every record becomes a row, or the file is refused with the line of the fault.
"""

import csv
import re
from _csv import Reader
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TextIO

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.compressed import open_text
from mlm_audit.engine.files.csv_scan import CsvScan, scan_csv
from mlm_audit.engine.files.file_records import CHUNK, InputFile, RowCount, refuse_miscount, refuse_two_of_a_name
from mlm_audit.engine.files.format import FileFormat, FileKind, refuse_options_of_others, shown

Block = tuple[Sequence[int], list[list[str]]]
"""The physical lines on which records start, and their fields. A blank line has no fields."""

NEAR_THE_END = 20
SHOWN_CHARACTERS = 60
AMOUNT_LIKE = re.compile(r"[^A-Za-z]*[0-9][^A-Za-z]*")


class CsvRows:
    """An opened CSV file. `columns` are those of its header; see FileRows."""

    def __init__(self, source: InputFile) -> None:
        self.source = source
        self.path = source.path
        self.format = source.format
        refuse_options_of_others(source.path, source.format, FileKind.CSV)
        self.scan: CsvScan = scan_csv(source.path, source.format)
        self._rows = self._long = 0
        self.header: list[str] = []
        self._header_line, self.header = self._read_header()
        refuse_two_of_a_name(self.path, f", line {self._header_line}", self.header)
        self.columns = dict.fromkeys(self.header, "VARCHAR")

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield `line` and the wanted columns as text.

        The rows before an unsound one are given first, so that the first fault of the file is reported.
        """
        pick = [self.header.index(name) for name in wanted]
        with self._open() as file:
            lines = islice(file, self._header_end, self.scan.last)
            records = (
                self._quoted_records(lines) if self.scan.quoted and self.format.quote else self._plain_records(lines)
            )
            yield from self._frames(records, wanted, pick)

    def count(self) -> RowCount:
        """Return the counts of the rows read.

        Raise InputError unless they equal the records counted from the bytes, less the header.
        """
        refuse_miscount(self.path, self._rows, self.scan.records - 1)
        return RowCount(
            file=self.path.name,
            rows=self._rows,
            records=self.scan.records - 1,
            lines=self.scan.lines,
            header_line=self._header_line,
            skipped_lines=self.format.skip_lines,
            footer_lines=self.scan.lines - self.scan.last,
            blank_lines=self.scan.blank_lines,
            multi_line_records=self._long,
        )

    def _open(self) -> TextIO:
        return open_text(self.path, self.format.codec)

    def _reader(self, lines: Iterable[str]) -> Reader:
        mark, quote = self.format.delimiter, self.format.quote
        if quote is None:
            return csv.reader(lines, delimiter=mark, quotechar=None, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(lines, delimiter=mark, quotechar=quote, strict=True)

    def _read_header(self) -> tuple[int, list[str]]:
        self._header_end = self.format.skip_lines
        with self._open() as file:
            for start, fields, end in self._strict(
                islice(file, self.format.skip_lines, self.scan.last), self._header_end
            ):
                if fields:
                    self._header_end = end
                    return start, [name.strip() for name in fields]
        raise InputError(f"{shown(self.path)}: it has no rows; an empty file proves nothing, so nothing was compared")

    def _strict(self, lines: Iterator[str], before: int) -> Iterator[tuple[int, list[str], int]]:
        """Yield each record with its first and last line.

        Quotes must follow RFC 4180, and blank lines are empty records.
        """
        raw: list[str] = []
        reader = self._reader(_kept(lines, raw))
        sound = _well_quoted(self.format)
        end = before
        while True:
            start = end + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise InputError(self._quote_fault(start, before + reader.line_num, error)) from error
            if fields is None:
                return
            end = before + reader.line_num
            text = "".join(raw)
            if self.format.quote and self.format.quote in text and sound.fullmatch(text) is None:
                raise InputError(
                    f"{shown(self.path)}, line {start}: there is a stray quote ({self.format.quote}); remove it, or enclose the field "
                    "in quotes and double the quote, or give --quote none if quotes have no meaning in this file"
                )
            if len(raw) > 1:
                self._long += bool(self.header)
                self._refuse_swallowed(raw, len(fields), start)
            raw.clear()
            yield start, fields, end

    def _quote_fault(self, start: int, line: int, error: csv.Error) -> str:
        if "after" in str(error):
            return (
                f"{shown(self.path)}, line {line}: there is a stray quote ({self.format.quote}) inside a quoted field; double it, "
                "or give --quote none if quotes have no meaning in this file"
            )
        if "end of data" in str(error):
            return (
                f"{shown(self.path)}, line {start}: there is a stray quote ({self.format.quote}) that is never closed; "
                "remove it, or double it"
            )
        return f"{shown(self.path)}, line {start}: a field is too long ({error}); a quote may be missing or superfluous"

    def _refuse_swallowed(self, raw: list[str], width: int, start: int) -> None:
        """Raise InputError if a stray quote joined several lines, which is so when each of them looks like a record."""
        parts = [line.rstrip("\r\n").split(self.format.delimiter) for line in raw]
        if "quote" in self.format.given or any(len(fields) != width for fields in parts):
            return
        if width == 2 or any(all(map(AMOUNT_LIKE.fullmatch, column)) for column in zip(*parts, strict=True)):
            raise InputError(
                f"{shown(self.path)}, line {start}: a stray quote ({self.format.quote}) joins lines {start} to {start + len(raw) - 1}, each of "
                "which looks like a record; remove it, or give --quote double if it encloses one field of several lines"
            )

    def _quoted_records(self, lines: Iterator[str]) -> Iterator[Block]:
        starts: list[int] = []
        rows: list[list[str]] = []
        try:
            for start, fields, _ in self._strict(lines, self._header_end):
                starts.append(start)
                rows.append(fields)
                if len(rows) == CHUNK:
                    yield starts, rows
                    starts, rows = [], []
        except InputError:
            yield starts, rows  # the rows above the fault, which may have a fault of their own
            raise
        yield starts, rows

    def _plain_records(self, lines: Iterator[str]) -> Iterator[Block]:
        """Yield blocks of records. Without quotes a record is a line, so that blocks of lines are read at once."""
        line = self._header_end + 1
        while block := list(islice(lines, CHUNK)):
            try:
                rows = list(self._reader(block))
            except csv.Error as error:
                long = next((at for at, text in enumerate(block) if len(text) > csv.field_size_limit()), 0)
                raise InputError(f"{shown(self.path)}, line {line + long}: a field is too long ({error})") from error
            refuse_miscount(self.path, len(rows), len(block))
            yield range(line, line + len(block)), rows
            line += len(block)

    def _frames(self, blocks: Iterator[Block], wanted: Sequence[str], pick: Sequence[int]) -> Iterator[pl.DataFrame]:
        width, names = {len(self.header)}, frozenset(self.header)
        for block in blocks:
            lines, rows = block
            fault = None
            if set(map(len, rows)) - width:
                lines, rows, fault = self._sound(lines, rows)
            if (
                not names.isdisjoint(map(itemgetter(pick[0]), rows))
                and (again := self._second_header(rows)) is not None
            ):
                lines, rows, fault = lines[:again], rows[:again], self._header_again(lines[again])
            self._rows += len(rows)
            if rows:
                yield _frame(lines, rows, wanted, pick)
            if fault is not None:
                raise InputError(fault)

    def _sound(self, lines: Sequence[int], rows: list[list[str]]) -> tuple[list[int], list[list[str]], str | None]:
        """Return the rows without blank lines, up to the first of another width, and what is wrong with that one."""
        sound: list[tuple[int, list[str]]] = []
        fault = None
        for line, fields in zip(lines, rows, strict=True):
            if len(fields) == len(self.header):
                sound.append((line, fields))
            elif fields:
                fault = self._wrong_width(line, fields)
                break
        return [line for line, _ in sound], [fields for _, fields in sound], fault

    def _second_header(self, rows: list[list[str]]) -> int | None:
        names = frozenset(self.header)
        return next((at for at, fields in enumerate(rows) if names.issuperset(field.strip() for field in fields)), None)

    def _header_again(self, line: int) -> str:
        return f"{shown(self.path)}, line {line}: the header is repeated; two exports were joined, so separate them or remove the line"

    def _wrong_width(self, line: int, fields: list[str]) -> str:
        names = {name.casefold() for name in self.header if name}
        if len(fields) > 1 and len(names & {field.strip().casefold() for field in fields}) > 1:
            found = self.format.delimiter.join(fields)[:SHOWN_CHARACTERS]
            return (
                f"{shown(self.path)}, line {line}: there is a second header ({shown(found)}) with {_fields(len(fields))}, while the first has "
                f"{len(self.header)}; two exports were joined, so separate them"
            )
        message = (
            f"{shown(self.path)}, line {line}: the line has {_fields(len(fields))}, "
            f"while the header (line {self._header_line}) has {len(self.header)}"
        )
        return f"{message}; correct the line{self.footer_hint(line)}"

    def footer_hint(self, line: int) -> str:
        """Return a hint for a fault near the end of the file, where totals and row counts are."""
        left = self.scan.last - line + 1
        if left > NEAR_THE_END:
            return ""
        return (
            f", or give --skip-footer {left + self.format.skip_footer} if it is not a record but the end of the export"
        )


def _frame(lines: Sequence[int], rows: list[list[str]], wanted: Sequence[str], pick: Sequence[int]) -> pl.DataFrame:
    data = {"line": pl.Series(lines, dtype=pl.Int64)}
    data |= {
        name: pl.Series(list(map(itemgetter(at), rows)), dtype=pl.String) for name, at in zip(wanted, pick, strict=True)
    }
    return pl.DataFrame(data)


def _kept(lines: Iterator[str], raw: list[str]) -> Iterator[str]:
    for line in lines:
        raw.append(line)
        yield line


def _fields(count: int) -> str:
    return f"{count} field" + ("" if count == 1 else "s")


def _well_quoted(chosen: FileFormat) -> re.Pattern[str]:
    """Return a pattern for a record whose quotes follow RFC 4180: around a whole field, and doubled inside it."""
    quote, delimiter = re.escape(chosen.quote or '"'), re.escape(chosen.delimiter)
    field = f"(?:{quote}(?:[^{quote}]|{quote}{quote})*+{quote}|[^{quote}{delimiter}\r\n]*+)"
    return re.compile(f"{field}(?:{delimiter}{field})*+[\r\n]*+")
