"""Every DuckDB session of a run keeps to the memory and the threads that the settings give."""

from pathlib import Path

from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck_connection import connect


def test_a_session_takes_memory_and_threads_of_the_settings(tmp_path: Path) -> None:
    with connect(tmp_path, Settings(memory_limit_mb=256, threads=1)) as con:
        query = "select current_setting('memory_limit'), current_setting('threads')::BIGINT"
        assert con.execute(query).fetchall() == [("256.0 MiB", 1)]
