"""Payouts and the sweep next to the floor and to the platform's way, in one run: `make bench-money`.

The floor is what the driver alone needs: every statement that our run sends is recorded on one copy of the database and
replayed on another, in the same transactions, with nothing around it. The platform's way is one transaction per member,
a sample of it, extrapolated. Servers are durable, as a real platform's are. Ratios are what to quote.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url, select, text

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.tables import Commission
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from tests.support import servers
from tests.support.running import run_job

END = datetime(2026, 10, 31, 19, 30, tzinfo=UTC)
"""01:00 IST on 1 November: October is over and not swept."""
LATER = END + timedelta(days=60)
SAMPLE_MEMBERS = 2_000


class Copies:
    """Copies of one database, made from a template, so that every method starts from the same rows."""

    def __init__(self, kind: str, folder: Path, platform: Platform, server: str | None) -> None:
        self.kind, self.folder, self.server = kind, folder, server
        self.number = 0
        template = self._url("template")
        if kind == "postgresql":
            self._admin("create database template")
        engine = open_engine(template, create=True)
        init(engine)
        write_platform(engine, platform)
        if kind == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("vacuum analyze"))
        engine.dispose()

    def _url(self, name: str) -> str:
        if self.kind == "sqlite":
            return f"sqlite:///{self.folder / f'{name}.db'}"
        return make_url(str(self.server)).set(database=name).render_as_string(hide_password=False)

    def _admin(self, statement: str) -> None:
        admin = create_engine(
            make_url(str(self.server)).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as connection:
            connection.execute(text(statement))
        admin.dispose()

    @contextmanager
    def copy(self) -> Iterator[str]:
        """A fresh copy; dropped afterwards."""
        self.number += 1
        name = f"copy{self.number}"
        if self.kind == "sqlite":
            shutil.copyfile(self.folder / "template.db", self.folder / f"{name}.db")
        else:
            self._admin(f"create database {name} template template")
            self._admin("checkpoint")
        try:
            yield self._url(name)
        finally:
            if self.kind == "sqlite":
                for path in self.folder.glob(f"{name}.db*"):
                    path.unlink()
            else:
                self._admin(f"drop database {name}")


@dataclass
class Recorded:
    """What a run sent: ("execute" | "many" | "begin" | "commit" | "rollback", statement, parameters)."""

    steps: list[tuple[str, str, Any]]


def record(engine: Engine, job: Callable[[Engine], object]) -> Recorded:
    """Every statement of a run, in order, with its transactions."""
    steps: list[tuple[str, str, Any]] = []

    def on_execute(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:  # noqa: FBT001
        steps.append(("many" if many else "execute", statement, parameters))

    event.listen(engine, "before_cursor_execute", on_execute)
    if engine.dialect.name != "sqlite":
        event.listen(engine, "begin", lambda *_: steps.append(("begin", "", None)))
    event.listen(engine, "commit", lambda *_: steps.append(("commit", "", None)))
    event.listen(engine, "rollback", lambda *_: steps.append(("rollback", "", None)))
    job(engine)
    return Recorded(steps)


def replay(url: str, recorded: Recorded) -> float:
    """Seconds that the driver alone needs for the same."""
    parsed = make_url(url)
    connection: Any
    if parsed.drivername == "sqlite":
        connection = sqlite3.connect(str(parsed.database), isolation_level=None)
        connection.execute("pragma foreign_keys = on")
    else:
        connection = psycopg.connect(parsed.set(drivername="postgresql").render_as_string(hide_password=False))
    cursor = connection.cursor()
    started = time.perf_counter()
    for kind, statement, parameters in recorded.steps:
        if kind == "many":
            cursor.executemany(statement, parameters)
        elif kind == "execute":
            cursor.execute(statement, parameters)
            if cursor.description is not None:
                cursor.fetchall()
        elif kind == "commit":
            connection.commit()
        elif kind == "rollback":
            connection.rollback()
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def timed(url: str, job: Callable[[Engine], object]) -> float:
    engine = open_engine(url)
    with engine.connect():
        pass
    started = time.perf_counter()
    job(engine)
    seconds = time.perf_counter() - started
    engine.dispose()
    return seconds


def settings(folder: Path) -> Settings:
    # No mail: a benchmark of money. A server that is not there leaves the notices queued.
    changes = {
        "payout_batch_pause_ms": 0,
        "job_lease_seconds": 86_400,  # no heartbeat between the recorded statements
        "payout_limit_per_minute": 100_000_000,
        "payout_run_cap_paisa": 10**15,
        "email_host": "127.0.0.1",
        "email_port": 9,
        "outbox_dir": folder / "outbox",
    }
    return Settings().model_copy(update=changes)


def payouts_job(folder: Path, limit: int) -> Callable[[Engine], object]:
    mine = settings(folder)
    return lambda engine: run_job("weekly-payouts", engine, mine, lambda: LATER, limit=limit)


def sweep_job(folder: Path) -> Callable[[Engine], object]:
    mine = settings(folder)
    return lambda engine: run_job("monthly-eligibility-sweep", engine, mine, lambda: END, month="2026-10")


def platform_payouts(engine: Engine, limit: int) -> float:
    """One transaction per instalment, as the platform did it: read, mark, post, credit, record."""
    from mlm_audit.database.core.connect import write
    from mlm_audit.database.writes import payouts as db
    from mlm_audit.database.writes.payouts import Decision
    from mlm_audit.domain.payouts import InstalmentState, PayoutStatus, why_held

    with engine.connect() as connection:
        due = db.due(connection, PayoutStatus.PENDING, LATER.replace(tzinfo=None), limit)
        people = db.members(connection, (instalment.member_id for instalment in due))
    stated = {instalment.id: Decision(instalment, InstalmentState(PayoutStatus.PAID)) for instalment in due}
    ids = [i.id for i in due if why_held(db.facts_of(i, people.get(i.member_id), is_credited=False)) is None]
    started = time.perf_counter()
    for number in ids:
        with write(engine) as connection:
            claimed, _ = db.claim(connection, stated, [number])
            db.pay(
                connection,
                [Decision(i, InstalmentState(PayoutStatus.PAID)) for i in claimed],
                PayoutStatus.PENDING,
                "platform",
                LATER.replace(tzinfo=None),
            )
    return (time.perf_counter() - started) / len(ids)


def platform_sweep(engine: Engine, members: int) -> float:
    """Seconds per member when each is read, decided and written in a transaction of their own."""
    from mlm_audit.database.core.connect import consistent_read, write
    from mlm_audit.database.reads.member_month import read_member_month
    from mlm_audit.database.writes.sweep import Ruling, SweepContext, decide_batch
    from mlm_audit.domain.eligibility import is_eligible, judge, reasons_of
    from mlm_audit.domain.periods import naive, parse_month

    month, rules = parse_month("2026-10", zone("Asia/Kolkata")), load_plan().rules
    with engine.connect() as connection:
        ids = connection.execute(select(Commission.user_id).distinct().limit(members)).scalars().all()
    names = {"three_three", "three_three_count", "monthly_purchase_required_paisa"}
    job = SweepContext("platform", month, naive(END), resets=True, rules=rules.model_dump(include=names))
    started = time.perf_counter()
    for number in ids:
        with consistent_read(engine) as connection:
            read = read_member_month(connection, number, month, rules)
        assert read is not None
        facts, conditions = read.facts, judge(read.facts, rules)
        unmet = reasons_of(conditions)
        three = not any(reason["condition"] == "three_three" for reason in unmet)
        ruling = Ruling(
            number,
            facts.is_active,
            is_eligible(conditions),
            facts.purchase_paisa,
            50_000,
            facts.is_kyc_approved,
            three,
            unmet,
        )
        with write(engine) as connection:
            decide_batch(connection, [ruling], job)
    return (time.perf_counter() - started) / len(ids)


def compare(copies: Copies, job: Callable[[Engine], object], runs: int) -> tuple[float, float]:
    """Median seconds of ours and of the floor, alternating, each on a fresh copy."""
    with copies.copy() as url:
        engine = open_engine(url)
        recorded = record(engine, job)
        engine.dispose()
    ours, floor = [], []
    for _ in range(runs):
        with copies.copy() as url:
            floor.append(replay(url, recorded))
        with copies.copy() as url:
            ours.append(timed(url, job))
    return statistics.median(ours), statistics.median(floor)


def bench_payouts(copies: Copies, folder: Path, instalments: int, runs: int) -> None:
    ours, floor = compare(copies, payouts_job(folder, instalments), runs)
    with copies.copy() as url:
        engine = open_engine(url)
        each = platform_payouts(engine, min(SAMPLE_MEMBERS, instalments))
        engine.dispose()
    print(
        f"| payouts, {copies.kind} | {instalments:,} | {ours:.2f} | {instalments / ours:,.0f} | {floor:.2f} | {floor / ours:.0%} | "
        f"{each * instalments / ours:.1f} × |",
        flush=True,
    )


def bench_sweep(copies: Copies, folder: Path, members: int, runs: int) -> None:
    ours, floor = compare(copies, sweep_job(folder), runs)
    with copies.copy() as url:
        engine = open_engine(url)
        each = platform_sweep(engine, min(SAMPLE_MEMBERS, members))
        engine.dispose()
    print(
        f"| sweep, {copies.kind} | {members:,} | {ours:.1f} | {members / ours:,.0f} | {floor:.1f} | {ours / floor:.2f} × | "
        f"{each * members / ours:.1f} × |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--instalments", type=int, default=20_000)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--databases", nargs="+", default=["postgresql", "sqlite"])
    parser.add_argument("--only", choices=["payouts", "sweep"])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    plan, tz = load_plan(), zone("Asia/Kolkata")
    spec = DemoSpec(members=options.instalments // 2, months=1, end=END)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores\n\n| job | rows | s | rows/s | floor s | of the floor | one transaction each |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for kind in options.databases:
        base = Path(tempfile.mkdtemp(prefix="mlm-audit-bench-"))
        with servers.postgresql(durable=True) if kind == "postgresql" else no_server() as server:
            if options.only != "sweep":
                copies = Copies(kind, base, build_platform(spec, plan, tz), server)
                bench_payouts(copies, base, options.instalments, options.runs)
                _drop(copies)
            if options.only != "payouts":
                platform = build_platform(replace(spec, members=options.members, months=2), plan, tz)
                copies = Copies(kind, base, platform, server)
                del platform
                bench_sweep(copies, base, options.members, 1)
        shutil.rmtree(base)


def _drop(copies: Copies) -> None:
    if copies.kind == "sqlite":
        (copies.folder / "template.db").unlink()
    else:
        copies._admin("drop database template")  # noqa: SLF001


@contextmanager
def no_server() -> Iterator[None]:
    yield None


if __name__ == "__main__":
    main()
