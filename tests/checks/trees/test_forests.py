"""The walk over a forest, and the check of any file, against networkx."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numba
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_audit.checks.trees import forest as forest_module
from mlm_audit.checks.trees.forest import BELOW_CYCLE, CUT, ON_CYCLE, ROOT, SOUND, UNKNOWN, NodeIndex, plant
from mlm_audit.checks.trees.levels import wrong_levels
from mlm_audit.cli import app

parents_of = st.lists(st.one_of(st.none(), st.integers(0, 13)), min_size=1, max_size=12)
"""Node i has the parent at place i: a node, itself, somebody unknown, or none."""


def graph_of(parents: list[int | None]) -> "nx.DiGraph[int]":
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(parents)))
    graph.add_edges_from(
        (parent, child) for child, parent in enumerate(parents) if parent is not None and parent < len(parents)
    )
    return graph


@pytest.mark.slow
@given(parents_of)
@settings(max_examples=400, deadline=None)
def test_walk(parents: list[int | None]) -> None:
    count = len(parents)
    forest = plant(pl.Series(range(count)), pl.Series(parents, dtype=pl.Int64))
    graph = graph_of(parents)
    cycles = {frozenset(ring) for ring in nx.simple_cycles(graph)}
    on_cycle = set().union(*cycles)
    assert {frozenset(ring) for ring in forest.cycles()} == cycles
    for node in range(count):
        above = nx.ancestors(graph, node)
        if node in on_cycle:
            assert forest.state[node] == ON_CYCLE
        elif above & on_cycle:
            assert forest.state[node] == BELOW_CYCLE
            assert forest.depth[node] == min(nx.shortest_path_length(graph, ring, node) for ring in above & on_cycle)
        else:
            top = next(n for n in {node, *above} if graph.in_degree(n) == 0)
            assert forest.state[node] == (SOUND if parents[top] is None else CUT)
            assert forest.depth[node] == len(above)
        if node not in on_cycle:
            assert forest.size[node] == 1 + len(nx.descendants(graph, node))
    place = {row: number for number, row in enumerate(forest.order.tolist())}
    assert sorted(place) == list(range(count))
    assert all(place[a] < place[b] for a, b in graph.edges if not {a, b} <= on_cycle)


@pytest.mark.slow
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30, unique=True), st.integers(-(2**63), 2**63 - 1)
)
def test_rows_of_sparse_ids(ids: list[int], stranger: int) -> None:
    index = NodeIndex(pl.Series(ids, dtype=pl.Int64))
    rows = index.rows(pl.Series([*ids, stranger, None], dtype=pl.Int64)).tolist()
    assert [index.row(wanted) for wanted in (*ids, stranger, None)] == rows
    assert rows[:-2] == list(range(len(ids)))
    assert rows[-2:] == [ids.index(stranger) if stranger in ids else UNKNOWN, ROOT]


@pytest.mark.slow
@given(st.integers(-(2**63), 2**63 - 40), st.integers(-(2**63), 2**63 - 1))
def test_rows_of_dense_ids_anywhere(first: int, wanted: int) -> None:
    ids = list(range(first, first + 30))
    index = NodeIndex(pl.Series(ids, dtype=pl.Int64))
    [row] = index.rows(pl.Series([wanted], dtype=pl.Int64)).tolist()
    assert index.row(wanted) == row
    assert row == (wanted - first if first <= wanted < first + 30 else UNKNOWN)


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=20, unique=True), st.text(min_size=1, max_size=3))
def test_rows_of_text(ids: list[str], stranger: str) -> None:
    index = NodeIndex(pl.Series(ids, dtype=pl.String))
    rows = index.rows(pl.Series([*ids, stranger, None], dtype=pl.String)).tolist()
    assert [index.row(wanted) for wanted in (*ids, stranger, None)] == rows
    assert rows[:-2] == list(range(len(ids)))
    assert rows[-2:] == [ids.index(stranger) if stranger in ids else UNKNOWN, ROOT]


@pytest.mark.parametrize("direction", ["down", "up", "shuffled"])
def test_depth_does_not_matter(direction: str) -> None:
    """A chain of 300,000: no recursion, and the same depths in any order of rows."""
    count = 300_000
    ids = {
        "down": np.arange(count),
        "up": np.arange(count)[::-1].copy(),
        "shuffled": np.random.default_rng(1).permutation(count),
    }[direction]
    forest = plant(pl.Series(ids), pl.Series(ids - 1).set(pl.Series(ids == 0), None))
    assert (forest.depth == ids).all()
    assert forest.size[np.flatnonzero(ids == 0)[0]] == count


@pytest.mark.slow
@given(st.integers(2, 40), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_one_wrong_level_is_one_issue(count: int, rng) -> None:
    parents = [None, *(rng.randrange(node) for node in range(1, count))]
    forest = plant(pl.Series(range(count)), pl.Series(parents, dtype=pl.Int64))
    level = forest.depth.astype(np.int64) + 1
    assert not wrong_levels(forest, level).any()
    inner = [node for node in range(1, count) if parents[node] is not None]
    victim = rng.choice(inner)
    level[victim] += rng.choice((-3, -1, 2, 7))
    assert np.flatnonzero(wrong_levels(forest, level)).tolist() == [victim]


@pytest.mark.slow
@given(parents_of, st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_check_file_against_networkx(tmp_path_factory, parents: list[int | None], as_text: bool, as_csv: bool) -> None:
    folder = tmp_path_factory.mktemp("tree")
    name = "n{}".format if as_text else "{}".format
    frame = pl.DataFrame(
        {"node": [name(i) for i in range(len(parents))], "boss": [None if p is None else name(p) for p in parents]},
        schema={"node": pl.String, "boss": pl.String},
    )
    if not as_text:
        frame = frame.cast(pl.Int64)
    path = folder / ("tree.csv" if as_csv else "tree.parquet")
    frame.write_csv(path) if as_csv else frame.write_parquet(path)
    result = run_json(["tree", "check-file", str(path), "--id", "node", "--parent", "boss", "--json"])
    graph = graph_of(parents)
    cycles = list(nx.simple_cycles(graph))
    on_cycle = set().union(*map(set, cycles))
    below = {node for node in graph if node not in on_cycle and nx.ancestors(graph, node) & on_cycle}
    unknown = [i for i, p in enumerate(parents) if p is not None and p >= len(parents)]
    ends = [len(nx.ancestors(graph, node)) for node in graph if node not in on_cycle | below]
    assert result["counts"]["roots"] == parents.count(None)
    assert result["counts"]["below_a_cycle"] == len(below)
    assert result["counts"]["max_depth"] == max(ends, default=0)
    assert result["counts"]["members_checked"] == len(parents)
    convert = str if as_text else int
    found = {(f["code"], f["member_id"]) for f in result["findings"]}
    expected = {("parent-unknown", convert(name(i))) for i in unknown}
    expected |= {("parent-self" if len(c) == 1 else "parent-cycle", min(convert(name(i)) for i in c)) for c in cycles}
    assert found == expected
    assert result["verdict"] == ("FAIL" if expected else "PASS")


def run_json(arguments: list[str]) -> Any:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        app.main(arguments)
    return json.loads(printed.getvalue())


REAL = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.skipif(not REAL.is_dir(), reason="THE REAL FORESTS ARE NOT THERE: nothing is proven on them")
def test_real_forests() -> None:
    verbs = run_json(
        [
            "tree",
            "check-file",
            str(REAL / "wordnet_verbs.parquet"),
            "--id",
            "synset",
            "--parent",
            "hypernym",
            "--name",
            "lemma",
            "--json",
        ]
    )
    [ring] = verbs["findings"]
    assert {row["name"] for row in ring["evidence"]} == {"restrain", "inhibit"}
    assert (verbs["counts"]["members_checked"], verbs["counts"]["roots"], verbs["counts"]["below_a_cycle"]) == (
        13_767,
        559,
        58,
    )
    otc = run_json(
        [
            "tree",
            "check-file",
            str(REAL / "bitcoin_otc_sponsors.parquet"),
            "--id",
            "user_id",
            "--parent",
            "sponsor_id",
            "--json",
        ]
    )
    sizes = [len(finding["evidence"]) for finding in otc["findings"]]
    assert (sizes.count(2), sizes.count(3), len(sizes)) == (95, 1, 96)
    assert (otc["counts"]["members_checked"], otc["counts"]["roots"], otc["counts"]["below_a_cycle"]) == (
        5_881,
        384,
        5_273,
    )


def test_where_machine_code_cannot_be_kept_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only installation without a home: numba refuses to keep anything."""
    compile_it: Callable[..., Any] = numba.njit

    def nowhere(**options: bool):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_it(**options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert forest_module.compiled(lambda number: number + 1)(41) == 42
