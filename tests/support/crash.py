"""Killing a job at a chosen point: a real child process, SIGKILL before a statement or before a commit.

The child is forked from a server process that has imported everything and has no threads, so one costs milliseconds.
"""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from multiprocessing.queues import SimpleQueue
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Row, Table, event, inspect

from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.tables import Base
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.trees.run import check_tree_health
from tests.support.running import run_job

PRELOAD = [
    "tests.support.crash",
    "tests.support.preload",
    "altair",
    "PIL.Image",
    "vl_convert",
    "mlm_audit.engine.eligibility",
    "psycopg",
    "pyarrow.compute",
    "pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
]
LONG_SECONDS = 600


@dataclass(frozen=True)
class Task:
    """A job to run in a child: its name, the settings, the moment it believes in."""

    job: str
    url: str
    settings: dict[str, Any]
    now: datetime

    def open(self) -> Engine:
        """The platform, through the mapping that the settings select, if any."""
        named = {"database_url": SecretStr(self.url)} | self.settings
        return open_platform(Settings().model_copy(update=named))

    def run(self, engine: Engine, pause: Callable[[float], object] = time.sleep) -> None:
        """`pause` is what a payout run does after each batch."""
        settings = Settings().model_copy(update=self.settings)
        if self.job == "monthly-eligibility-sweep":
            run_job("monthly-eligibility-sweep", engine, settings, lambda: self.now)
        elif self.job == "tree-health-check":
            check_tree_health(engine, settings, lambda: self.now, repair=True)
        else:
            run_job(self.job, engine, settings, lambda: self.now, sleep=pause)


def in_child(task: Task, kill_at: int | None) -> int:
    """Run in a child, killed at that point; returns how many points it passed (0 when it was killed)."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    points: SimpleQueue[int] = context.SimpleQueue()
    child = context.Process(target=_child, args=(task, kill_at, points))
    child.start()
    child.join(LONG_SECONDS)
    assert child.exitcode is not None, "the child hangs"
    if kill_at is None:
        assert child.exitcode == 0, child.exitcode
        return points.get()
    if child.exitcode == 0:
        return points.get()
    assert child.exitcode == -signal.SIGKILL, child.exitcode
    return 0


def _child(task: Task, kill_at: int | None, points: "SimpleQueue[int]") -> None:
    engine = task.open()
    number = count(1)
    last = 0

    def point(*_: object) -> None:
        nonlocal last
        if threading.current_thread().name.startswith("heartbeat"):
            return
        last = next(number)
        if last == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", point)
    event.listen(engine, "commit", point)
    task.run(engine)
    engine.dispose()
    points.put(last)


class Template:
    """The rows of a database, to be put back before each crash."""

    def __init__(self, engine: Engine, others: Sequence[Table] = ()) -> None:
        self.engine = engine
        present = set(inspect(engine).get_table_names())
        self.tables = [*(table for name, table in Base.metadata.tables.items() if name in present), *others]
        with engine.connect() as connection:
            self.rows = {t.name: [dict(row) for row in connection.execute(t.select()).mappings()] for t in self.tables}
            self.raw = {table.name: self._raw(connection, table) for table in self.tables}

    def _raw(self, connection: Connection, table: Table) -> Sequence[Row[Any]]:
        """A table's rows as the driver gives them: to compare them so takes a third of the time."""
        name = self.engine.dialect.identifier_preparer.format_table(table)
        return connection.exec_driver_sql(f"select * from {name}").all()

    def restore(self) -> None:
        """Everything as it was; a table that still is so is only read, which is much faster than writing it.

        Files of earlier runs go too: the index of all runs would be made of ever more.
        """
        shutil.rmtree("runs", ignore_errors=True)
        with self.engine.begin() as connection:
            for table in self.tables:
                if self._raw(connection, table) == self.raw[table.name]:
                    continue
                connection.execute(table.delete())
                if self.rows[table.name]:
                    connection.execute(table.insert(), self.rows[table.name])
