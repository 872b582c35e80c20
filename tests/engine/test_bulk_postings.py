"""The pure form of the plan and the SQL form agree, line by line, on generated trees, plans and orders."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars._typing import PolarsDataType

from mlm_audit.domain.inputs import INPUTS, Kind
from mlm_audit.domain.plan import Plan, PlanRules, PlanVersion
from mlm_audit.domain.postings import Upline, expected_postings
from mlm_audit.engine.duck import Engine
from tests.conftest import IST, settings_for

START = datetime(2026, 1, 1, tzinfo=UTC)
TYPES: dict[Kind, PolarsDataType] = {
    Kind.INT: pl.Int64,
    Kind.SMALL: pl.Int32,
    Kind.TEXT: pl.String,
    Kind.FLAG: pl.Boolean,
    Kind.INSTANT: pl.Datetime("us"),
}


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, ...]:
    parts = draw(st.lists(st.integers(0, 4_000), min_size=1, max_size=7))
    return tuple(part * 10_000 // max(sum(parts), 10_000) for part in parts)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    days = sorted(draw(st.sets(st.integers(-40, 100), min_size=1, max_size=3)))
    versions = tuple(
        PlanVersion(
            name=f"v{number}",
            effective_from=date(2026, 1, 1) + timedelta(days=day),
            company_bps=draw(st.integers(0, 100)),
            joining_pot_bps=draw(st.integers(0, 100)),
            level_bps=(0,),
            instalments=draw(st.integers(1, 6)),
            remainder=draw(st.sampled_from(["company", "unposted"])),
        ).model_copy(
            update={
                "company_bps": draw(st.integers(0, 10_000)),
                "joining_pot_bps": draw(st.integers(0, 10_000)),
                "level_bps": draw(shares()),
            }
        )
        for number, day in enumerate(days)
    )
    return Plan(versions=versions, rules=PlanRules())


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Plan, list[int | None], list[bool], list[tuple[int, int, int, bool]]]:
    size = draw(st.integers(1, 12))
    parents: list[int | None] = [None] + [draw(st.integers(1, number)) for number in range(1, size)]
    pays = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    orders = draw(
        st.lists(
            st.tuples(st.integers(1, size), st.integers(0, 500_000), st.integers(0, 150 * 24 * 60), st.booleans()),
            min_size=1,
            max_size=12,
        )
    )
    return draw(plans()), parents, pays, orders


def frame(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={column: TYPES[kind] for column, kind in INPUTS[name].columns.items()})


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(worlds())
def test_sql_agrees_with_the_pure_function(
    world: tuple[Plan, list[int | None], list[bool], list[tuple[int, int, int, bool]]],
) -> None:
    plan, parents, pays, drawn = world
    # Members who never pay are never active; whoever pays is active from the first paid order on.
    orders = [
        (i, member, c, START + timedelta(minutes=at), joining)
        for i, (member, c, at, joining) in enumerate(drawn, 1)
        if pays[member - 1]
    ]
    first = {member: min(at for _, who, _, at, _ in orders if who == member) for _, member, _, _, _ in orders}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), parents, pays, orders)
        with Engine(Path(folder), plan, settings_for()) as engine:
            engine.prepare()
            found = lines_in_sql(engine)
    wanted = []
    for order_id, member, commission, at, joining in orders:
        version = plan.version_at(at, IST)
        if version is None:
            continue
        uplines, above, level = [], parents[member - 1], 1
        while above is not None:
            uplines.append(Upline(level, above, is_active=above in first and first[above] <= at))
            above, level = parents[above - 1], level + 1
        for posting in expected_postings(commission, member, at, version, uplines, is_joining=joining):
            wanted.append((order_id, posting.kind, posting.number, posting.member_id, posting.amount_paisa))
            if posting.kind == "remainder":
                assert version.remainder == "company"
        if version.remainder == "company":
            assert sum(line[4] for line in wanted if line[0] == order_id) == commission
    key = lambda line: (line[0], line[1], line[2])  # noqa: E731
    assert sorted(found, key=key) == sorted(wanted, key=key)


def write(
    folder: Path, parents: list[int | None], pays: list[bool], orders: list[tuple[int, int, int, datetime, bool]]
) -> None:
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in INPUTS}
    for number, (parent, paying) in enumerate(zip(parents, pays, strict=True), start=1):
        active = paying and any(order[1] == number for order in orders)
        rows["users"].append(
            {
                "id": number,
                "is_active": active,
                "is_blocked": False,
                "wallet_balance_paisa": 0,
                "created_at": START.replace(tzinfo=None),
            }
        )
        rows["matrix_nodes"].append({"user_id": number, "parent_id": parent})
    for order_id, member, commission, at, joining in orders:
        rows["orders"].append(
            {
                "id": order_id,
                "user_id": member,
                "commission_amount_paisa": commission,
                "status": "paid",
                "is_joining_order": joining,
                "paid_at": at.replace(tzinfo=None),
            }
        )
    for name, content in rows.items():
        frame(name, content).write_parquet(folder / f"{name}.parquet")


def lines_in_sql(engine: Engine) -> list[tuple[int, str, int, int | None, int]]:
    """With an empty ledger and an empty schedule, the fault views list everything that is expected."""
    sql = """
        select order_id, case activity when 'active' then 'level' else 'rollup' end, level,
            case activity when 'active' then upline_id end, amount_paisa from level_expected
        union all
        select order_id, case line when 'company_share' then 'company' else 'remainder' end, 0, null, amount_paisa from company_faults
        union all
        select order_id, 'instalment', instalment, member_id, amount_paisa from instalment_faults
    """
    return engine.con.execute(sql).fetchall()
