"""Pictures and the report of the trees: well-formed, escaped, the same every time.

UPDATE_SNAPSHOTS=1 writes new snapshots.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import networkx as nx
import polars as pl
import pytest
from sqlalchemy import create_engine

from mlm_audit.checks.trees.check import check_trees
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import plant
from mlm_audit.checks.trees.neighbourhood import MOST_IN_RING, MOST_NODES, around, as_data, picture_of, ring, seats
from mlm_audit.demo.faults import TREE_FAULTS, inject
from mlm_audit.demo.scorecard import tree_input
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import TREE_HEALTH, job_of
from mlm_audit.reporting.core.html import render, templates_dir
from mlm_audit.reporting.trees.picture import RULES, draw, in_words
from mlm_audit.reporting.trees.report import tree_report
from mlm_audit.runs.context import RunContext, RunHeader
from tests.conftest import IST, NOW, clean_platform
from tests.reporting.reconciliation.test_report import masked

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
SVG = "{http://www.w3.org/2000/svg}"


def forest_of(parents: list[int | None]) -> Any:
    return plant(pl.Series(range(1, len(parents) + 1)), pl.Series(parents, dtype=pl.Int64))


def parsed(picture: dict[str, Any]) -> ET.Element:
    return ET.fromstring(str(draw(picture, "p", alone=True)))


def texts(svg: ET.Element) -> list[str]:
    return [node.text or "" for node in svg.iter(f"{SVG}text")]


def test_a_neighbourhood_is_three_up_and_three_down_with_the_rest_counted() -> None:
    parents = [None, *((i - 1) // 3 + 1 for i in range(1, 400))]
    forest = forest_of(parents)
    graph = around(forest, 20)
    ids = {forest.name(row) for row in graph.nodes}
    assert {7, 2, 21} <= ids
    assert 1 in ids
    assert len(ids) <= MOST_NODES + 4
    hidden = sum(values.get("hidden", 0) for _, values in graph.nodes(data=True))
    drawn_or_hidden = {child for row in graph.nodes for child in forest.children_of(row).tolist()}
    assert hidden == len(drawn_or_hidden - set(graph.nodes))
    svg = parsed(as_data(graph))
    assert any(text.endswith("hidden") for text in texts(svg))
    assert svg.find(f"{SVG}title") is not None
    assert "With an issue: 21" in (svg.find(f"{SVG}desc").text or "")


def test_a_parent_who_is_not_there_is_drawn() -> None:
    forest = forest_of([99, 1])
    graph = around(forest, 0, lambda _: 99)
    svg = parsed(as_data(graph))
    assert {"99", "missing", "1", "2"} <= set(texts(svg))
    assert len(svg.findall(f"{SVG}path[@class='broken']")) == 1


@pytest.mark.parametrize("length", [1, 2, 5, MOST_IN_RING, 3_000])
def test_rings_close_with_a_dashed_edge(length: int) -> None:
    forest = forest_of([*range(2, length + 1), 1])
    graph = ring(forest, tuple(forest.cycles()[0]))
    shown = min(length, MOST_IN_RING)
    assert graph.number_of_nodes() == shown
    svg = parsed(as_data(graph))
    assert len(svg.findall(f"{SVG}path[@class='broken']")) == 1
    assert (f"… {length - shown} more …" in texts(svg)) == (length > shown)


def test_the_way_up_from_below_a_ring_ends() -> None:
    forest = forest_of([2, 1, 1, 3, 4])
    assert {forest.name(row) for row in around(forest, 4).nodes} == {5, 4, 3, 1}
    parsed(as_data(around(forest, 0)))


def test_a_chain_of_three_thousand_is_drawn() -> None:
    count = 3_000
    graph = nx.path_graph(count, create_using=nx.DiGraph)
    nx.set_node_attributes(graph, {node: str(node) for node in graph}, "label")
    graph.graph |= {"kind": "around", "title": "A chain"}
    svg = parsed(as_data(graph))
    assert len(list(svg.iter(f"{SVG}rect"))) == count
    heights = [float(rect.get("y") or 0) for rect in svg.iter(f"{SVG}rect")]
    assert heights == sorted(heights)
    forest = forest_of([None, *range(1, count)])
    assert len(around(forest, 2_000, up=3_000, down=10).nodes) == 2_000 + 11


def test_seats_show_the_hole_and_the_fourth_child() -> None:
    platform = clean_platform(300).copy()
    platform.delete("matrix_nodes", [50], key="user_id")
    facts = TreeArrays(tree_input(platform))
    hole = parsed(as_data(seats(facts, facts.node_index.row(17), 1)))
    assert {"17", "free", "position 1", "51", "52"} <= set(texts(hole))
    platform.update("matrix_nodes", [300], key="user_id", parent_id=[5])
    facts = TreeArrays(tree_input(platform))
    crowd = parsed(as_data(seats(facts, facts.node_index.row(5), None)))
    assert {"5", "14", "15", "16", "300"} <= set(texts(crowd))
    assert len(crowd.findall(f"{SVG}g[@class='issue']")) == 1


def test_hostile_and_long_labels() -> None:
    graph = nx.DiGraph([(0, 1)], kind="around", title="<b>&")
    nx.set_node_attributes(graph, {0: "<script>alert(1)</script>", 1: "x" * 99}, "label")
    drawn = str(draw(as_data(graph), "p"))
    assert "<script" not in drawn
    assert "<b>" not in drawn
    assert "x" * 99 in drawn, "in full, in the title"
    assert "x" * 20 + "</text>" not in drawn
    assert "alert(1)" in in_words(as_data(graph))


def test_the_page_and_a_picture_that_stands_alone_share_their_style() -> None:
    lines = (templates_dir() / "style.css").read_text(encoding="utf-8").splitlines()
    assert "".join(line for line in lines if line.startswith("svg.tree")) == RULES


def faulty_result() -> RunResult:
    platform = clean_platform(300).copy()
    kinds = ("sponsors-in-a-ring", "fourth-child", "position-shared", "closure-row-lost", "flag-set", "parent-mistyped")
    inject(platform, dict.fromkeys(kinds, 1), TREE_FAULTS, seed=5)
    from mlm_audit.jobs.trees.result import RepairSummary, StructureChanges, TreeChecks, tree_outcome
    from tests.conftest import settings_for

    check = check_trees(tree_input(platform))
    assert all(picture_of(issue, check.facts) is not None for issue in check.issues if issue.picture)
    context = RunContext(job_of(TREE_HEALTH), create_engine("sqlite://"), settings_for(), lambda: NOW)
    head = RunHeader(context, "tree-health-2026-11-24-173000-abcd", NOW, NOW)
    rows = {"users": 300, "matrix_nodes": 300, "hierarchy": 1_300}
    moved = pl.DataFrame({"member_id": [7], "edge": ["sponsor"], "before": [2], "after": [5]})
    since = StructureChanges("tree-health-2026-11-23-030000-0000", moved, 1, 0)
    return tree_outcome(
        head,
        TreeChecks(check, check, rows, "default_plan.toml"),
        RepairSummary((), 0, dry_run=False),
        previous=None,
        since=since,
    ).result


CASES = {
    "fail": faulty_result,
    "pass": lambda: replace(
        faulty_result(),
        verdict=Verdict.PASS,
        findings=(),
        pictures={},
        items=(),
        counts=replace(
            cast("Any", faulty_result().counts), issues_open=0, critical_open=0, health_score=100, sponsors_changed=0
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_report_snapshot(name: str) -> None:
    page = render(tree_report(CASES[name](), IST, "mlm-audit run tree-health-check"))
    page = masked(page)
    path = SNAPSHOTS / f"tree_{name}.html"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8"), "write new snapshots with UPDATE_SNAPSHOTS=1"
