"""Runs the same checks on Spark, for platforms that one machine cannot handle.

SQLGlot translates the same SQL files, and the breaks are the same. Spark is an extra: `pip install mlm-audit[spark]`,
with a Java of version 17 or later.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine
from mlm_audit.engine.parameters import SHARES
from mlm_audit.engine.parquet_parts import parts_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FIELDS: dict[str, str] = {
    "spark.app.name": "mlm-audit",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a sum beyond 64 bits is an error, and never another number
    "spark.sql.cteRecursionRowLimit": "-1",
    "spark.sql.cteRecursionLevelLimit": "-1",
    # The planner would take minutes and gigabytes to infer filters from the long case expressions, and would gain
    # nothing.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.caseSensitive": "true",
}
AS_DUCKDB = "map('timestampNTZFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS', 'ignoreNullFields', 'false')"
"""Options with which Spark writes JSON as DuckDB does."""
ZEROS = r'("\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d*[1-9])?)\.?0*"'
"""Matches a time in a JSON text and the zeros at its end, which DuckDB leaves out."""
OUR_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


def to_spark(sql: str, share: str = SHARES["exact"]) -> str:
    """Return a query of the checks in Spark's dialect. Like DuckDB, it sums in 128 bits and hashes into 64 bits.

    `share` is what stands for `share_of(amount, bps)`.
    """
    import sqlglot
    from sqlglot import expressions as exp

    [tree] = sqlglot.parse(sql, read="duckdb")
    if tree is None:
        raise ValueError("an empty query")
    # The innermost call comes last, so that a share of a share is complete before it is replaced.
    for call in reversed([node for node in tree.find_all(exp.Anonymous) if node.name.lower() == "share_of"]):
        given = dict(zip(("amount", "bps"), call.expressions, strict=True))
        written = sqlglot.parse_one(share, read="duckdb")
        for column in list(written.find_all(exp.Column)):
            column.replace(exp.paren(given[column.name].copy()))
        call.replace(written)
    for total in list(tree.find_all(exp.Sum)):
        total.set("this", exp.cast(total.this, "DECIMAL(38, 0)"))
    for call in [node for node in tree.find_all(exp.Anonymous) if node.name.lower() == "hash"]:
        # The hash of an INT differs from the hash of the same BIGINT.
        call.replace(
            exp.Anonymous(this="xxhash64", expressions=[exp.cast(one.copy(), "BIGINT") for one in call.expressions])
        )
    for call in [node for node in tree.find_all(exp.Anonymous) if node.name.lower() == "epoch_us"]:
        # Spark counts microseconds only of instants with a zone. The zone of the session is UTC.
        call.replace(
            exp.Anonymous(this="unix_micros", expressions=[exp.cast(call.expressions[0].copy(), "TIMESTAMPLTZ")])
        )
    for call in [node for node in tree.find_all(exp.Anonymous) if node.name.lower() == "to_json"]:
        call.append("expressions", sqlglot.parse_one(AS_DUCKDB, read="spark"))
    return tree.sql(dialect="spark", identify=True)


def session_of(settings: Settings, scratch: Path) -> "SparkSession":
    """Return a Spark session, started or joined. Raise InputError when Spark or its Java is missing."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError(
            "--engine spark: PySpark is not installed; install it with pip install 'mlm-audit[spark]'"
        ) from error
    builder = SparkSession.builder.master(settings.spark_master)
    fields = FIELDS | {"spark.local.dir": str(scratch), "spark.sql.warehouse.dir": str(scratch / "warehouse")}
    if settings.spark_master.startswith("local"):
        fields |= OUR_MACHINE | {
            "spark.driver.memory": f"{settings.memory_limit_mb}m",
            "spark.sql.shuffle.partitions": "8",
        }
        if settings.threads:
            builder = builder.master(f"local[{settings.threads}]")
    for name, value in fields.items():
        builder = builder.config(name, value)
    # The warning is about pandas, and nothing is passed to Spark as pandas data.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    try:
        with _java_told(scratch / "spark.log"):
            session: SparkSession = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise InputError(f"--engine spark: Spark did not start ({error}); it requires Java 17 or later") from error
    session.sparkContext.setLogLevel("OFF")
    return session.newSession()


@contextmanager
def _java_told(log: Path) -> Iterator[None]:
    """Redirect the output of Java to a file, from its start until it ends.

    Java inherits our stderr and would write to it.
    """
    sys.stderr.flush()
    ours = os.dup(2)
    with log.open("ab") as opened:
        os.dup2(opened.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


def _errors() -> tuple[type[Exception], ...]:
    """Return the errors of Spark, of Java, and of translating a query."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from sqlglot.errors import SqlglotError

    return (PySparkException, Py4JError, SqlglotError)


class SparkAsk:
    """Spark, for queries in DuckDB's dialect."""

    def __init__(self, spark: "SparkSession") -> None:
        self.spark, self.share = spark, SHARES["exact"]

    def rows(self, sql: str) -> "DataFrame":
        """Return a query's result, which is not computed yet."""
        return self.spark.sql(to_spark(sql, self.share))

    def columns(self, sql: str) -> list[str]:
        """Return the columns that a query gives."""
        return list(self.rows(sql).columns)

    def frame(self, sql: str) -> pl.DataFrame:
        """Return the rows that a query gives."""
        answer = pl.from_arrow(self.rows(sql).toArrow())
        assert isinstance(answer, pl.DataFrame)
        return answer

    def found(self, sql: str) -> pl.DataFrame:
        """Return the rows that a check finds."""
        return self.frame(sql).with_columns(pl.col("evidence", "facts").str.replace_all(ZEROS, '$1"'))


class SparkEngine(Engine):
    """A Spark session over one snapshot. Use it as a context manager."""

    def _open(self) -> None:
        self.spark = session_of(self.settings, self.snapshot)
        self.ask: SparkAsk = SparkAsk(self.spark)
        self.errors = (*self.errors, *_errors())
        self._kept: list[DataFrame] = []

    def _close(self) -> None:
        for frame in self._kept:
            frame.unpersist()

    def _interrupt(self) -> None:
        self.spark.sparkContext.cancelAllJobs()

    def _only_reads(self, query: str) -> None:
        if (why := why_not_read_only(query, "duckdb")) is not None:
            raise InputError(f"sql: only one read-only query is accepted, but {why}")

    def _view(self, name: str) -> None:
        self.spark.read.parquet(*self._paths(parts_of(self.snapshot, name))).createOrReplaceTempView(name)

    def _paths(self, files: Sequence[Path]) -> list[str]:
        folder, url = self.settings.snapshots_dir, self.settings.spark_files_url
        if url is None or folder is None:
            return [str(file.absolute()) for file in files]
        return [f"{url.rstrip('/')}/{file.absolute().relative_to(folder.absolute())}" for file in files]

    def _table(self, name: str, frame: pl.DataFrame) -> None:
        self.spark.createDataFrame(frame.to_arrow()).createOrReplaceTempView(name)

    def _keep(self, name: str, sql: str, *, lazy: bool) -> None:
        frame = self.ask.rows(sql)
        if not lazy:
            # Cut the frame off from its plan. Spark would otherwise compare ever longer plans with what it has kept.
            frame = frame.localCheckpoint()
            self._kept.append(frame)
        frame.createOrReplaceTempView(name)

    def _define(self, call: str, expression: str) -> None:
        assert call == "share_of(amount, bps)", (
            "Spark has no macros, so that calls are replaced when a query is translated"
        )
        self.ask.share = expression
