"""Reads any tree file in any of the usual shapes. Ids are 64-bit integers or text, exactly as they are."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import FileRows, InputFile, RowCount, open_rows
from mlm_audit.engine.files.format import listed, shown
from mlm_audit.engine.files.identifiers import (
    as_ids,
    comparable_form,
    fault_where,
    float_hint,
    id_faults,
    raise_first,
    totals_fault,
)
from mlm_audit.engine.files.parquet_rows import FLOATS, INTEGERS, is_whole_decimal
from mlm_audit.engine.files.tree_shapes import Shaped, ShapeFault, from_bounds, from_closure, from_edges, from_paths

INTEGER = "0|-?[1-9][0-9]{0,18}"
LARGEST = 1_000_000_000
NAMES = {"left": "bound", "right": "bound"}
WHOLE = tuple(kind for kind in INTEGERS if kind != "UBIGINT")
TEXT = ("VARCHAR", "NULL", "UBIGINT", "UUID")


class Shape(StrEnum):
    """How a file holds its tree."""

    PARENT = "parent column"
    EDGES = "edges"
    PATH = "paths"
    BOUNDS = "nested set"
    CLOSURE = "closure"


@dataclass(frozen=True, kw_only=True)
class TreeColumns:
    """The columns of the file that hold the tree. `parent`, beside a path or bounds, is compared with them.

    `node` is the column of the node or, of edges and closures, of the node below. `is_edges` says that a root has no row.
    """

    node: str
    parent: str | None = None
    is_edges: bool = False
    path: str | None = None
    separator: str = "/"
    path_ends_with_parent: bool = False
    left: str | None = None
    right: str | None = None
    ancestor: str | None = None
    depth: str | None = None
    level: str | None = None
    name: str | None = None

    @property
    def shape(self) -> Shape:
        """Return the shape that the named columns mean. Raise InputError when they mean none, or more than one."""
        given = {
            Shape.PATH: self.path is not None,
            Shape.BOUNDS: self.left is not None or self.right is not None,
            Shape.CLOSURE: self.ancestor is not None or self.depth is not None,
            Shape.EDGES: self.is_edges,
        }
        shapes = [shape for shape, is_given in given.items() if is_given] or [Shape.PARENT]
        if len(shapes) > 1:
            raise InputError(
                f"a tree has one shape, but the options are those of {' and '.join(shapes)}; omit some of them"
            )
        [shape] = shapes
        lacking = [f"--{option}" for option in NEEDED[shape] if getattr(self, option) is None]
        if lacking:
            raise InputError(f"a tree in the shape of {ARTICLES[shape]} also needs {' and '.join(lacking)}")
        if shape in (Shape.CLOSURE, Shape.EDGES) and self.level is not None:
            raise InputError(
                f"--level {self.level}: in the shape of {ARTICLES[shape]}, roots have no row and thus no level; omit it"
            )
        if shape is Shape.CLOSURE and self.parent is not None:
            raise InputError(f"--parent {self.parent}: a closure table has ancestors instead; omit it")
        return shape

    def by_role(self) -> dict[str, str]:
        """Return the name of the column of each role that has one."""
        roles = {
            "id": self.node,
            **{
                role: getattr(self, role)
                for role in ("parent", "path", "left", "right", "ancestor", "depth", "level", "name")
            },
        }
        return {role: column for role, column in roles.items() if column is not None}


NEEDED = {
    Shape.PARENT: ("parent",),
    Shape.EDGES: ("parent",),
    Shape.PATH: (),
    Shape.BOUNDS: ("left", "right"),
    Shape.CLOSURE: ("ancestor", "depth"),
}
ARTICLES = {
    Shape.PARENT: "a parent column",
    Shape.EDGES: "edges",
    Shape.PATH: "paths",
    Shape.BOUNDS: "a nested set",
    Shape.CLOSURE: "a closure table",
}
IDS = ("id", "parent", "ancestor")
NUMBERS = ("left", "right", "depth")


class TreeFile(NamedTuple):
    """The nodes, how many rows they were read from, contradictions of the rows, and a hint about ids that look like floats."""

    frame: pl.DataFrame
    read: RowCount
    faults: tuple[ShapeFault, ...]
    hint: str | None


def read_tree_file(source: InputFile, columns: TreeColumns, root_values: Sequence[str] = ()) -> TreeFile:
    """Return line, id, parent (Int64 or String, null for a root) and, if named, level (Int64) and name (String).

    A parent that is one of `root_values` is no parent. Raise InputError for a file that cannot be read, an unknown
    column, an id that is missing or duplicated, or a level that is not a whole number.
    """
    shape = columns.shape
    rows = open_rows(source)
    chosen = _chosen(source, rows, columns)
    hint: str | None = None
    chunks = [pl.DataFrame(schema={"line": pl.Int64, **dict.fromkeys(chosen, pl.String)})]
    as_numbers = not source.is_text and all(rows.columns[chosen[role]] in WHOLE for role in IDS if role in chosen)
    for chunk in rows.chunks(list(chosen.values())):
        given = pl.DataFrame([chunk["line"], *(chunk[name].alias(role) for role, name in chosen.items())])
        ids = {role: as_ids(given[role], source.format) for role in IDS if role in chosen}
        _refuse_ids(source, given, ids, chosen)
        hint = hint or next(filter(None, (float_hint(source, given["line"], values) for values in ids.values())), None)
        texts = [pl.col(role).cast(pl.String) for role in chosen if role not in ids]
        chunks.append(given.with_columns(*(values.alias(role) for role, values in ids.items()), *texts))
    count = rows.count()
    frame = pl.concat(chunks)
    if not frame.height:
        raise InputError(f"{shown(source.path)}: it has no rows; an empty file proves nothing")
    if "parent" in chosen:
        frame = frame.with_columns(pl.when(~pl.col("parent").is_in(list(root_values))).then("parent"))
    if shape is not Shape.CLOSURE:
        _refuse_again(frame, source)
    for role in NUMBERS:
        if role in chosen:
            frame = _with_numbers(frame, source, role, chosen[role])
    shaped = _shaped(frame, columns, shape, source)
    extras = [role for role in ("level", "name") if role in chosen]
    nodes = (
        shaped.nodes
        if shape is Shape.CLOSURE
        else shaped.nodes.join(
            frame.select("line", "id", *extras), on=["line", "id"], how="left", maintain_order="left"
        )
    )
    nodes = _typed(
        nodes, as_numbers=as_numbers and shape is not Shape.PATH, from_text=source.is_text or shape is Shape.PATH
    )
    if columns.level:
        nodes = _with_numbers(nodes, source, "level", columns.level)
    return TreeFile(nodes, count, tuple(shaped.faults), hint)


def _shaped(frame: pl.DataFrame, columns: TreeColumns, shape: Shape, source: InputFile) -> Shaped:
    """Return the nodes with their parents. A parent column beside a path or bounds has to agree with them."""
    match shape:
        case Shape.PARENT:
            return Shaped(frame.select("line", "id", "parent"), [])
        case Shape.EDGES:
            return from_edges(frame)
        case Shape.CLOSURE:
            return from_closure(frame)
        case Shape.BOUNDS:
            shaped = from_bounds(frame)
        case Shape.PATH:
            match_ids = source.format.match_ids
            shaped = from_paths(
                frame,
                columns.separator,
                lambda part: comparable_form(part, match_ids),
                ends_with_parent=columns.path_ends_with_parent,
            )
    if columns.parent is None:
        return shaped
    both = shaped.nodes.join(frame.select("line", pl.col("parent").alias("stored")), on="line", maintain_order="left")
    # The other parent of a node whose path or bounds are wrong follows from these, and that of its neighbours as well.
    wrong = [fault.node for fault in shaped.faults]
    follows = pl.any_horizontal(pl.col(name).is_in(wrong).fill_null(value=False) for name in ("id", "parent", "stored"))
    differing = both.filter(pl.col("parent").ne_missing(pl.col("stored")) & ~follows).select(
        "line", "id", "parent", "stored"
    )
    faults = [
        ShapeFault(
            "parent-differs",
            node,
            line,
            f"its parent is {stored or 'empty'}, but by its {'path' if shape is Shape.PATH else 'bounds'} it is {parent or 'a root'}",
        )
        for line, node, parent, stored in differing.iter_rows()
    ]
    return Shaped(shaped.nodes, [*shaped.faults, *faults])


def _chosen(source: InputFile, rows: FileRows, columns: TreeColumns) -> dict[str, str]:
    """Map each role to its column.

    Raise InputError for a column that does not exist, is named twice, or holds no ids.
    """
    chosen = columns.by_role()
    [(shared, times), *_] = Counter(chosen.values()).most_common(1)
    if times > 1:
        both = " and ".join(f"--{role}" for role, column in chosen.items() if column == shared)
        raise InputError(f"{shown(source.path)}: {both} both name {shared!r}; each needs a column of its own")
    for role, column in chosen.items():
        if column not in rows.columns:
            raise InputError(
                f"{shown(source.path)}: there is no column {column!r} (--{role}); it has {listed(rows.columns)}"
            )
        kind = rows.columns[column]
        if role in IDS:
            _refuse_kind(source, column, kind)
        elif kind not in (*INTEGERS, *TEXT, *FLOATS) and not kind.startswith("DECIMAL"):
            thing = f"a {role} is a whole number" if role in (*NUMBERS, "level") else f"a {role} is text"
            raise InputError(f"{shown(source.path)}, column {shown(column)}: {thing}, not {kind}")
    return chosen


def _refuse_kind(source: InputFile, column: str, kind: str) -> None:
    if kind in FLOATS and not source.format.whole_ids:
        raise InputError(
            f"{shown(source.path)}, column {shown(column)}: the ids are stored as {kind}, which cannot hold them exactly; export whole "
            "numbers, or give --whole-ids if 1.0 means 1"
        )
    if kind not in (*WHOLE, *TEXT, *FLOATS) and not is_whole_decimal(kind):
        raise InputError(
            f"{shown(source.path)}, column {shown(column)}: {kind} values cannot be used for ids; export whole numbers or text"
        )


def _refuse_ids(source: InputFile, given: pl.DataFrame, ids: Mapping[str, pl.Series], chosen: dict[str, str]) -> None:
    lines = given["line"]
    faults = [totals_fault(source, lines, ids["id"], chosen["id"])]
    for role, words in (
        ("id", "is not usable; every node needs an id"),
        ("ancestor", "is not usable; every row needs an ancestor"),
    ):
        if role in ids:
            faults.append(fault_where(source, lines, ids[role].is_null(), ids[role], (chosen[role], words)))
    for role in ids:
        faults += id_faults(source, lines, given[role], chosen[role])
    raise_first(faults)


def _typed(frame: pl.DataFrame, *, as_numbers: bool, from_text: bool) -> pl.DataFrame:
    """Return both columns as integers if every value is one, and else both as text.

    Text in a Parquet file stays text.
    """
    pair = [pl.col("id"), pl.col("parent")]
    is_integer = pl.all_horizontal(c.str.contains(f"^({INTEGER})$").fill_null(value=True).all() for c in pair)
    if as_numbers or (from_text and frame.select(is_integer).item()):
        numbers = frame.with_columns(c.cast(pl.Int64, strict=False) for c in pair)
        if numbers.select(c.null_count() for c in pair).row(0) == frame.select(c.null_count() for c in pair).row(0):
            return numbers
    return frame


def _refuse_again(frame: pl.DataFrame, source: InputFile) -> None:
    if frame["id"].n_unique() == frame.height:
        return
    again = int((~frame["id"].is_first_distinct()).arg_true()[0])
    node = frame["id"][again]
    earlier = int((frame["id"] == node).arg_true()[0])
    name = node if re.fullmatch(INTEGER, node) else repr(node)
    raise InputError(
        f"{shown(source.path)}, {source.where(frame['line'][again])}: id {name} appears twice (first in "
        f"{source.where(frame['line'][earlier])}); a node has one parent, so keep one row per node"
    )


def _with_numbers(frame: pl.DataFrame, source: InputFile, role: str, column: str) -> pl.DataFrame:
    """Return the frame with a column as integers. Only levels may be empty."""
    text = frame[role].str.strip_chars()
    numbers = text.replace("", None).str.replace(r"^(-?\d+)\.0+$", "$1").cast(pl.Int64, strict=False)
    is_empty = (text == "") | text.is_null()
    bad = (numbers.is_null() & ~(is_empty & (role == "level"))) | (numbers.abs() > LARGEST).fill_null(value=False)
    thing = NAMES.get(role, role)
    said = (column, f"is not a {thing}; a {thing} is a whole number up to {LARGEST}")
    raise_first([fault_where(source, frame["line"], bad, frame[role], said)])
    return frame.with_columns(numbers.alias(role))
