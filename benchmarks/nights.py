"""A night on platforms whose history is ten and a hundred times as long: `make bench-nights` (hours, most of it generating).

A million members; in every month of history they are given two bonuses each, withdraw once, a third of them buy, and the sweep
releases what that earns their uplines. Then one day of 50,000 new ledger rows. Each run is a process of its own. The first reads
everything, under a memory limit; the nights after it read what changed. The floor is the cheapest question that there is about
the whole ledger: `select count(*), sum(amount)`.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from statistics import median

import duckdb

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.periods import Month, month_of, parse_month, zone

DATA = Path(__file__).parent / "data"
MEMBERS, NEW_ROWS, ALL_ROWS = 1_000_000, 50_000, (1_000_000, 10_000_000, 100_000_000)
PER_MEMBER_AND_MONTH = 4
"""Ledger rows: two bonuses, a withdrawal, of every third an order with two lines, and a release to every third or so."""
COMMISSION, SHARES = 100_000, (17_500, 14_000, 10_500, 7_000, 7_000)
COMPANY, POT = 30_000, 70_000
IST, LAST = zone("Asia/Kolkata"), "2026-10"
BATCH = 100_000
COLUMNS = {
    "order": ("id", "userId", "total", "commissionAmount", "status", "isJoiningOrder", "paidAt", "createdAt"),
    "ledger": ("id", "userId", "type", "amount", "referenceId", "ref", "balanceAfter", "levelDepth", "createdAt"),
    "commissions": ("id", "userId", "fromUserId", "orderId", "amount", "level", "type", "status", "processedAt", "createdAt"),
    "withdrawal_requests": ("id", "userId", "amount", "status", "requestedAt", "processedAt"),
    "EligibilityLog": ("id", "userId", "month", "year", "isEligible", "monthlyPurchase", "requiredPurchase", "kycApproved", "rolledUpAmount", "createdAt"),
}  # fmt: skip


class Maker:
    """Writes a platform of a number of ledger rows into a SQLite file, month by month."""

    def __init__(self, path: Path, members: int) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -2000000", "foreign_keys = off"):
            self.db.execute(f"pragma {pragma}")
        self.con = duckdb.connect()
        self.con.execute("set memory_limit = '6GB'")
        self.members, self.ids = members, dict.fromkeys(COLUMNS, 0)
        self.con.execute(f"create table uplines as {_uplines(members)}")
        self.con.execute(f"create table held as select range as id, 0::BIGINT as paisa from range(1, {members + 1})")

    def people(self, at: datetime) -> None:
        """Members in a 3-wide tree, each with a joining order that is worth nothing."""
        text = _text(at)
        self._fill(
            'users (id, fullName, mobileNo, role, isActive, isBlocked, isKycApproved, monthlyPurchase, lastMonthPurchase, isEligibleRepurchase, walletBalance, createdAt, "sponsorId")',
            f"select range, 'Member ' || range, 'M' || range, 'user', 1, 0, 1, 0, 0, 1, 0, '{text}', case when range > 1 then (range + 1) // 3 end from range(1, {self.members + 1})",
        )
        self._fill(
            "matrix_nodes (userId, parentId, position)",
            f"select range, case when range > 1 then (range + 1) // 3 end, (range + 1) % 3 + 1 from range(1, {self.members + 1})",
        )
        self._fill_of(
            "order", f"select range, range, 100, 0, 'paid', 1, '{text}', '{text}' from range(1, {self.members + 1})"
        )
        self.ids["order"] = self.members

    def month(self, month: Month, ledger_rows: int, *, now: datetime | None = None) -> None:
        """A month in which so many ledger rows are written; one that is not over yet, of which it is `now`, is not swept either."""
        is_over = now is None
        acting = int(ledger_rows / (PER_MEMBER_AND_MONTH if is_over else PER_MEMBER_AND_MONTH - 1))
        first, con = self.ids, self.con
        con.execute(
            f"create or replace table acting as select range as id, row_number() over (order by range) as n from range(1, {acting + 1})"
        )
        con.execute(
            f"create or replace table bought as select row_number() over (order by id) + {first['order']} as order_id, id from acting where id % 3 = {month.key % 3}"
        )
        con.execute(
            f"""create or replace table lines as select row_number() over (order by b.order_id, u.level) + {first["commissions"]} as id,
            u.upline_id, b.id as buyer, b.order_id, ({list(SHARES)})[u.level] as amount, u.level from bought as b inner join uplines as u on b.id = u.member_id"""
        )
        start, end = _text(now or month.start + timedelta(hours=9)), _text(month.end + timedelta(hours=2))
        self._fill_of(
            "order", f"select order_id, id, {COMMISSION * 2}, {COMMISSION}, 'paid', 0, '{start}', '{start}' from bought"
        )
        status = f"'released', '{end}'" if is_over else "'pending', null"
        self._fill_of(
            "commissions",
            f"select id, upline_id, buyer, order_id, amount, level, 'repurchase', {status}, '{start}' from lines",
        )
        self._fill_of(
            "withdrawal_requests",
            f"select n + {first['withdrawal_requests']}, id, 4000, 'approved', '{start}', '{start}' from acting",
        )
        released = f"select upline_id, sum(amount)::BIGINT as paisa from lines where {is_over} group by upline_id"
        self._fill_of(
            "EligibilityLog",
            f"select row_number() over (order by upline_id) + {first['EligibilityLog']}, upline_id, {month.key % 100}, {month.key // 100}, 1, {COMMISSION * 2}, 50000, 1, 0, '{end}' from ({released})",
        )
        if is_over:
            self.db.execute(
                "insert into MonthlyStats (month, year, monthYear, eligibleUsers, ineligibleUsers, totalRolledUpAmount, lastUpdated) values (?, ?, ?, 0, 0, 0, ?)",
                (month.key % 100, month.key // 100, f"{month.key // 100}-{month.key % 100:02}", end),
            )
        self._post(month, start, end, released, first)

    def _post(self, month: Month, start: str, end: str, released: str, first: dict[str, int]) -> None:
        earned = "select order_id, sum(amount) as paid from lines group by order_id"
        rest = f"({POT} - coalesce(e.paid, 0))::BIGINT"
        self.con.execute(
            f"""create or replace table posted as select row_number() over (order by place, user_id, reference) + {first["ledger"]} as id, * from (
            select 1 as place, id as user_id, 'bonus' as type, 5000::BIGINT as amount, {first["ledger"]} + n as reference, 'at' as tag, '{start}' as at from acting
            union all select 2, id, 'bonus', 5000, {first["ledger"]} + 100000000000 + n, 'bt', '{start}' from acting
            union all select 3, id, 'withdrawal', -4000, n + {first["withdrawal_requests"]}, 'w', '{start}' from acting
            union all select 4, null, 'company_share', {COMPANY}, order_id, 'c', '{start}' from bought
            union all select 5, null, 'remainder', {rest}, b.order_id, 'r', '{start}' from bought as b left join ({earned}) as e on b.order_id = e.order_id
            union all select 6, upline_id, 'repurchase_commission', paisa, {month.key}, 's', '{end}' from ({released}))"""
        )
        self._fill_of(
            "ledger",
            """select p.id, p.user_id, p.type, p.amount, p.reference::VARCHAR, p.tag || '_' || p.id,
            case when p.user_id is not null then h.paisa + sum(p.amount) over (partition by p.user_id order by p.id) end::BIGINT, null, p.at
            from posted as p left join held as h on p.user_id = h.id order by p.id""",
        )
        self.con.execute(
            "create or replace table held as select h.id, h.paisa + coalesce(p.paisa, 0) as paisa from held as h left join (select user_id, sum(amount)::BIGINT as paisa from posted where user_id is not null group by user_id) as p on h.id = p.user_id"
        )
        for table, source in {
            "order": "bought",
            "commissions": "lines",
            "ledger": "posted",
            "withdrawal_requests": "acting",
        }.items():
            [(more,)] = self.con.execute(f"select count(*) from {source}").fetchall()
            self.ids[table] += more
        self.ids["EligibilityLog"] += self.con.execute(f"select count(*) from ({released})").fetchall()[0][0]

    def _fill_of(self, table: str, query: str) -> None:
        names = ", ".join(f'"{name}"' for name in COLUMNS[table])
        self._fill(f'"{table}" ({names})', query)

    def _fill(self, into: str, query: str) -> None:
        self.db.execute("begin")
        answer = self.con.execute(query)
        while rows := answer.fetchmany(BATCH):
            self.db.executemany(f"insert into {into} values ({', '.join('?' * len(rows[0]))})", rows)
        self.db.execute("commit")

    def close(self) -> None:
        """Set the wallets, and put the file into its usual mode."""
        held = self.con.execute("select paisa, id from held where paisa <> 0").fetchall()
        self.db.execute("begin")
        self.db.executemany("update users set walletBalance = ? where id = ?", held)
        self.db.execute("commit")
        self.db.execute("pragma journal_mode = wal")
        self.db.close()
        self.con.close()


def _uplines(members: int) -> str:
    parents = ["range"]
    for _ in SHARES:
        parents.append(f"(({parents[-1]}) + 1) // 3")
    levels = " union all ".join(
        f"select range as member_id, {level} as level, {parent} as upline_id from range(2, {members + 1}) where {parent} >= 1"
        for level, parent in enumerate(parents[1:], start=1)
    )
    return f"select * from ({levels})"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.000000")


def months_until(last: str, count: int) -> Iterator[Month]:
    month = parse_month(last, IST)
    back = [month]
    for _ in range(count - 1):
        back.append(month_of(back[-1].start - timedelta(days=1), IST))
    return reversed(back)


def platform(rows: int, members: int) -> Path:
    """A platform with so many ledger rows of history, made when it is not there."""
    path = DATA / f"nights-{rows}.db"
    if path.exists():
        return path
    DATA.mkdir(exist_ok=True)
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    engine = open_engine(f"sqlite:///{making}", create=True)
    init(engine)
    engine.dispose()
    maker = Maker(making, members)
    each = members * PER_MEMBER_AND_MONTH
    count = max(1, round(rows / each))
    months = list(months_until(LAST, count))
    maker.people(months[0].start - timedelta(days=40))
    for month in months:
        maker.month(month, int(min(rows / count, each)))
        print(f"  {month.key}: {maker.ids['ledger']:,} ledger rows", flush=True)
    maker.close()
    making.rename(path)
    return path


def add_a_day(path: Path, members: int, rows: int) -> None:
    """So many new ledger rows, with their orders and commissions, in the month that is not over."""
    maker = Maker(path, members)
    for table in COLUMNS:
        maker.ids[table] = maker.db.execute(f'select coalesce(max(id), 0) from "{table}"').fetchone()[0]
    maker.con.execute("delete from held")
    maker.con.executemany(
        "insert into held values (?, ?)",
        maker.db.execute("select id, walletBalance from users where id <= ?", (rows,)).fetchall(),
    )
    now = datetime.now(UTC)
    maker.month(month_of(now, IST), rows, now=now)
    maker.close()


Run = tuple[float, float, dict[str, object]]


def run(path: Path, folder: Path, *options: str, **settings: object) -> Run:
    """A reconciliation in a process of its own: seconds, peak in GB, its result."""
    environment = {**os.environ, "INVESTIGATE": "false", "RUNS_DIR": str(folder / "runs"), "OUTBOX_DIR": str(folder / "outbox"), "DATABASE_URL": f"sqlite:///{path}", **{name.upper(): str(value) for name, value in settings.items()}}  # fmt: skip
    command = [sys.executable, "-c", RUN, "run", "reconciliation", "--json", *options]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr[-2_000:])
    if not done.stdout.startswith("{"):
        raise SystemExit(f"not JSON: {done.stdout[:500]!r}")
    return seconds, int(done.stderr.strip().splitlines()[-1]) / 1e6, json.loads(done.stdout)


RUN = """
import resource, sys
from mlm_audit.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def some_nights(path: Path, folder: Path, given: argparse.Namespace, within: int) -> list[Run]:
    """Nights after a day each, their parts asked within so many."""
    done = []
    for _ in range(given.nights):
        add_a_day(path, given.members, NEW_ROWS)
        limit = ("--memory-limit", str(given.memory_limit))
        done.append(run(path, folder, *limit, nightly_from_rows=0, full_every_days=366, figures_within_nights=within))
    return done


def floor(path: Path) -> float:
    """Seconds of the cheapest question about the whole ledger."""
    with closing(sqlite3.connect(path)) as db:
        started = time.perf_counter()
        db.execute("select count(*), sum(amount) from ledger").fetchone()
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=ALL_ROWS)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--nights", type=int, default=2, help="of each kind; the median is shown")
    parser.add_argument("--within", type=int, nargs="*", default=(1, 7, 31), help="FIGURES_WITHIN_NIGHTS")
    parser.add_argument("--memory-limit", type=int, default=1_024)
    given = parser.parse_args()
    print(f"{given.members:,} members, {NEW_ROWS:,} new ledger rows each night\n")
    kinds = [f"night s, parts asked within {nights}" for nights in given.within]
    names = ["ledger rows", "first run s", "peak GB", *kinds, "peak GB", "floor s", "disk GB"]
    print(f"| {' | '.join(names)} |\n{'|---:' * len(names)}|", flush=True)
    for rows in given.rows:
        made = platform(rows, given.members)
        folder = DATA / f"nights-{rows}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = made  # days are added to it; a platform grows
        with closing(sqlite3.connect(path, isolation_level=None)) as db:  # its runs are stored anew
            db.execute("delete from ReconciliationReport")
        first = run(path, folder, "--full", "--memory-limit", str(given.memory_limit))
        nights = {within: some_nights(path, folder, given, within) for within in given.within}
        verdicts = {str(one[2]["verdict"]) for one in [first, *chain(*nights.values())]}
        assert verdicts == {"PASS"}, verdicts
        disk = sum(file.stat().st_size for file in (folder / "snapshots").rglob("*") if file.is_file()) / 1e9
        each = " | ".join(f"{median(seconds for seconds, *_ in some):.1f}" for some in nights.values())
        peak = max(peak for _, peak, _ in chain(*nights.values()))
        print(
            f"| {rows:,} | {first[0]:.0f} | {first[1]:.2f} | {each} | {peak:.2f} | {floor(path):.1f} | {disk:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
