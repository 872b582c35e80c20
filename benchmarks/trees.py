"""The tree checks next to the floor and the peers, in one run: `make bench-trees` (some minutes, about 16 GB of memory for networkx).

Every method runs in a process of its own, so that its peak memory is its own; each is timed several times after one warm-up
and the median counts. Ratios are what to quote: the machine may be busy.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
MILLION = 1_000_000
SHAPES = ("random", "3-wide", "100,000-deep", "one chain")
CLOSURE_MEMBERS = 1_440_000
"""Members whose closure has seven million rows."""


def parents_of(shape: str, count: int) -> Any:
    """The parent's number of each node (0..count − 1), −1 for the root; parents come before their children."""
    import numpy as np

    rng, number = np.random.default_rng(1), np.arange(count)
    if shape == "3-wide":
        parent = (number - 1) // 3
    elif shape == "one chain":
        parent = number - 1
    else:
        parent = np.floor(rng.random(count) * np.maximum(number, 1)).astype(np.int64)
        if shape == "100,000-deep":
            deep = min(100_000, count)
            parent[:deep] = number[:deep] - 1
    parent[0] = -1
    return parent


def generate(shape: str, count: int) -> Path:
    """members.parquet (id, sponsor_id, created_at) in that shape, nodes.parquet as a filled matrix; one in 10,000 is wrong."""
    import numpy as np
    import polars as pl

    folder = DATA / f"trees-{shape.replace(' ', '-').replace(',', '')}-{count}"
    if folder.is_dir():
        return folder
    partial = folder.with_suffix(".partial")
    partial.mkdir(parents=True, exist_ok=True)
    ids, rng = np.arange(count) + 1, np.random.default_rng(2)
    sponsor = parents_of(shape, count) + 1
    wrong = rng.choice(np.arange(1, count), count // 10_000, replace=False)
    sponsor[wrong] = np.where(rng.random(len(wrong)) < 0.5, ids[wrong], count + 1_000 + wrong)
    created = pl.Series(np.cumsum(rng.integers(1, 20_000_000, count)), dtype=pl.Int64).cast(pl.Datetime("us"))
    sponsors = pl.Series(sponsor).set(pl.Series(sponsor == 0), None)
    members = pl.DataFrame({"id": ids, "sponsor_id": sponsors, "created_at": created}).with_columns(
        pl.lit("user").alias("role")
    )
    members.write_parquet(partial / "members.parquet")
    matrix = parents_of("one chain" if shape == "one chain" else "3-wide", count) + 1
    position = np.where(matrix == 0, 0, np.ones(count) if shape == "one chain" else (ids - 2) % 3 + 1).astype(np.int32)
    nodes = pl.DataFrame({"user_id": ids, "parent_id": matrix, "position": position})
    root = pl.col("parent_id") == 0
    nodes = nodes.with_columns(pl.when(~root).then(pl.col(name)).alias(name) for name in ("position", "parent_id"))
    nodes.write_parquet(partial / "nodes.parquet")
    partial.rename(folder)
    return folder


def generate_closure() -> Path:
    """A filled matrix and its closure of seven million rows."""
    import polars as pl

    from mlm_audit.demo.platform import closure_levels

    folder = DATA / "trees-closure"
    if not (folder / "closure.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        source = generate("3-wide", CLOSURE_MEMBERS)
        nodes = pl.read_parquet(source / "nodes.parquet")
        nodes.write_parquet(folder / "nodes.parquet")
        rows = pl.concat(list(closure_levels(nodes)))
        rows.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / "closure.parquet")
    return folder


def read(folder: Path) -> Any:
    """Both tables, every column."""
    import polars as pl

    return pl.read_parquet(folder / "members.parquet"), pl.read_parquet(folder / "nodes.parquet")


def floor(folder: Path) -> object:
    """Reading the needed columns, numbers as arrays, nothing else."""
    members, nodes = read(folder)
    columns = [*members.drop("role"), *nodes]
    return sum(len(column.to_numpy()) for column in columns)


def ours(folder: Path) -> object:
    """Reading, and every check of sponsor tree and matrix: edges, rings, dates, roots, positions, seats, placement."""
    import polars as pl

    from mlm_audit.checks.trees.closure_records import Records
    from mlm_audit.checks.trees.facts import TreeArrays, TreeInput
    from mlm_audit.checks.trees.matrix import Matrix
    from mlm_audit.checks.trees.sponsors import sponsor_issues
    from mlm_audit.domain.plan import PlanRules

    members, nodes = read(folder)
    ints = dict.fromkeys(("id", "ancestor_id", "descendant_id"), pl.Int64) | {"depth": pl.Int32}
    none = pl.DataFrame(schema=dict.fromkeys(("member_id", "from_orders_paisa", "to_them_paisa"), pl.Int64))
    given = TreeInput(members, nodes, pl.DataFrame(schema=ints), none, none, None, "", PlanRules())
    facts = TreeArrays(given)
    records = Records(facts)
    return len(sponsor_issues(facts, records)) + len(Matrix(facts, records).find())


def ours_sponsor(folder: Path) -> object:
    """What the peers below do, after reading: rings, and the depth of everybody, of the sponsor tree."""
    from mlm_audit.checks.trees.forest import plant

    frame = PREPARED[folder]
    forest = plant(frame["id"], frame["sponsor_id"])
    return len(forest.cycles()), int(forest.depth.max())


def edges(folder: Path) -> Any:
    """Child and parent of the sponsor tree, as arrays."""
    known = PREPARED[folder].drop_nulls()
    return known["id"].to_numpy(), known["sponsor_id"].to_numpy()


def networkx_sponsor(folder: Path) -> object:
    """A DiGraph, its strongly connected components and its self-loops, then depths by breadth-first layers."""
    import networkx as nx

    child, parent = edges(folder)
    graph = nx.DiGraph()
    graph.add_edges_from(zip(parent.tolist(), child.tolist(), strict=True))
    rings = sum(len(part) > 1 for part in nx.strongly_connected_components(graph)) + nx.number_of_selfloops(graph)
    tops = [node for node, degree in graph.in_degree() if degree == 0]
    return rings, sum(1 for _ in nx.bfs_layers(graph, tops)) - 1


def rustworkx_sponsor(folder: Path) -> object:
    """A PyDiGraph and its strongly connected components; no depths."""
    import rustworkx as rx

    child, parent = edges(folder)
    graph = rx.PyDiGraph()
    graph.extend_from_edge_list(list(zip(parent.tolist(), child.tolist(), strict=True)))
    return sum(len(part) > 1 for part in rx.strongly_connected_components(graph)) + int((child == parent).sum())


def scipy_sponsor(folder: Path) -> object:
    """Strongly connected components of a sparse matrix; no depths."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    child, parent = edges(folder)
    size = int(max(child.max(), parent.max())) + 1
    graph = csr_array((np.ones(len(child), np.int8), (parent, child)), shape=(size, size))
    count, _ = connected_components(graph, directed=True, connection="strong")
    return size - count + int((child == parent).sum())


def duckdb_sponsor(folder: Path) -> object:
    """A recursive query from the roots down: depths; whoever it does not reach is on or below a ring, or cut off."""
    return (
        PREPARED[folder]
        .execute(
            """with recursive down as (
            select id, 0 as depth from members where sponsor_id is null
            union all select m.id, d.depth + 1 from down as d join members as m on m.sponsor_id = d.id
        ) select count(*), max(depth) from down"""
        )
        .fetchall()
    )


def closure_floor(folder: Path) -> object:
    """Reading the closure table, as arrays."""
    import polars as pl

    return sum(len(column.to_numpy()) for column in pl.read_parquet(folder / "closure.parquet"))


def closure_check(folder: Path) -> object:
    """The check alone: both tables are in memory already (see `PREPARED`)."""
    from mlm_audit.checks.trees.closure import suspects

    closure, index, forest = PREPARED[folder]
    found, absent = suspects(forest, index, closure)
    return len(found) + len(absent)


PREPARED: dict[Path, Any] = {}


def prepare(method: str, folder: Path) -> None:
    """What is not to be timed."""
    import polars as pl

    if method == "duckdb_sponsor":
        import duckdb

        con = duckdb.connect()
        con.execute(f"create table members as select id, sponsor_id from '{folder / 'members.parquet'}'")
        PREPARED[folder] = con
    elif method.endswith("_sponsor"):
        PREPARED[folder] = pl.read_parquet(folder / "members.parquet", columns=["id", "sponsor_id"])
    elif method == "closure_check":
        from mlm_audit.checks.trees.forest import NodeIndex, plant

        nodes, closure = pl.read_parquet(folder / "nodes.parquet"), pl.read_parquet(folder / "closure.parquet")
        PREPARED[folder] = closure, NodeIndex(nodes["user_id"]), plant(nodes["user_id"], nodes["parent_id"])


METHODS = {
    f.__name__: f
    for f in (
        floor,
        ours,
        ours_sponsor,
        networkx_sponsor,
        rustworkx_sponsor,
        scipy_sponsor,
        duckdb_sponsor,
        closure_floor,
        closure_check,
    )
}
SLOW = ("networkx_sponsor", "rustworkx_sponsor")


def measure(method: str, folder: Path) -> dict[str, Any]:
    """Time a method in this process: seconds (median) and peak MiB."""
    function, times = METHODS[method], []
    prepare(method, folder)
    runs = 1 if method in SLOW else 5
    answer: object = None
    for number in range(runs if method in SLOW else runs + 1):
        started = time.perf_counter()
        answer = function(folder)
        if number or method in SLOW:
            times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    return {"seconds": statistics.median(times), "peak_mib": peak, "answer": str(answer)}


def in_process(method: str, folder: Path, limit: float = 900) -> dict[str, Any] | None:
    """The same in a process of its own; None when it does not end in time."""
    command = [sys.executable, "-m", "benchmarks.trees", "--one", method, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "FOLDER"))
    parser.add_argument("--sizes", default="1,10", help="millions of members, comma-separated")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], Path(given.one[1]))))
        return
    print("| members | forest | method | s | ratio | peak MiB | |\n|---:|---|---|---:|---:|---:|---|")
    for size in map(int, given.sizes.split(",")):
        for shape in SHAPES:
            folder = generate(shape, size * MILLION)
            base = row(size, shape, "floor", folder, None)
            row(size, shape, "ours", folder, base)
            own = row(size, shape, "ours_sponsor", folder, None)
            for peer in ("scipy_sponsor", "duckdb_sponsor", "rustworkx_sponsor", "networkx_sponsor"):
                # Peers that would take minutes, or 16 GB, are measured where they show all there is to see.
                if (
                    peer not in SLOW
                    or (size == 1 and shape == "random")
                    or (peer == "rustworkx_sponsor" and shape == "random")
                ):
                    row(size, shape, peer, folder, own)
    folder = generate_closure()
    base = row(1, "closure, 7 million rows", "closure_floor", folder, None)
    row(1, "closure, 7 million rows", "closure_check", folder, base)


def row(size: int, shape: str, method: str, folder: Path, base: float | None) -> float | None:
    limit = 120 if method.startswith(("duckdb", "scipy")) else 900
    result = in_process(method, folder, limit)
    about = (METHODS[method].__doc__ or "").strip()
    if result is None:
        print(f"| {size} M | {shape} | {method} | > {limit} | | | {about} |", flush=True)
        return None
    ratio = f"{result['seconds'] / base:.1f}" if base else "1.0"
    print(
        f"| {size} M | {shape} | {method} | {result['seconds']:.3f} | {ratio} | {result['peak_mib']} | {about} |",
        flush=True,
    )
    return float(result["seconds"])


if __name__ == "__main__":
    main()
