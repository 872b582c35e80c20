"""Random histories of a platform: what it looks like at each night, rows that come late, records that somebody changes.

A history has a *world*, a SQLite file with all that ever happens; the platform at an instant is the world's rows up to
then, with what was not decided yet undecided. Between two nights the world is changed at random, also in its past.
"""

import random
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

WALLETS = 'update world.users set "walletBalance" = '
TABLES: dict[str, tuple[str | None, dict[str, str]]] = {
    # table → when a row comes into being, and what its columns are before :now reaches the instant that decides them
    "order": ("paidAt", {}),
    "ledger": ("createdAt", {}),
    "commissions": (
        "createdAt",
        {
            "status": "case when type = 'repurchase' and processedAt > :now then 'pending' else status end",
            "processedAt": "case when type = 'repurchase' and processedAt > :now then null else processedAt end",
        },
    ),
    "withdrawal_requests": (
        "requestedAt",
        {
            "status": "case when processedAt > :now then 'pending' else status end",
            "processedAt": "case when processedAt > :now then null else processedAt end",
        },
    ),
    "SelfPayoutSchedule": (
        "createdAt",
        {
            "status": "case when processedAt > :now then 'pending' else status end",
            "actualAmount": "case when processedAt > :now then null else actualAmount end",
            "processedAt": "case when processedAt > :now then null else processedAt end",
        },
    ),
    "PayoutHistory": ("createdAt", {}),
    "CommissionRollup": ("createdAt", {}),
    "EligibilityLog": ("createdAt", {}),
    "MonthlyStats": ("lastUpdated", {}),
    "matrix_nodes": (None, {}),
    "users": (
        None,
        {
            "walletBalance": '"walletBalance" - coalesce((select sum(l.amount) from world.ledger as l '
            "where l.userId = t.id and (l.createdAt > :now or l.id in (select id from world.hidden where name = 'ledger'))), 0)"
        },
    ),
}
NUMBERS = {
    "order": ("commissionAmount", "userId", "total"),
    "ledger": ("amount", "userId", "balanceAfter", "referenceId", "levelDepth"),
    "commissions": ("amount", "userId", "orderId", "level", "fromUserId"),
    "withdrawal_requests": ("amount", "userId"),
    "SelfPayoutSchedule": ("amount", "userId", "orderId", "instalment", "actualAmount"),
    "PayoutHistory": ("amount", "userId"),
    "CommissionRollup": ("rolledUpAmount", "userId", "month"),
    "EligibilityLog": ("isEligible", "userId", "month", "monthlyPurchase", "kycApproved", "threeThreeMet"),
    "MonthlyStats": ("totalRolledUpAmount", "month", "eligibleUsers"),
    "users": ("walletBalance", "isActive", "isBlocked", "monthlyPurchase", "lastMonthPurchase", "sponsorId"),
    "matrix_nodes": ("parentId",),
}
WORDS: dict[str, dict[str, tuple[object, ...] | None]] = {
    "order": {"status": ("paid", "refunded", "cancelled", "pending"), "paidAt": None, "isJoiningOrder": (0, 1)},
    "commissions": {
        "status": ("pending", "released", "rolled_up"),
        "type": ("joining", "repurchase", "bonus"),
    },
    "withdrawal_requests": {"status": ("pending", "approved", "rejected")},
    "SelfPayoutSchedule": {"status": ("pending", "paid", "failed", "permanently_failed")},
    "PayoutHistory": {"status": ("completed", "failed"), "type": ("self_payout", "bonus")},
}


class History:
    """A world and the platform that is made of it."""

    def __init__(self, template: Path, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.platform = folder / "platform.db"
        shutil.copyfile(template, self.platform)
        shutil.copyfile(template, folder / "world.db")
        self.db = sqlite3.connect(self.platform, isolation_level=None)
        self.db.execute("attach ? as world", (str(folder / "world.db"),))
        self.db.execute("create table world.hidden (name text, id integer)")
        (self.first, self.last) = self._one("select min(createdAt), max(createdAt) from world.ledger")
        self.told: list[str] = []

    def close(self) -> None:
        self.db.close()

    def _one(self, sql: str, *values: Any) -> Any:
        return self.db.execute(sql, values).fetchone()

    def instant(self, share: float) -> datetime:
        """So far into the history."""
        first, last = datetime.fromisoformat(self.first), datetime.fromisoformat(self.last)
        return first + (last - first) * share

    def show(self, now: datetime) -> None:
        """Make the platform what the world was at an instant."""
        text = now.strftime("%Y-%m-%d %H:%M:%S.%f")
        self.db.execute("begin immediate")
        for table, (since, before) in TABLES.items():
            names = [row[1] for row in self.db.execute(f'pragma main.table_info("{table}")')]
            key = "userId" if table == "matrix_nodes" else "id"
            chosen = ", ".join(f'{before[name]} as "{name}"' if name in before else f't."{name}"' for name in names)
            when = f't."{since}" is null or t."{since}" <= :now' if since else "true"
            self.db.execute(f'delete from main."{table}"')
            self.db.execute(
                f'insert into main."{table}" select {chosen} from world."{table}" as t '
                f"where ({when}) and t.{key} not in (select id from world.hidden where name = '{table}')",
                {"now": text} if since or before else {},
            )
        self.db.execute("commit")

    def meddle(self, times: int) -> None:
        """Change the world at random: edit, delete, double or hide rows, and let hidden ones come late."""
        for _ in range(times):
            getattr(
                self, self.random.choice(("_number", "_number", "_word", "_delete", "_double", "_hide", "_reveal"))
            )()

    def _pick(self, table: str) -> int | None:
        key = "userId" if table == "matrix_nodes" else "id"
        found = self._one(
            f'select {key} from world."{table}" where {key} >= abs(? % (select max({key}) + 1 from world."{table}")) limit 1',
            self.random.getrandbits(40),
        )
        return found[0] if found else None

    def _do(self, told: str, sql: str, *values: Any) -> None:
        try:
            self.db.execute(sql, values)
        except sqlite3.IntegrityError:  # a second row of the same key: this time nothing happens
            return
        self.told.append(told)

    def _number(self) -> None:
        table = self.random.choice(list(NUMBERS))
        column, key = self.random.choice(NUMBERS[table]), "userId" if table == "matrix_nodes" else "id"
        names = [row[1] for row in self.db.execute(f'pragma world.table_info("{table}")')]
        if column not in names:
            return
        by = (
            self.random.choice((1, -1, 7, 50_000, -50_000))
            if "mount" in column or "alance" in column
            else self.random.choice((1, -1, 1_000_000))
        )
        value = f'1 - "{column}"' if column.startswith(("is", "kyc", "three")) else f'"{column}" + {by}'
        if column == "referenceId":
            value = f"cast({value} as text)"
        row = self._pick(table)
        self._do(
            f"{table}.{column} of {row} by {by}",
            f'update world."{table}" set "{column}" = {value} where {key} = ?',
            row,
        )

    def _word(self) -> None:
        table = self.random.choice(list(WORDS))
        column = self.random.choice(list(WORDS[table]))
        words = WORDS[table][column]
        row = self._pick(table)
        if words is None:
            shift = self.random.choice((-40, -1, 1, 40))
            value = (
                f"strftime('%Y-%m-%d %H:%M:%f', \"{column}\", '{shift} days', '{shift * 61} seconds') || '000'"
                if self.random.random() < 0.8
                else "null"
            )
            self._do(
                f"{table}.{column} of {row} to {value}",
                f'update world."{table}" set "{column}" = {value} where id = ?',
                row,
            )
        else:
            word = self.random.choice(words)
            self._do(
                f"{table}.{column} of {row} to {word}",
                f'update world."{table}" set "{column}" = ? where id = ?',
                word,
                row,
            )

    def _delete(self) -> None:
        table = self.random.choice(list(TABLES))
        row, key = self._pick(table), "userId" if table == "matrix_nodes" else "id"
        self._do(f"{table} {row} deleted", f'delete from world."{table}" where {key} = ?', row)

    def _double(self) -> None:
        table = self.random.choice([name for name in TABLES if name not in ("users", "matrix_nodes", "MonthlyStats")])
        names = [row[1] for row in self.db.execute(f'pragma world.table_info("{table}")')]
        row = self._pick(table)
        # Some double their row long ago, in a gap of the ids, others now.
        low = self.random.random() < 0.3
        (number,) = self._one(f'select {"-1 + min(id)" if low else "max(id) + 1"} from world."{table}"')
        other = {"id": str(number), "ref": "null"}
        self._do(
            f"{table} {row} doubled as {number}",
            f'insert into world."{table}" select {", ".join(other.get(name, chr(34) + name + chr(34)) for name in names)} from world."{table}" where id = ?',
            row,
        )

    def _hide(self) -> None:
        table = self.random.choice([name for name in TABLES if name != "users"])
        row = self._pick(table)
        self._do(f"{table} {row} late", "insert into world.hidden values (?, ?)", table, row)

    def _reveal(self) -> None:
        found = self._one("select rowid, name, id from world.hidden order by random() limit 1")
        if found and self.random.random() < 0.7:
            self._do(f"{found[1]} {found[2]} there", "delete from world.hidden where rowid = ?", found[0])


def after(moment: datetime, rng: random.Random) -> datetime:
    """What the clock says some time after an instant: minutes, sometimes days, sometimes it has slipped back."""
    return moment + timedelta(minutes=rng.choice((1, 1, 10, 10, 40, 40, 300, 300, 2_000, -60)))
