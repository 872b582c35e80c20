"""Trees as edges, paths, nested sets and closures: the same forest as a column of parents, and each contradiction found."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import document, refused

Parents = dict[str, str | None]
ARGUMENTS = {
    "parents": ["--id", "id", "--parent", "parent"],
    "edges": ["--id", "id", "--parent", "parent", "--edges"],
    "path": ["--id", "id", "--path", "path"],
    "ancestry": ["--id", "id", "--path", "path", "--path-ends-with-parent", "--separator", "."],
    "path and parent": ["--id", "id", "--path", "path", "--parent", "parent"],
    "bounds": ["--id", "id", "--left", "lft", "--right", "rgt", "--parent", "parent"],
    "closure": ["--id", "below", "--ancestor", "above", "--depth", "steps"],
    "strict closure": ["--id", "below", "--ancestor", "above", "--depth", "steps"],
}


def forest(seed: int, *, text: bool) -> Parents:
    draw = random.Random(seed)
    ids = [f"N{n}" if text else str(n) for n in draw.sample(range(1, 500), draw.randrange(2, 60))]
    return {node: draw.choice(ids[:at]) if at and draw.random() < 0.9 else None for at, node in enumerate(ids)}


def above(parents: Parents, node: str) -> list[str]:
    line = []
    while (node := parents[node] or "") != "":
        line.append(node)
    return line


def bounds(parents: Parents) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    count = 0

    def walk(node: str) -> None:
        nonlocal count
        count += 1
        left = count
        for child in [child for child, parent in parents.items() if parent == node]:
            walk(child)
        count += 1
        found[node] = (left, count)

    for root in [node for node, parent in parents.items() if parent is None]:
        walk(root)
    return found


def rows_of(shape: str, parents: Parents) -> list[dict[str, Any]]:
    lines = {node: above(parents, node) for node in parents}
    if shape in ("parents", "edges"):
        return [
            {"id": node, "parent": parent or ""} for node, parent in parents.items() if parent or shape == "parents"
        ]
    if shape in ("path", "path and parent"):
        return [
            {"id": node, "path": "/" + "/".join([*lines[node][::-1], node]) + "/", "parent": parent or ""}
            for node, parent in parents.items()
        ]
    if shape == "ancestry":
        return [{"id": node, "path": ".".join(lines[node][::-1])} for node in parents]
    if shape == "bounds":
        known = bounds(parents)
        return [
            {"id": node, "lft": known[node][0], "rgt": known[node][1], "parent": parent or ""}
            for node, parent in parents.items()
        ]
    own = [{"below": node, "above": node, "steps": 0} for node in parents] if shape == "closure" else []
    return own + [
        {"below": n, "above": up, "steps": steps} for n, line in lines.items() for steps, up in enumerate(line, 1)
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]) + "\n")
    return path


def checked(path: Path, shape: str) -> Any:
    return document("tree", "check-file", path, *ARGUMENTS[shape])


@pytest.mark.parametrize("shape", ARGUMENTS)
@pytest.mark.parametrize("seed", range(6))
def test_every_shape_is_the_same_forest(tmp_path: Path, shape: str, seed: int) -> None:
    parents = forest(seed, text=seed % 2 == 1)
    if shape in ("edges", "strict closure"):
        # These shapes have no rows of nodes that are alone.
        used = {parent for parent in parents.values() if parent}
        parents = {node: parent for node, parent in parents.items() if parent or node in used} or {"1": None, "2": "1"}
    rows = rows_of(shape, parents)
    random.Random(seed).shuffle(rows)
    result = checked(write(tmp_path / "tree.csv", rows), shape)
    depth = max(len(above(parents, node)) for node in parents)
    roots = sum(parent is None for parent in parents.values())
    counts = result["counts"]
    assert result["findings"] == []
    assert (result["verdict"], counts["members_checked"], counts["roots"], counts["max_depth"]) == (
        "PASS",
        len(parents),
        roots,
        depth,
    )
    assert counts["file"]["rows"] == len(rows)


CHAIN: Parents = {"1": None, "2": "1", "3": "2", "4": "3", "5": "1"}


def edited(shape: str, change: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
    rows = rows_of(shape, CHAIN)
    change(rows)
    return rows


def _set(place: int, **values: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: rows[place].update(values)


@pytest.mark.parametrize(
    ("shape", "change", "found"),
    [
        ("path", _set(3, path="1/5/3/4"), {("path", 4, "its path reaches the parent 3 through 1/5, but 3 is below 1/2")}),
        ("path", _set(3, path="/1/2/3"), {("path", 4, "its path '/1/2/3' ends with 3 instead of the node itself")}),
        ("path", _set(3, path=""), {("path", 4, "its path '' is empty instead of the node itself")}),
        ("path", _set(3, path="1/2/9/4"), {("parent-unknown", 4, "names parent 9, which does not exist")}),
        ("path and parent", _set(4, parent="2"), {("parent-differs", 5, "its parent is 2, but by its path it is 1")}),
        ("bounds", _set(4, parent="2"), {("parent-differs", 5, "its parent is 2, but by its bounds it is 1")}),
        ("bounds", _set(4, lft=9, rgt=8), {("bounds", 5, "its left bound 9 is not less than its right bound 8")}),
        ("bounds", _set(4, lft=7), {("bounds", 5, "its bound 7 is also a bound of node 2"), ("bounds", 5, "cross those of node 2, which end at 7")}),
        ("closure", lambda rows: rows.append(rows[-1]), {("closure", 5, "the row with the ancestor 1 is there twice")}),
        ("closure", _set(-2, steps=5), {("closure", 4, "the row with the ancestor 1 has the depth 5 instead of 3")}),
        ("closure", lambda rows: rows.pop(-2), {("closure", 4, "the row with the ancestor 1 at depth 3 is missing")}),
        ("closure", _set(-2, above="5"), {("closure", 4, "the row with the ancestor 1 at depth 3 is missing"), ("closure", 4, "it has a row with 5, which is not above it")}),
        ("closure", lambda rows: rows.pop(2), {("closure", 3, "the row with the ancestor 3 at depth 0 is missing")}),
        ("strict closure", lambda rows: rows.append({"below": "5", "above": "2", "steps": 1}), {("closure", 5, "it has 2 parents: 1, 2"), ("closure", 5, "it has a row with 2")}),
    ],
)  # fmt: skip
def test_contradictions(
    tmp_path: Path, shape: str, change: Callable[[list[dict[str, Any]]], None], found: set[tuple[str, int, str]]
) -> None:
    result = checked(write(tmp_path / "tree.csv", edited(shape, change)), shape)
    messages = [(finding["code"], finding["member_id"], finding["message"]) for finding in result["findings"]]
    wanted = {code for code, _, _ in found}
    assert {code for code, _, _ in messages} - {"parent-differs", "path"} <= wanted
    for code, node, words in found:
        assert any(known[:2] == (code, node) and words in known[2].replace("Node", "node") for known in messages), (
            messages
        )


def test_a_cycle_in_a_closure(tmp_path: Path) -> None:
    rows = [("1", "2", 1), ("2", "1", 1), ("3", "1", 1), ("3", "2", 2)]
    path = write(tmp_path / "tree.csv", [dict(zip(("below", "above", "steps"), row, strict=True)) for row in rows])
    assert "parent-cycle" in {finding["code"] for finding in checked(path, "closure")["findings"]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "a tree in the shape of a parent column also needs --parent"),
        (["--edges"], "a tree in the shape of edges also needs --parent"),
        (["--left", "lft"], "a tree in the shape of a nested set also needs --right"),
        (["--ancestor", "parent"], "a tree in the shape of a closure table also needs --depth"),
        (
            ["--path", "path", "--left", "lft", "--right", "rgt"],
            "a tree has one shape, but the options are those of paths and nested set",
        ),
        (["--parent", "parent", "--edges", "--level", "lft"], "--level lft: in the shape of edges, roots have no row"),
        (
            ["--ancestor", "path", "--depth", "lft", "--parent", "parent"],
            "--parent parent: a closure table has ancestors instead",
        ),
        (["--path", "id"], "--id and --path both name 'id'; each needs a column of its own"),
        (["--path", "none"], "there is no column 'none' (--path); it has id, path, lft, rgt, parent"),
        (["--path", "path", "--separator", ""], "--separator '': the value is empty"),
        (["--left", "path", "--right", "rgt"], "line 2, column path: '1' is not a bound"),
        (["--left", "lft", "--right", "parent"], "line 2, column parent: an empty value is not a bound"),
    ],
)
def test_shapes_that_cannot_be_read(tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "tree.csv").write_text(
        "id,path,lft,rgt,parent\n1,1.x,1,2,\n".replace("1.x", "x" if "--left" in options and "path" in options else "1")
    )
    line = refused("tree", "check-file", tmp_path / "tree.csv", "--id", "id", *options)
    assert words.replace("'1' is", "'x' is") in line


def test_ids_in_paths_match_as_ids_do(tmp_path: Path) -> None:
    path = tmp_path / "tree.csv"
    path.write_text("id,path\nA,a\nb,A/B\n007,A/b/7\n")
    arguments: list[str | Path] = ["tree", "check-file", path, "--id", "id", "--path", "path"]
    assert document(*arguments)["verdict"] == "FAIL"
    assert document(*arguments, "--match-ids", "case,zeros")["verdict"] == "PASS"
