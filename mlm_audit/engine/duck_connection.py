"""Connections to DuckDB that can only read given folders, and what is asked of them."""

from contextlib import suppress
from pathlib import Path

import duckdb

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.read_only import why_not_read_only
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.parquet_parts import folders_of, quoted


def connect(allowed: Path, settings: Settings, *more: Path) -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB that can read only the folder `allowed` with its parts, and `more`.

    It can load no extension and use no network. It takes the memory and the threads of the settings.
    """
    con = duckdb.connect(":memory:")
    if settings.threads:
        con.execute(f"set threads = {settings.threads}")
    con.execute(f"set memory_limit = '{settings.memory_limit_mb}MiB'")
    con.execute(f"set temp_directory = {quoted(allowed / 'spill')}")
    con.execute("set preserve_insertion_order = false")
    if con.execute("select current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        # The progress bar would be printed into the JSON of a long run. In a notebook without ipywidgets it is off, and
        # the option may not even be named.
        con.execute("set enable_progress_bar = false")
    # The joins are written in their order: the largest first, small ones last. Letting DuckDB guess took twice the time
    # at 20 million rows.
    con.execute("set disabled_optimizers = 'join_order'")
    con.execute(f"set allowed_directories = [{', '.join(map(quoted, (allowed, *more, *folders_of(allowed))))}]")
    with suppress(duckdb.Error):  # an older DuckDB without these two settings still runs, but is less restricted
        con.execute("set autoinstall_known_extensions = false")
        con.execute("set autoload_known_extensions = false")
    con.execute("set enable_external_access = false")
    return con


def only_reads(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise InputError unless the text is one query that only reads: it changes, attaches, sets and writes nothing.

    DuckDB's own parser determines the kinds of statements, and SQLGlot determines which functions are called.
    """
    try:
        kinds = [statement.type for statement in con.extract_statements(query)]
    except duckdb.Error as error:
        raise InputError(f"sql: {first_line(error)}") from error
    if not kinds:
        raise InputError("sql: enter one query that returns rows, such as select count(*) from ledger")
    if kinds != [duckdb.StatementType.SELECT]:
        found = (
            "this is more than one statement"
            if len(kinds) > 1
            else f"this is {str(kinds[0]).rsplit('.', maxsplit=1)[-1]}"
        )
        raise InputError(
            f"sql: only one read-only query is accepted, but {found}; use select … (a pivot must list its values: in (…))"
        )
    if (why := why_not_read_only(query, "duckdb")) is not None:
        raise InputError(f"sql: only one read-only query is accepted, but {why}")


def scalar(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Return the single integer that a query returns."""
    # fetchall is used and not fetchone: DuckDB 2 refuses the next statement while a result is unfinished.
    return int(con.execute(sql).fetchall()[0][0])


def first_line(error: Exception) -> str:
    """Return the part of an error that fits in one line: what is wrong, and any suggestion."""
    first, *rest = str(error).strip().splitlines()
    meant = [line.strip() for line in rest if line.startswith(("Did you mean", "Candidate"))]
    more = (
        ["(to allow more memory, set MEMORY_LIMIT_MB or --memory-limit)"]
        if isinstance(error, duckdb.OutOfMemoryException)
        else []
    )
    return " ".join([first, *meant, *more])
