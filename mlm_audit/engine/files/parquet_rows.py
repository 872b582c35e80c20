"""Reads a Parquet file by name, without patterns or folders, and only columns that are in the file."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import CHUNK, InputFile, RowCount, refuse_miscount, refuse_two_of_a_name
from mlm_audit.engine.files.format import FileKind, refuse_options_of_others, shown


class ParquetRows:
    """An opened Parquet file; see FileRows. Integers stay integers. Decimals and dictionaries become text, exactly."""

    def __init__(self, source: InputFile) -> None:
        self.path = source.path
        refuse_options_of_others(source.path, source.format, FileKind.PARQUET)
        try:
            with source.path.open("rb") as file:
                parquet = pq.ParquetFile(file)
                schema, self._groups = parquet.schema_arrow, parquet.metadata
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{shown(self.path)}: it cannot be read as Parquet ({_first(error)}); export it again"
            ) from error
        refuse_two_of_a_name(self.path, "", schema.names)
        self._types: dict[str, pa.DataType] = dict(zip(schema.names, schema.types, strict=True))
        self.columns = {name: kind_of(kind) for name, kind in self._types.items()}
        self._rows = 0

    def chunks(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield `line` and the wanted columns. `line` is the row's number from 1."""
        try:
            with self.path.open("rb") as file:
                for batch in pq.ParquetFile(file).iter_batches(CHUNK, columns=list(wanted)):
                    lines = pl.int_range(self._rows + 1, self._rows + 1 + batch.num_rows, eager=True).alias("line")
                    self._rows += batch.num_rows
                    yield pl.DataFrame(
                        [lines, *(_series(name, batch.column(name), self._types[name]) for name in wanted)]
                    )
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{shown(self.path)}: it cannot be read as Parquet ({_first(error)}); export it again"
            ) from error

    def count(self) -> RowCount:
        """Return the counts of the rows read.

        Raise InputError unless they equal the counts of the file's row groups.
        """
        groups = self._groups
        records = sum(groups.row_group(number).num_rows for number in range(groups.num_row_groups))
        refuse_miscount(self.path, self._rows, records)
        refuse_miscount(self.path, self._rows, groups.num_rows)
        return RowCount(self.path.name, self._rows, records)


INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
FLOATS = ("FLOAT", "DOUBLE")
PLAIN_SCALE = 6
"""Up to this scale Arrow writes a decimal without an exponent."""

_KINDS: dict[Any, str] = {
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float16(): "FLOAT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.null(): "NULL",
}


def kind_of(kind: pa.DataType) -> str:
    """Return the SQL name of a type that is read, or Arrow's name of any other type."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "VARCHAR"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if _is_uuid(kind):
        return "UUID"
    return _KINDS.get(kind, str(kind))


def is_whole_decimal(kind: str) -> bool:
    """Return whether a type is a decimal without a fraction, which an id may be."""
    return kind.startswith("DECIMAL(") and kind.endswith(",0)")


def _is_uuid(kind: pa.DataType) -> bool:
    return getattr(kind, "extension_name", "") == "arrow.uuid"


def _series(name: str, array: pa.Array, kind: pa.DataType) -> pl.Series:
    if pa.types.is_dictionary(kind):
        return _series(name, array.dictionary_decode(), kind.value_type)
    if _is_uuid(kind):
        raw = array.storage.to_pylist()
        return pl.Series(name, [None if one is None else str(uuid.UUID(bytes=one)) for one in raw], dtype=pl.String)
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= PLAIN_SCALE:
        array = array.cast(pa.string())
    elif pa.types.is_decimal(kind):
        return pl.Series(
            name, [None if one is None else format(one, "f") for one in array.to_pylist()], dtype=pl.String
        )
    if pa.types.is_null(kind):
        return pl.Series(name, [None] * len(array), dtype=pl.String)
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series.alias(name)


def _first(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
