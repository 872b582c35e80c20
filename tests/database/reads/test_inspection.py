"""Inspection finds from the data alone what makes up the wallets; names and order of the tables say nothing."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.reads.inspection import inspect_platform, proposed
from mlm_audit.database.reads.mapped_rows import prove_mapping
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.platforms.mapping import load_mapping
from mlm_audit.platforms.proof import MappingProof
from mlm_audit.platforms.proposal import ProposedMapping, mapping_text
from tests.conftest import clock_at
from tests.support.real_platforms import PLATFORMS, build

REAL = pytest.mark.skipif(
    not PLATFORMS.is_dir(),
    reason="THE REAL PLATFORMS (../shared/data/platforms) ARE NOT HERE: nothing is proven on them",
)


def found_in(url: str) -> ProposedMapping:
    reader = open_engine(url, read_only=True)
    try:
        return proposed(inspect_platform(reader))
    finally:
        reader.dispose()


def proof_of(url: str, proposal: ProposedMapping, folder: Path) -> MappingProof:
    """The proof of the proposed file, after its decisions were answered."""
    file = folder / "mine.toml"
    lines = mapping_text("mine", proposal).splitlines()
    file.write_text("\n".join(line for line in lines if not line.startswith("decide")), encoding="utf-8")
    reader = open_engine(url, read_only=True)
    try:
        return prove_mapping(reader, load_mapping(str(file)))
    finally:
        reader.dispose()


def test_a_schema_with_other_names_units_and_signs(
    any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """Texts as keys, rupees in the wallets and paisa in the ledger, debits stored without a sign, a table of noise."""
    rng, engine = random.Random(5), opened(any_url)
    kinds = {"JOIN": 1, "bonus": 1, "cashout": -1, "note": 0}
    rows, sums = [], dict.fromkeys((f"M{number:03}" for number in range(60)), 0)
    for number in range(600):
        member, kind = rng.choice(list(sums)), rng.choice(list(kinds))
        amount = rng.randrange(1, 100_000)
        rows.append((number, kind, member, amount))
        sums[member] += kinds[kind] * amount
    with engine.begin() as connection:
        for statement in (
            "create table a_log (no int primary key, who varchar(10), what varchar(10), size int)",
            "create table people (code varchar(10) primary key, held decimal(14, 2), age int)",
            "create table z_lines (no int primary key, sort varchar(10), owner varchar(10), paise bigint)",
        ):
            connection.execute(sa.text(statement))
        noise = [(n, rng.choice(list(sums)), rng.choice(["x", "y"]), rng.randrange(9)) for n in range(200)]
        for name, values in (
            ("a_log", noise),
            ("people", [(code, f"{amount / 100:.2f}", 30) for code, amount in sums.items()]),
            ("z_lines", rows),
        ):
            places = [f"v{place}" for place in range(len(values[0]))]
            query = sa.text(f"insert into {name} values ({', '.join(f':{place}' for place in places)})")
            connection.execute(query, [dict(zip(places, row, strict=True)) for row in values])
    found = found_in(any_url)
    assert (found.users.name, found.users.columns) == ("people", {"id": "code", "wallet_balance": "held"})
    [table] = found.ledger
    assert (table.name, table.columns["user_id"], table.columns["type"], table.columns["amount"]) == (
        "z_lines",
        "owner",
        "sort",
        "paise",
    )
    assert {kind.word: kind.sign for kind in table.kinds} == kinds
    assert (found.users.unit, table.unit, found.agreeing) == ("major", "minor", found.members)
    proof = proof_of(any_url, found, tmp_path)
    assert (proof.verdict, proof.agreeing) == (Verdict.PASS, 60)


NOT_SEARCHED = ("full_name", "email", "mobile_no", "referral_code")
"""Columns that no check reads. A proposal has none of them."""


@REAL
@pytest.mark.slow
def test_a_proposal_with_five_edits_finds_what_the_shipped_mapping_finds(
    any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """The answers to `decide`, four conventions, the unit of withdrawals; and the plan, which no data tell."""
    build(opened(any_url), "matrix")
    lines = mapping_text("mine", found_in(any_url)).splitlines()
    place = lines.index("[withdrawals]")
    lines = [
        line.replace("minor", "major") if n > place and line.startswith("amounts = ") else line
        for n, line in enumerate(lines)
        if not line.startswith("decide = ")
    ]
    conventions = lines.index("[conventions]")
    told = ("three_three_applies", "eligibility_flag", "arithmetic", "withdrawal_debit")
    shipped = load_mapping("wear-and-earn-matrix")
    answers = [f'{name} = "{getattr(shipped.conventions, name)}"' for name in told]
    file = tmp_path / "mine.toml"
    file.write_text("\n".join([*lines[: conventions + 1], *answers, *lines[conventions + 1 :]]), encoding="utf-8")
    plan = shipped.path.with_suffix(".plan.toml").read_text(encoding="utf-8")
    file.with_suffix(".plan.toml").write_text(plan, encoding="utf-8")
    found = {}
    for platform in (str(file), "wear-and-earn-matrix"):
        settings = Settings(database_url=SecretStr(any_url), platform=platform, runs_dir=tmp_path / "runs")
        database = open_platform(settings)
        moment = clock_at(datetime(2026, 10, 28, tzinfo=UTC))
        found[platform] = reconcile(database, settings, moment, dry_run=True).breaks.sort("id")
        database.dispose()
    mine, theirs = found.values()
    columns = ["id", "severity", "member_id", "order_id", "amount_paisa", "cause"]
    assert mine.select(columns).equals(theirs.select(columns))


@REAL
@pytest.mark.slow
@pytest.mark.parametrize("generation", ["matrix", "pool"])
def test_a_real_platform_from_nothing_but_its_address(
    generation: str, any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    build(opened(any_url), generation)
    found = found_in(any_url)
    shipped = load_mapping(f"wear-and-earn-{generation}")
    assert found.users.name == shipped.users.table
    assert found.users.columns.items() <= shipped.users.columns.items()
    for table in found.ledger:
        [known] = [one for one in shipped.ledger if one.table == table.name]
        assert table.columns.items() <= known.columns.items()
    assert found.inputs is not None
    of_members = {name: column for name, column in shipped.users.columns.items() if name not in NOT_SEARCHED}
    assert {**found.users.columns, **found.inputs.members.columns} == of_members
    sections = {one.section: (one.table, dict(one.columns)) for one in found.inputs.sections}
    for section, shipped_table in shipped.inputs.items():
        if section != "kyc":
            assert sections[section][0] == shipped_table.table
    if generation == "matrix":
        for section, (_, columns) in sections.items():
            known_columns = shipped.inputs[section].columns
            assert columns.items() <= known_columns.items(), section
    moving = {(table.name, kind.word) for table in found.ledger for kind in table.kinds if kind.sign}
    left_out = {"withdrawal_approved"}  # left out by the shipped mapping, and no part of the wallet here
    expected = {
        (table.table, word)
        for table in shipped.ledger
        for word, kind in table.kinds.items()
        if kind.moves_wallet and word not in left_out
    }
    assert moving == expected
    assert found.agreeing == found.members
    proof = proof_of(any_url, found, tmp_path)
    assert (proof.verdict, proof.agreeing) == (Verdict.PASS, proof.members)


@pytest.mark.parametrize(
    ("kind", "first", "inexact"),
    [("int", 100, ()), ("double precision", 0.01, (0.125, 0.375))],
    ids=["divided by a hundred", "inexact"],
)
def test_wallets_that_cannot_be_compared_count_as_not_reproduced(
    kind: str, first: float, inexact: tuple[float, ...], any_url: str, opened: Callable[[str], Engine]
) -> None:
    """Four wallets are a hundred times, or a hundredth of, what the ledger has. The others fit nothing, or are empty."""
    engine = opened(any_url)
    balances = [round(first * n, 2) if n < 5 else 7 * n + 3 for n in range(1, 51)] + list(inexact)
    members = dict(enumerate(balances, start=1)) | dict.fromkeys(range(100, 700))
    with engine.begin() as connection:
        connection.execute(sa.text(f"create table members (id int primary key, held {kind})"))
        connection.execute(sa.text("create table entries (id int primary key, member int, kind varchar(9), paise int)"))
        query = sa.text("insert into members values (:id, :held)")
        connection.execute(query, [{"id": number, "held": held} for number, held in members.items()])
        query = sa.text("insert into entries values (:id, :id, 'gift', :id)")
        connection.execute(query, [{"id": number} for number in range(1, len(balances) + 1)])
    found = found_in(any_url)
    assert (found.users.name, found.agreeing, found.members) == ("members", 4, len(balances))
    assert f"only 4 of {len(balances)} wallets are reproduced: check the tables and the kinds" in found.decisions


def test_nothing_to_find(sqlite_url: str, opened: Callable[[str], Engine]) -> None:
    opened(sqlite_url)
    with pytest.raises(InputError, match="no table with amounts names the rows of a table with balances"):
        found_in(sqlite_url)


def test_a_mapping_with_an_open_decision_is_not_used(
    sqlite_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    opened(sqlite_url)
    file = tmp_path / "open.toml"
    text = load_mapping("wear-and-earn-matrix").path.read_text(encoding="utf-8")
    file.write_text(text.replace('currency = "INR"', 'currency = "INR"\ndecide = ["is it paisa"]'), encoding="utf-8")
    reader = open_engine(sqlite_url, read_only=True)
    with pytest.raises(InputError, match="1 decision is open, the first: is it paisa; answer"):
        prove_mapping(reader, load_mapping(str(file)))
    reader.dispose()


COUNTING: dict[str, tuple[str, dict[object, int], tuple[str, ...]]] = {
    "a stage": ("stage varchar(10)", {"settled": 1, "waiting": 0, "void": 0}, ("waiting", "void")),
    "a time of deletion": ("gone timestamp null", {None: 1, "2026-03-01 10:00:00": 0}, ("gone IS NOT NULL",)),
    "a time of booking": ("booked timestamp null", {None: 0, "2026-03-01 10:00:00": 1}, ("booked IS NULL",)),
    "a flag": ("is_void smallint", {0: 1, 1: 0}, ("is_void = 1",)),
}


@pytest.mark.parametrize("column", COUNTING)
def test_rows_that_do_not_count_amounts_in_texts_and_members_who_do_not_exist(
    column: str, any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    rng, engine = random.Random(11), opened(any_url)
    definition, states, said = COUNTING[column]
    kinds, people = {"in": 1, "fee": -1, "memo": 0, "top-up": 1}, [10 + number for number in range(80)]
    sums, rows = dict.fromkeys(people, 0), []
    for number in range(900):
        kind, state, amount = rng.choice(list(kinds)), rng.choice(list(states)), rng.randrange(1, 90_000)
        member = 9_999 if number == 500 else rng.choice(people)
        rows.append((number, member, kind, f"{amount // 100}.{amount % 100:02}", state))
        if member in sums:
            sums[member] += kinds[kind] * states[state] * amount
    sums[people[7]] += 5
    with engine.begin() as connection:
        connection.execute(sa.text("create table accounts (no int primary key, held varchar(20), joined date)"))
        connection.execute(
            sa.text(
                f"create table entries (no int primary key, who int, sort varchar(10), worth varchar(20), {definition})"
            )
        )
        held = [
            {
                "no": no,
                "held": f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}",
                "day": "2026-01-05",
            }
            for no, cents in sums.items()
        ]
        connection.execute(sa.text("insert into accounts values (:no, :held, :day)"), held)
        named = [dict(zip(("no", "who", "sort", "worth", "state"), row, strict=True)) for row in rows]
        connection.execute(sa.text("insert into entries values (:no, :who, :sort, :worth, :state)"), named)
    found = found_in(any_url)
    assert (found.users.name, found.users.columns["wallet_balance"], found.users.unit) == ("accounts", "held", "major")
    [table] = found.ledger
    assert (table.name, table.columns["amount"], table.unit) == ("entries", "worth", "major")
    assert {kind.word: kind.sign for kind in table.kinds} == kinds
    assert found.members - found.agreeing == 1 < found.agreeing
    assert table.left_out is not None
    assert all(part in table.left_out.where for part in said), table.left_out.where
    assert table.left_out.agreeing_with < 10
    assert any("do not count: confirm" in decision for decision in found.decisions)
    proof = proof_of(any_url, found, tmp_path)
    assert (proof.agreeing, proof.members) == (79, 80)


def test_one_purse_of_several_two_conditions_and_open_requests(
    any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    """Members have two purses. Entries count if they are settled and not removed, and open requests are deducted."""
    rng, engine = random.Random(23), opened(any_url)
    kinds, people = {"in": 1, "out": -1, "info": 0}, list(range(1, 101))
    cash, entries, requests = dict.fromkeys(people, 0), [], []
    for number in range(1_500):
        member, kind, stage = rng.choice(people), rng.choice(list(kinds)), rng.choice(["done", "done", "waiting"])
        removed = "2026-02-01 10:00:00" if rng.random() < 0.1 else None
        amount = rng.randrange(1, 50_000)
        entries.append({"no": number, "who": member, "sort": kind, "cents": amount, "stage": stage, "gone": removed})
        cash[member] += kinds[kind] * amount * (stage == "done" and removed is None)
    for number in range(60):
        member, state, amount = rng.choice(people), rng.choice(["open", "paid", "refused"]), rng.randrange(1, 9_000)
        requests.append({"no": number, "who": member, "state": state, "cents": amount})
        cash[member] -= amount * (state == "open")
    requests.append({"no": 99, "who": None, "state": "held", "cents": 5})
    cash[people[5]] += 1
    with engine.begin() as connection:
        connection.execute(sa.text("create table people (no int primary key, joined timestamp)"))
        connection.execute(sa.text("create table purses (no int primary key, who int, sort varchar(9), bal bigint)"))
        columns = "no int primary key, who int, sort varchar(9), cents bigint, stage varchar(9), gone timestamp null"
        connection.execute(sa.text(f"create table entries ({columns})"))
        connection.execute(
            sa.text("create table requests (no int primary key, who int, state varchar(9), cents bigint)")
        )
        named = [{"no": no, "joined": "2026-01-01 10:00:00"} for no in people]
        connection.execute(sa.text("insert into people values (:no, :joined)"), named)
        purses = [(2 * no, no, "CASH", cash[no]) for no in people] + [(2 * no + 1, no, "PTS", 3 * no) for no in people]
        connection.execute(
            sa.text("insert into purses values (:no, :who, :sort, :bal)"),
            [dict(zip(("no", "who", "sort", "bal"), purse, strict=True)) for purse in purses],
        )
        connection.execute(sa.text("insert into entries values (:no, :who, :sort, :cents, :stage, :gone)"), entries)
        connection.execute(sa.text("insert into requests values (:no, :who, :state, :cents)"), requests)
    found = found_in(any_url)
    assert (found.users.name, found.members - found.agreeing) == ("people", 1)
    assert "w.sort = 'CASH'" in str(found.users.query)
    table, other = found.ledger
    assert (table.name, {kind.word: kind.sign for kind in table.kinds}) == ("entries", kinds)
    assert table.left_out is not None
    assert "waiting" in table.left_out.where
    assert "gone IS NOT NULL" in table.left_out.where
    assert (other.name, {kind.word: kind.sign for kind in other.kinds}) == (
        "requests",
        {"held": -1, "open": -1, "paid": 0, "refused": 0},
    )
    proof = proof_of(any_url, found, tmp_path)
    assert (proof.agreeing, proof.members) == (99, 100)
