"""Reads a file of JSON lines: one object on each line, as APIs and log stores export them.

Numbers are read as they are written, so that no amount becomes a float.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.compressed import open_text
from mlm_audit.engine.files.csv_scan import scan_csv
from mlm_audit.engine.files.file_records import InputFile, RowCount, in_chunks, refuse_miscount
from mlm_audit.engine.files.format import FileKind, refuse_options_of_others, shown

Record = dict[str, Any]
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a pair by which JSON may write a character. Alone it is no text."""


class JsonRows:
    """An opened file of JSON lines; see FileRows. Its columns are the keys of all records; an absent key is empty."""

    def __init__(self, source: InputFile) -> None:
        self.path = source.path
        self.format = source.format
        refuse_options_of_others(source.path, source.format, FileKind.JSON_LINES)
        self.scan = scan_csv(source.path, replace(source.format, quote=None))
        self._rows = 0
        self.columns = dict.fromkeys((key for _, record in self._records() for key in record), "VARCHAR")

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield `line` and the wanted columns as text. Raise InputError for a value that has parts of its own."""
        for part in in_chunks(self._records()):
            self._rows += len(part)
            lines = pl.Series("line", [line for line, _ in part], dtype=pl.Int64)
            yield pl.DataFrame([lines, *(self._column(name, part) for name in wanted)])

    def count(self) -> RowCount:
        """Return the counts of the rows read. Raise InputError unless they equal the lines that are not blank."""
        refuse_miscount(self.path, self._rows, self.scan.records)
        return RowCount(
            file=self.path.name,
            rows=self._rows,
            records=self.scan.records,
            lines=self.scan.lines,
            blank_lines=self.scan.blank_lines,
        )

    def _column(self, name: str, part: Sequence[tuple[int, Record]]) -> pl.Series:
        return pl.Series(name, [self._text(line, name, record.get(name)) for line, record in part], dtype=pl.String)

    def _text(self, line: int, name: str, value: object) -> str | None:
        if isinstance(value, str) and HALF_CHARACTER.search(value):
            raise InputError(
                f"{shown(self.path)}, line {line}, column {shown(name)}: the text has half a character; export the file again"
            )
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        raise InputError(
            f"{shown(self.path)}, line {line}, column {shown(name)}: the value has parts of its own; export one value for each column"
        )

    def _records(self) -> Iterator[tuple[int, Record]]:
        with open_text(self.path, self.format.codec) as file:
            for line, text in enumerate(file, 1):
                if text.strip("\r\n"):
                    yield line, self._record(line, text)

    def _record(self, line: int, text: str) -> Record:
        place = f"{shown(self.path)}, line {line}"

        def unique(pairs: list[tuple[str, Any]]) -> Record:
            record = dict(pairs)
            if len(record) < len(pairs):
                again = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
                raise InputError(f"{place}: two values are named {again!r}; either could be meant")
            return record

        try:
            record = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=unique)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "its parts are too deep"
            raise InputError(f"{place}: it is not JSON ({reason}); write one object on each line") from error
        if not isinstance(record, dict):
            raise InputError(f"{place}: it is not a JSON object; write one object on each line")
        return record
