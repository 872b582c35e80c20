"""Every check keeps to what both engines understand, seen on its syntax tree. Neither Spark nor Java is needed for that."""

import pytest
import sqlglot
from sqlglot import exp

from mlm_audit.checks.catalogue import load_checks, load_views
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
OURS = {"hash", "epoch_us"}
"""Functions that only DuckDB has and that are carried over by us."""


@pytest.mark.parametrize("name", QUERIES)
def test_a_check_keeps_to_the_portable_subset(name: str) -> None:
    [tree] = sqlglot.parse(QUERIES[name], read="duckdb")
    assert tree is not None
    assert not [node.sql() for node in tree.find_all(*NOT_PORTABLE)]
    assert not [node.sql() for node in tree.find_all(exp.DataType) if node.this in FLOATS]
    assert not [node.sql() for node in tree.find_all(exp.Anonymous) if node.name.lower() not in OURS]
    assert not [node.sql() for node in tree.find_all(exp.Join) if node.args.get("method") == "ASOF"]
    assert not [node.sql() for node in tree.find_all(exp.SetOperation) if node.args.get("by_name")]
    assert not [node.sql() for node in tree.find_all(exp.Literal) if not node.is_string and "." in node.name]


@pytest.mark.parametrize(
    "sql", ["select a / b from t", "select x::DOUBLE from t", "select median(x) from t", "select foo(x) from t"]
)
def test_what_is_not_portable_is_seen(sql: str) -> None:
    QUERIES["of a test"] = sql
    try:
        with pytest.raises(AssertionError):
            test_a_check_keeps_to_the_portable_subset("of a test")
    finally:
        del QUERIES["of a test"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_check_can_be_carried_over(name: str) -> None:
    spark = to_spark(QUERIES[name])
    [tree] = sqlglot.parse(spark, read="spark")
    assert tree is not None
    assert "HASH(" not in spark.replace("xxhash64(", "").upper().replace("XXHASH64(", "")
