"""Parquet files of every type that an id or an amount may have, and of those that it may not, with what they hold."""

import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = (
    "l.parquet",
    "l[1].parquet",
    "a*.parquet",
    "w?.pq",
    "account_id=7/l.parquet",
    "amount=5/account_id=1/l.PARQUET",
    "it's.parquet",
)
ROWS = (1, 2, 7, 40)


@dataclass
class ParquetFile:
    """A table, and the (row, id, paisa) that it holds; None where it must be refused, with the row where one is at fault."""

    name: str
    table: pa.Table
    rows: list[tuple[int, str, int]] | None
    fault_row: int | None
    options: dict[str, Any]

    def write(self, folder: Path) -> Path:
        """The file."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.table, path, **self.options)
        return path


def make(seed: int) -> ParquetFile:
    """One file from one seed."""
    r = random.Random(seed)
    count = r.choice(ROWS)
    ids, shown, id_sound = _ids(r, count)
    amounts, paisa, amount_fault = _amounts(r, count)
    fault = amount_fault
    if r.random() < 0.15:
        column, at = r.choice(["id", "amount"]), r.randrange(count)
        if column == "id":
            ids = pa.array([None if place == at else one for place, one in enumerate(ids.to_pylist())], ids.type)
        else:
            amounts = pa.array(
                [None if place == at else one for place, one in enumerate(amounts.to_pylist())], amounts.type
            )
            paisa = [0 if place == at else one for place, one in enumerate(paisa or [])] or None
            fault = fault if fault is not None and fault != at else None
        fault = at if fault is None else min(at, fault)
    columns = {"account_id": ids, "amount": amounts}
    if r.random() < 0.4:
        columns["note"] = pa.array([[{"a": place}] for place in range(count)])
    names = r.sample(list(columns), len(columns))
    sound = id_sound and paisa is not None
    rows = (
        [(place + 1, shown[place], paisa[place]) for place in range(count)]
        if sound and paisa and fault is None
        else None
    )
    options = {
        "compression": r.choice(["none", "snappy", "zstd"]),
        "row_group_size": r.choice([1, 3, 1000]),
        "use_dictionary": r.random() < 0.5,
    }
    table = pa.table({name: columns[name] for name in names})
    return ParquetFile(r.choice(NAMES), table, rows, None if not sound or fault is None else fault + 1, options)


def _ids(r: random.Random, count: int) -> tuple[pa.Array, list[str], bool]:  # noqa: PLR0911  (one return a type)
    kind = r.choice(
        ["int", "int", "uint", "text", "large", "dictionary", "decimal", "float", "nested", "bool", "binary"]
    )
    numbers = [r.randrange(1, 100) for _ in range(count)]
    texts = [r.choice(["1", "#2", "007", " x ", "é", "1.0", "NULL"]) for _ in range(count)]
    plain = [text.strip() for text in texts]
    match kind:
        case "int":
            return (
                pa.array(numbers, r.choice([pa.int8(), pa.int16(), pa.int32(), pa.int64()])),
                list(map(str, numbers)),
                True,
            )
        case "uint":
            large = [number + 2**63 for number in numbers]
            return pa.array(large, pa.uint64()), list(map(str, large)), True
        case "text":
            return pa.array(texts), plain, True
        case "large":
            return pa.array(texts, pa.large_string()), plain, True
        case "dictionary":
            return pa.array(texts).dictionary_encode(), plain, True
        case "decimal":
            return (
                pa.array([Decimal(number) for number in numbers], pa.decimal128(20, 0)),
                list(map(str, numbers)),
                True,
            )
        case "float":
            return pa.array([float(number) for number in numbers]), [], False
        case "nested":
            return pa.array([[number] for number in numbers]), [], False
        case "bool":
            return pa.array([bool(number % 2) for number in numbers]), [], False
    return pa.array([text.encode() for text in texts]), [], False


def _amounts(r: random.Random, count: int) -> tuple[pa.Array, list[int] | None, int | None]:
    """The column, its paisa (None for a type that is refused), and the place of the first amount that is not exact."""
    kind = r.choice(["int", "decimal", "decimal", "wide", "text", "dictionary", "double", "nested", "date"])
    paisa = [r.randrange(-(10**9), 10**9) for _ in range(count)]
    match kind:
        case "int":
            whole = [one // 100 for one in paisa]
            return pa.array(whole, r.choice([pa.int32(), pa.int64()])), [one * 100 for one in whole], None
        case "decimal" | "wide":
            scale = r.choice([2, 3, 4, 8]) if kind == "decimal" else 10
            exact = [Decimal(one).scaleb(-2) for one in paisa]
            fault = None
            if scale > 2 and r.random() < 0.3:
                fault = r.randrange(count)
                exact[fault] += Decimal(1).scaleb(-scale)
            width = pa.decimal128(38, scale) if kind == "decimal" else pa.decimal256(60, scale)
            return pa.array(exact, width), paisa, fault
        case "text" | "dictionary":
            texts = [f"{Decimal(one).scaleb(-2):f}" for one in paisa]
            fault = None
            if r.random() < 0.3:
                fault = r.randrange(count)
                texts[fault] = r.choice(["1.005", "1e3", "nan", "", "1,000.00", "x"])
            column = pa.array(texts)
            return (column.dictionary_encode() if kind == "dictionary" else column), paisa, fault
        case "double":
            return pa.array([one / 100 for one in paisa]), None, None
        case "nested":
            return pa.array([{"a": one} for one in paisa]), None, None
    return pa.array([one % 1000 for one in paisa], pa.date32()), None, None
