"""Explanations on a large platform, next to the reads behind them: `make bench-explain` (half an hour, most of it generating).

The platform is a SQLite file, or whatever `--db` names. Members and orders are drawn by chance, and the members with the most
ledger rows are among them; of every fifth drawn member the wallet is off. Each is asked once, cold for its own rows.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Engine, func, select, text, update

import mlm_audit
from mlm_audit.database.core.connect import open_engine, write
from mlm_audit.database.core.schema import check_inputs
from mlm_audit.database.core.tables import Ledger, Order, User
from mlm_audit.database.core.upgrade import init
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.database.reads.subsets import order_subset, wallet_subset
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.inputs import INPUTS
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import load_plan

MEMBERS, MONTHS, ASKED, LARGEST, OFF_PAISA = 1_000_000, 10, 100, 5, 31_250
FILE = Path(__file__).parent / "data" / "explain.db"


def platform_at(url: str, members: int) -> Engine:
    """The database, filled when it is empty."""
    engine = open_engine(url, create=True)
    init(engine)
    with engine.connect() as connection:
        is_empty = connection.execute(select(User.id).limit(1)).first() is None
    if is_empty:
        spec = DemoSpec(members=members, months=MONTHS, seed=1)
        write_platform(engine, build_platform(spec, load_plan(), zone("Asia/Kolkata")))
        if engine.dialect.name == "postgresql":  # which a platform's own housekeeping has done long ago
            with write(engine) as connection:
                connection.execute(text("analyze"))
    return engine


def drawn(engine: Engine) -> tuple[list[int], list[int], int]:
    """Members, orders, and how many ledger rows there are. The members' wallets are put off where they were not yet."""
    chance = random.Random(6)
    with engine.connect() as connection:
        rows = connection.execute(select(func.count()).select_from(Ledger)).scalar_one()
        most = select(Ledger.user_id).group_by(Ledger.user_id).order_by(func.count().desc()).limit(LARGEST)
        largest = list(connection.execute(most.where(Ledger.user_id.is_not(None))).scalars())
        members, orders = (connection.execute(select(func.max(column))).scalar_one() for column in (User.id, Order.id))
    asked = largest + [chance.randint(1, members) for _ in range(ASKED - LARGEST)]
    with write(engine) as connection:
        off = asked[::5]
        connection.execute(
            update(User).where(User.id.in_(off)).values(wallet_balance_paisa=User.wallet_balance_paisa + OFF_PAISA)
        )
    return asked, [chance.randint(1, orders) for _ in range(ASKED)], rows


def timed(ask: Callable[[int], object], numbers: Sequence[int]) -> list[float]:
    seconds = []
    for number in numbers:
        started = time.perf_counter()
        ask(number)
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)


def reading(engine: Engine, read: Callable[..., object]) -> Callable[[int], object]:
    """Only the reads of an explanation."""
    depth, missing = load_plan().max_levels, check_inputs(engine, store=False)

    def ask(number: int) -> object:
        with one_instant(engine) as connection:
            return read(connection, number, depth, missing)

    return ask


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", default=f"sqlite:///{FILE}")
    parser.add_argument("--members", type=int, default=MEMBERS)
    given = parser.parse_args()
    FILE.parent.mkdir(exist_ok=True)
    engine = platform_at(given.db, given.members)
    members, orders, rows = drawn(engine)
    audit = mlm_audit.connect(given.db)
    audit.member(members[-1]).explain()
    steps = [
        ("wallet: the reads", timed(reading(engine, wallet_subset), members)),
        ("wallet: explained", timed(lambda number: audit.member(number).explain(), members)),
        ("order: the reads", timed(reading(engine, order_subset), orders)),
        ("order: explained", timed(lambda number: audit.order(number).explain(), orders)),
        ("as a page", timed(lambda number: audit.member(number)._repr_html_(), members)),
    ]
    print(
        f"\n{given.members:,} members, {rows:,} ledger rows, {len(INPUTS)} inputs, {engine.dialect.name}; {ASKED} asked\n"
    )
    print("| step | median s | 95 % s | longest s |\n|---|---:|---:|---:|")
    for name, seconds in steps:
        late = seconds[int(len(seconds) * 0.95)]
        print(f"| {name} | {statistics.median(seconds):.3f} | {late:.3f} | {seconds[-1]:.3f} |")


if __name__ == "__main__":
    main()
