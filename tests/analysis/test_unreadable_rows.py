"""Rows that hold what nobody foresaw: an answer or one clear line, never a stack trace, never a PASS, nobody's data."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

import mlm_audit
from mlm_audit.analysis.answer import Answer
from mlm_audit.database.core.connect import write
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError, JobFailedError
from tests.conftest import clean_platform

Fill = Callable[[str, Platform], Engine]
WHO = "Priya Sharma priya@example.com +91 98765 43210"
ASKED: dict[str, Callable[[mlm_audit.Audit], Any]] = {
    "member": lambda a: (page := a.member(1)) and str(page) and page,
    "wallet": lambda a: a.member(1).explain(),
    "month": lambda a: a.member(1).eligibility("2026-10"),
    "order": lambda a: a.order(1).explain(),
    "payout": lambda a: a.payout(1),
    "preview": lambda a: a.payouts("2026-11-30").preview(),
    "eligibility": lambda a: a.eligibility("2026-10").diff("2026-09"),
    "income": lambda a: a.income_disclosure(2026),
    "pyramid": lambda a: a.pyramid_indicators("2026-10"),
    "simulate": lambda a: a.simulate(months="2026-10", company_percent="35"),
    "suspicious": lambda a: a.suspicious(),
    "reconcile": lambda a: a.reconcile(),
}


def asked(audit: mlm_audit.Audit) -> dict[str, Any]:
    """What each question comes to: an answer, or the line that refuses it."""
    found: dict[str, Any] = {}
    for name, ask in ASKED.items():
        try:
            found[name] = ask(audit)
        except (InputError, JobFailedError) as error:
            found[name] = str(error)
    audit.close()
    assert not [line for line in found.values() if isinstance(line, str) and "\n" in line[:-1]]
    return found


@pytest.mark.slow
@pytest.mark.sample(1 / 3)
@pytest.mark.parametrize(
    "change",
    [
        """update "order" set commissionAmount = 100.5 where id = 1""",
        f"""update "order" set commissionAmount = '{WHO}' where id = 1""",
        """update "order" set commissionAmount = 9223372036854775807 where id = 1""",
        """update "order" set paidAt = '9999-12-31 23:59:59' where id = 1""",
        """update "order" set paidAt = '01/08/2026' where id = 1""",
        f"""update users set walletBalance = '{WHO}' where id = 1""",
        """update users set walletBalance = 9223372036854775807 where id = 1""",
        """update ledger set balanceAfter = 'x' where userId = 1""",
        """update ledger set balanceAfter = -9223372036854775808 where userId = 1""",
        """update PayoutHistory set metadata = '[1]' where userId = 1""",
        """update PayoutHistory set metadata = 'no json' where userId = 1""",
        f"""update users set fullName = cast(x'{WHO.encode().hex()}ff' as text) where id = 1""",
        """update SelfPayoutSchedule set instalment = 'x' where id = 1""",
        f"""update SelfPayoutSchedule set failureReason = '{WHO}', status = 'failed' where id = 1""",
        """drop table AuditRepair""",
    ],
)
def test_an_answer_or_one_clear_line(change: str, sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform(60))
    with write(engine) as connection:
        connection.execute(text(change))
    found = asked(mlm_audit.connect(sqlite_url))
    for name, answer in found.items():
        shown = answer if isinstance(answer, str) else str(answer) + repr(answer) + str(answer.to_dict())
        for word in ("Priya", "priya@", "98765"):
            assert word not in shown, (name, shown)
    if "payout" in found and isinstance(found["payout"], Answer) and '"order"' in change:
        assert found["payout"].story.verdict != "PASS"


@pytest.mark.slow
def test_statuses_written_in_another_way(sqlite_url: str, filled: Fill) -> None:
    """A refund is a refund, also in capitals."""
    engine = filled(sqlite_url, clean_platform(60))
    with write(engine) as connection:
        connection.execute(text("""update "order" set status = ' REFUNDED' where id = 1"""))
    audit = mlm_audit.connect(sqlite_url)
    found = audit.order(1).explain()
    assert found.story.verdict == "FAIL"
    assert "refund-not-reversed/1" in found.tables["breaks"]["id"].to_list()
    assert audit.payout(1).story.verdict == "FAIL"
    audit.close()


NEEDS = {
    "ledger": ("wallet", "order", "payout", "income", "pyramid"),
    "SelfPayoutSchedule": ("wallet", "order"),
    "PayoutHistory": ("wallet", "order", "payout"),
    "EligibilityLog": ("wallet", "month"),
}


@pytest.mark.slow
@pytest.mark.parametrize("table", ["ledger", "SelfPayoutSchedule", "PayoutHistory", "EligibilityLog"])
def test_what_could_not_be_read_is_no_pass(table: str, sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform(60))
    with write(engine) as connection:
        connection.execute(text(f'delete from "{table}"' if table == "ledger" else f'drop table "{table}"'))
    for name, answer in asked(mlm_audit.connect(sqlite_url)).items():
        if isinstance(answer, Answer) and name in NEEDS[table]:
            assert answer.story.verdict != "PASS", name
            assert answer.story.first != "Nothing to do.", name


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask",
    [
        lambda a: a.member(2**63),
        lambda a: a.member("1abc"),
        lambda a: a.member(True),
        lambda a: a.order(2**80).explain(),
        lambda a: a.order("x").explain(),
        lambda a: a.payout("abc"),
        lambda a: a.payouts(None),
        lambda a: a.eligibility(202610),
        lambda a: a.eligibility("2026-10").diff(None),
        lambda a: a.issue(None),
        lambda a: a.tree.around(2**70),
        lambda a: a.tree.around(1, tree="zz"),
        lambda a: a.sql(None),
        lambda a: a.sql("select interval 1 day"),
        lambda a: a.sql("select * from legder"),
        lambda a: a.simulate(months="2026-10", three_three_count=2**70),
        lambda a: a.reconcile().explain(member="x"),
    ],
)
def test_what_cannot_be_asked(any_audit: mlm_audit.Audit, ask: Callable[[Any], object]) -> None:
    with pytest.raises(InputError) as refused:
        ask(any_audit)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def any_audit(broken: mlm_audit.Audit) -> mlm_audit.Audit:
    return broken
