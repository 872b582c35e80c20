"""What an explanation says to do: the root before what follows from it, the row to post, and never what would pay twice."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from rich.console import Console
from sqlalchemy import Engine, delete, select, text, update

import mlm_audit
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Ledger, Order
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.money import format_money
from mlm_audit.reporting.core.story import Table, columns
from tests.conftest import clean_platform

Fill = Callable[[str, Platform], Engine]


@pytest.fixture
def engine(sqlite_url: str, filled: Fill) -> Engine:
    return filled(sqlite_url, clean_platform())


@pytest.fixture
def audit(engine: Engine, sqlite_url: str) -> Iterator[mlm_audit.Audit]:
    opened = mlm_audit.connect(sqlite_url)
    yield opened
    opened.close()


@pytest.mark.slow
def test_an_order_without_its_flag(engine: Engine, audit: mlm_audit.Audit) -> None:
    with write(engine) as connection:
        connection.execute(update(Order).where(Order.id == 1).values(is_joining_order=False))
    found = audit.order(1).explain()
    assert found.story.first == (
        "Set isJoiningOrder of order 1 from false to true. Do not post anything for the order's lines before that."
    )
    assert "The joining flag is on the wrong order" in found.conclusion
    mine = [
        row for row in audit.reconcile().breaks.to_dicts() if row["order_id"] == 1 and row["code"] != "joining-flag"
    ]
    assert mine
    assert {row["cause"] for row in mine} == {FOLLOWS}
    assert audit.payout(1).story.first == found.story.first


@pytest.mark.slow
def test_an_order_without_its_time(engine: Engine, audit: mlm_audit.Audit) -> None:
    with write(engine) as connection:
        connection.execute(update(Order).where(Order.id == 1).values(paid_at=None))
    assert "Set paidAt of order 1 from nothing to 20" in audit.order(1).explain().story.first


@pytest.mark.slow
def test_the_row_that_is_to_be_posted(engine: Engine, audit: mlm_audit.Audit) -> None:
    with engine.connect() as connection:
        kind = Ledger.type == "repurchase_commission"
        number, member, paisa, ref = connection.execute(
            select(Ledger.id, Ledger.user_id, Ledger.amount_paisa, Ledger.ref)
            .where(kind)
            .order_by(Ledger.id.desc())
            .limit(1)
        ).one()
    with write(engine) as connection:
        connection.execute(delete(Ledger).where(Ledger.id == number))
    found = audit.member(member).explain()
    assert found.to_dict()["cause"] == "ledger-row-lost"
    assert f"Post {format_money(paisa)} to member {member} as repurchase_commission" in found.story.first
    assert f"key {ref}; leave the wallet as it is." in found.story.first


@pytest.mark.slow
def test_a_payout_of_another_kind_is_not_paid_again(engine: Engine, audit: mlm_audit.Audit) -> None:
    with write(engine) as connection:
        connection.execute(update(Ledger).where(Ledger.ref == "SELF_PAYOUT_1").values(type="gift"))
    [row] = [row for row in audit.reconcile().breaks.to_dicts() if row["id"] == "payout-ledger/1"]
    assert row["cause"] == "other-ledger-type"
    for first in (audit.payout(1).story.first, audit.member(row["member_id"]).explain().story.first):
        assert "from gift to self_payout. Do not pay anything" in first


@pytest.mark.slow
def test_where_a_level_went_instead(engine: Engine, audit: mlm_audit.Audit) -> None:
    line = (Ledger.type == "sponsor_commission") & (Ledger.level_depth == 1)
    with engine.connect() as connection:
        order, had = connection.execute(select(Ledger.reference_id, Ledger.user_id).where(line).limit(1)).one()
    other = 299 if had != 299 else 298
    with write(engine) as connection:
        connection.execute(update(Ledger).where(line, Ledger.reference_id == order).values(user_id=other))
        connection.execute(text(f"update commissions set userId = {other} where orderId = {order} and level = 1"))
    found = audit.order(int(order)).explain()
    assert f"member {other} received ₹" in found.conclusion
    [to_other] = [row for row in found.frame.to_dicts() if row["line"] == "level 1, to another beneficiary"]
    assert (to_other["member_id"], to_other["why"]) == (other, f"belongs to member {had}")


@pytest.mark.slow
def test_figures_that_lack_rows_say_so(engine: Engine, audit: mlm_audit.Audit) -> None:
    with write(engine) as connection:
        connection.execute(text("update users set role = 'ghost' where id in (7, 8)"))
    for found in (
        audit.income_disclosure(2026),
        audit.pyramid_indicators("2026-10"),
        audit.simulate(months="2026-10", company_percent="35"),
    ):
        assert found.story.verdict == "INCOMPLETE"
        assert any(
            "2 rows of people have no joining time or no known role, and are left out" in note
            for note in found.story.notes
        )


@pytest.mark.slow
def test_nothing_steers_a_terminal(engine: Engine, audit: mlm_audit.Audit) -> None:
    evil = "\x1b]0;pwned\x07\u202epaid"
    with write(engine) as connection:
        connection.execute(update(Order).where(Order.id == 1).values(status=evil))
        connection.execute(
            text("update SelfPayoutSchedule set status = 'failed', failureReason = :evil where id = 1"), {"evil": evil}
        )
        connection.execute(text("update users set fullName = :evil where id = 1"), {"evil": evil})
    for found in (audit.order(1).explain(), audit.payout(1), audit.member(1, reveal=True), audit.member(1).explain()):
        for shown in (str(found), repr(found)):
            assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.slow
def test_no_amount_is_broken_in_a_narrow_terminal(audit: mlm_audit.Audit) -> None:
    found = audit.member(1).explain()
    console = Console(width=50, record=True, file=io.StringIO())
    console.print(found)
    lines = console.export_text().splitlines()
    wide = Console(width=200, record=True, file=io.StringIO())
    wide.print(found)
    assert "Amount: +₹" in " ".join(lines), "one under another"
    assert "Amount: " not in wide.export_text(), "a table where it fits"


def test_which_rows_of_a_long_table_are_shown() -> None:
    rows = tuple({"n": number} for number in range(500))
    table = Table("t", "T", columns(("n", "N", "count")), rows, marked=frozenset({100, 499}))
    shown = table.shown(60)
    numbers = [n for n in shown if n is not None]
    assert numbers == sorted(set(numbers))
    assert {98, 99, 100, 101, 102, 499} <= set(numbers)
    assert len(numbers) <= 60
    gaps = [place for place, n in enumerate(shown) if n is None]
    assert all(shown[g + 1] - shown[g - 1] > 1 for g in gaps)  # type: ignore[operator]
    assert len(gaps) == sum(after - before > 1 for before, after in pairwise(numbers))
    assert Table("t", "T", columns(("n", "N", "count")), rows).shown(60) == [*range(60)], "without marks, the first"
    assert table.shown(500) == [*range(500)]


@pytest.mark.slow
def test_whose_numbers_are_revealed_is_noted(
    engine: Engine, audit: mlm_audit.Audit, caplog: pytest.LogCaptureFixture
) -> None:
    with write(engine) as connection:
        connection.execute(
            text(
                "update KycData set bankAccountNumber = '123456789012', ifscCode = 'HDFC0000001' where userId in (1, 2)"
            )
        )
    audit.suspicious(reveal=True)
    assert "of members 1, 2" in caplog.text
