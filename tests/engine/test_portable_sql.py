"""Every check keeps to what both engines understand, seen on its syntax tree.

Neither Spark nor Java is needed for that.
"""

from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from mlm_audit.checks.catalogue import load_checks, load_views
from mlm_audit.engine.parameters import SHARES
from mlm_audit.engine.spark import to_spark

QUERIES = {f"view {view.name}": view.sql for view in load_views()} | {check.code: check.sql for check in load_checks()}
FLOATS = {exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL}
NOT_PORTABLE = (
    exp.Div,  # of integers it is a float in one engine and an error in the other; // is meant
    exp.DateDiff,
    exp.TimestampDiff,
    exp.DateTrunc,
    exp.Quantile,
    exp.PercentileCont,
    exp.PercentileDisc,
    exp.Median,
    exp.ApproxQuantile,
    exp.Pivot,
    exp.Lambda,
)
RING = "with recursive a as (select x from t union select t.x from t inner join a on t.y = a.x) select x from a"
OURS = {"hash", "epoch_us", "share_of"}
"""Functions that only DuckDB has and that are carried over by us."""


def _recursions(tree: exp.Expr) -> Iterator[exp.SetOperation]:
    """The unions of queries that read themselves: Spark knows them only with ALL."""
    for query in tree.find_all(exp.CTE):
        if isinstance(query.this, exp.SetOperation) and query.alias in {
            table.name for table in query.find_all(exp.Table)
        }:
            yield query.this


@pytest.mark.parametrize("name", QUERIES)
def test_a_check_keeps_to_the_portable_subset(name: str) -> None:
    [tree] = sqlglot.parse(QUERIES[name], read="duckdb")
    assert tree is not None
    assert not [node.sql() for node in tree.find_all(*NOT_PORTABLE)]
    assert not [node.sql() for node in tree.find_all(exp.DataType) if node.this in FLOATS]
    assert not [node.sql() for node in tree.find_all(exp.Anonymous) if node.name.lower() not in OURS]
    assert not [node.sql() for node in tree.find_all(exp.Join) if node.args.get("method") == "ASOF"]
    assert not [node.sql() for node in tree.find_all(exp.SetOperation) if node.args.get("by_name")]
    assert not [node.sql() for node in _recursions(tree) if node.args.get("distinct")]
    assert not [node.sql() for node in tree.find_all(exp.Literal) if not node.is_string and "." in node.name]


@pytest.mark.parametrize(
    "sql", ["select a / b from t", "select x::DOUBLE from t", "select median(x) from t", "select foo(x) from t", RING]
)
def test_what_is_not_portable_is_seen(sql: str) -> None:
    QUERIES["of a test"] = sql
    try:
        with pytest.raises(AssertionError):
            test_a_check_keeps_to_the_portable_subset("of a test")
    finally:
        del QUERIES["of a test"]


def test_a_share_of_a_share_is_carried_over_as_a_whole() -> None:
    sql = to_spark("select share_of(a - share_of(a, b), c) from t", "(amount * bps // 10000)")
    assert "share_of" not in sql.lower()
    assert sql.count("10000") == 2
    assert to_spark("select share_of(a, 7000) from t", SHARES["binary_floor"]).count("FLOOR") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", QUERIES)
def test_a_check_can_be_carried_over(name: str) -> None:
    spark = to_spark(QUERIES[name])
    [tree] = sqlglot.parse(spark, read="spark")
    assert tree is not None
    assert "HASH(" not in spark.replace("xxhash64(", "").upper().replace("XXHASH64(", "")
