r"""Counts the lines and records of a CSV file from its bytes, without a CSV reader.

The reader must give the same counts. A line ends with `\n`, `\r\n` or `\r`. A record ends with a line end that follows
an even number of quotes, unless the line is empty.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.compressed import open_bytes, open_text
from mlm_audit.engine.files.format import FileFormat, shown

BLOCK = 1 << 20
LF, CR = 10, 13
UTF8_MARK = b"\xef\xbb\xbf"
MARK_AT_A_LINE = re.compile(rb"(?:[\r\n]|\A)\xef\xbb\xbf")
SIGNATURES = {
    b"PAR1": "it is a Parquet file; give it a name that ends in .parquet",
    b"PK\x03\x04": "it is a workbook or a ZIP archive; save the sheet as CSV, or unpack it",
    b"\x1f\x8b": "it is compressed; give it a name that ends in .gz, or unpack it",
    b"\x28\xb5\x2f\xfd": "it is compressed; unpack it first",
    b"\xd0\xcf\x11\xe0": "it is an old workbook; save the sheet as CSV",
}
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class CsvScan:
    """The physical lines of the file, the first and last line that are read, and their records with the header."""

    lines: int
    first: int
    last: int
    records: int
    blank_lines: int
    quoted: bool
    """Whether there is a quote character anywhere in the file."""


def scan_csv(path: Path, chosen: FileFormat) -> CsvScan:
    """Count a file. Raise InputError if it is not text in its encoding, or contains null bytes."""
    _refuse_other_kinds(path, chosen)
    last = _line_before_footer(path, chosen) if chosen.skip_footer else None
    scan = _Counter(chosen, last)
    for block in _blocks(path, chosen):
        _refuse_marks_and_nulls(path, block, scan.lines)
        scan.add(block)
    if scan.lines <= chosen.skip_lines and chosen.skip_lines:
        lines = "1 line" if scan.lines == 1 else f"{scan.lines} lines"
        raise InputError(f"{shown(path)}: it has {lines}, so --skip-lines {chosen.skip_lines} leaves none to read")
    return CsvScan(
        scan.lines, chosen.skip_lines + 1, scan.lines if last is None else last, scan.records, scan.blank, scan.quoted
    )


class _Counter:
    """Counts of the blocks that were added so far."""

    def __init__(self, chosen: FileFormat, last: int | None) -> None:
        self.lines = self.records = self.blank = 0
        self.quoted = False
        self._odd = 0
        self._skip = chosen.skip_lines
        self._last = last
        self._quote = None if chosen.quote is None else ord(chosen.quote)

    def add(self, block: bytes) -> None:
        """Count one block of whole lines."""
        data = np.frombuffer(block, np.uint8)
        ends = line_ends(data)
        numbers = np.arange(self.lines + 1, self.lines + 1 + len(ends))
        is_read = numbers > self._skip
        if self._last is not None:
            is_read &= numbers <= self._last
        closed = np.ones(len(ends), np.bool_)
        if self._quote is not None and bytes([self._quote]) in block:
            self.quoted = True
        if self._quote is not None and self.quoted:
            closed = self._closed(data, ends, int((numbers <= self._skip).sum()))
        empty = is_empty(data, ends)
        self.records += int((is_read & closed & ~empty).sum())
        self.blank += int((is_read & closed & empty).sum())
        self.lines += len(ends)

    def _closed(self, data: NDArray[np.uint8], ends: NDArray[np.int64], skipped: int) -> NDArray[np.bool_]:
        marks = data == self._quote
        if skipped:
            marks[: int(ends[skipped - 1]) + 1] = False
        before = np.cumsum(marks, dtype=np.int64)[ends] + self._odd
        self._odd = int(before[-1]) & 1 if len(before) else self._odd
        closed: NDArray[np.bool_] = before & 1 == 0
        return closed


def line_ends(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the positions of the last byte of each line.

    A last line without a line end counts, and ends at the last byte.
    """
    is_end = data == LF
    returns = data == CR
    if returns.any():
        lone = returns.copy()
        lone[:-1] &= data[1:] != LF
        is_end |= lone
    ends = np.flatnonzero(is_end).astype(np.int64)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data) - 1)
    return ends


def is_empty(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which lines contain nothing but their line end."""
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))[: len(ends)]
    first = data[starts]
    # A line that begins with `\n` or `\r` ends there.
    empty: NDArray[np.bool_] = (first == LF) | (first == CR)
    return empty


def _blocks(path: Path, chosen: FileFormat) -> Iterator[bytes]:
    """Yield the text as UTF-8 in blocks of whole lines, without the byte order mark at its start."""
    raw = _utf8_blocks(path) if chosen.encoding == "utf-8" else _decoded(path, chosen.encoding)
    rest, line, is_first = b"", 0, True
    for part in raw:
        data = rest + part
        if is_first and len(data) >= len(UTF8_MARK):
            data, is_first = data.removeprefix(UTF8_MARK), False
        cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
        block, rest = data[:cut], data[cut:]
        if block:
            line += _checked(path, block, line, chosen)
            yield block
    if rest:
        _checked(path, rest, line, chosen)
        yield rest


def _checked(path: Path, block: bytes, line: int, chosen: FileFormat) -> int:
    """Return the number of lines in a block. Raise InputError when it is not UTF-8."""
    data = np.frombuffer(block, np.uint8)
    try:
        if not block.isascii():
            block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{shown(path)}, line {line + _line_of(block, error.start)}: it is not {chosen.encoding.upper()} text (byte {block[error.start]:#04x}); save the file as UTF-8, "
            "or name its encoding, such as --encoding cp1252 or --encoding utf-16"
        ) from error
    return len(line_ends(data))


def _utf8_blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as file:
        while part := file.read(BLOCK):
            yield part


def _decoded(path: Path, encoding: str) -> Iterator[bytes]:
    try:
        with open_text(path, encoding) as file:
            while part := file.read(BLOCK):
                yield part.encode("utf-8")
    except UnicodeError as error:
        raise InputError(
            f"{shown(path)}: it is not text in {encoding} ({error}); name its encoding with --encoding"
        ) from error


def _refuse_other_kinds(path: Path, chosen: FileFormat) -> None:
    with open_bytes(path) as file:
        start = file.read(8)
    if not start:
        raise InputError(f"{shown(path)}: it is empty; an empty file proves nothing, so nothing was compared")
    for signature, cure in SIGNATURES.items():
        if start.startswith(signature):
            raise InputError(f"{shown(path)}: {cure}")
    if start.startswith(UTF16_MARKS) and chosen.encoding != "utf-16":
        raise InputError(f"{shown(path)}: it is UTF-16 text; give --encoding utf-16, or save it as UTF-8")


def _refuse_marks_and_nulls(path: Path, block: bytes, lines: int) -> None:
    null = block.find(b"\0")
    if null >= 0:
        raise InputError(
            f"{shown(path)}, line {lines + _line_of(block, null)}: there is a null byte; export the file again, "
            "or name its encoding, such as --encoding utf-16"
        )
    if UTF8_MARK in block and (match := MARK_AT_A_LINE.search(block)) and (lines or match.start()):
        line = lines + _line_of(block, match.end() - 1)
        raise InputError(
            f"{shown(path)}, line {line}: there is a second byte order mark; two files were joined, so separate them"
        )


def _line_of(block: bytes, position: int) -> int:
    data = np.frombuffer(block, np.uint8)
    return int((line_ends(data) < position).sum()) + 1


def _line_before_footer(path: Path, chosen: FileFormat) -> int:
    """Return the last line that is read when the last `skip_footer` lines that are not empty are left out."""
    lines, kept = 0, np.zeros(0, np.int64)
    for block in _blocks(path, chosen):
        data = np.frombuffer(block, np.uint8)
        ends = line_ends(data)
        filled = np.flatnonzero(~is_empty(data, ends)) + lines + 1
        kept = np.concatenate((kept, filled))[-chosen.skip_footer :]
        lines += len(ends)
    if len(kept) < chosen.skip_footer or kept[0] <= chosen.skip_lines + 1:
        raise InputError(f"{shown(path)}: --skip-footer {chosen.skip_footer} leaves no line to read")
    return int(kept[0]) - 1
