"""Suspicious patterns: each is found where it was put, none where nothing was, and what could not be looked for says so."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

import mlm_audit
from mlm_audit.analysis import audit as door
from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.indicators.misuse import suspicious
from mlm_audit.analysis.indicators.misuse_texts import PATTERNS
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.tables import Kyc, User
from mlm_audit.database.reads.shared_numbers import NUMBERS, SharedNumbers
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.privacy import mask_number
from tests.conftest import NOW, clean_platform
from tests.support.analysis_platforms import credit, desk_over, member, order

JAN = datetime(2026, 1, 10, tzinfo=UTC)
LAST_DAY = datetime(2026, 9, 29, 18, 30, tzinfo=UTC)
"""The start of 30 September in Asia/Kolkata."""

NOTHING_SHARED = dict.fromkeys(NUMBERS, SharedNumbers())
CLEAN_SEED = 4


@pytest.fixture(autouse=True)
def _clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "now", lambda: NOW)


def look(rows: dict[str, Any], **changes: Any) -> Answer:
    plan = load_plan()
    plan = plan.model_copy(update={"rules": plan.rules.model_copy(update=changes)})
    with desk_over(rows, plan) as queries:
        return suspicious(queries, NOTHING_SHARED, NOW)


def results(answer: Answer) -> dict[str, str]:
    return {row["code"]: row["result"] for row in answer.tables["patterns"].to_dicts()}


def examples(answer: Answer, code: str) -> list[tuple[str, str, int]]:
    rows = answer.tables["examples"].to_dicts()
    return [(row["members"], row["what"], row["amount_paisa"]) for row in rows if row["code"] == code]


def sql(engine: Engine, statement: str) -> None:
    with write(engine) as connection:
        quote = connection.dialect.identifier_preparer.quote
        connection.execute(text(statement.replace("KycData", quote("KycData"))))


def put(engine: Engine, model: Any, key: Any, member_id: int, **values: Any) -> None:
    with write(engine) as connection:
        connection.execute(update(model).where(key == member_id).values(**values))


@pytest.mark.slow
def test_a_clean_platform_shows_nothing(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    filled(sqlite_url, clean_platform(members=150, seed=CLEAN_SEED))
    audit = mlm_audit.connect(sqlite_url)
    answer = audit.suspicious()
    assert results(answer) == dict.fromkeys(PATTERNS, "NONE")
    assert (answer.conclusion, answer.story.verdict) == ("None of the patterns was found.", "")
    audit.close()


SECRET_ACCOUNT, SECRET_PAN, SECRET_PHONE = "50100234567890", "ABCPE1234F", "9876543210"


@pytest.mark.slow
def test_shared_numbers(
    any_url: str, filled: Callable[[str, Platform], Engine], caplog: pytest.LogCaptureFixture
) -> None:
    engine = filled(any_url, clean_platform().copy())
    approved = sorted(clean_platform()["users"].filter("is_kyc_approved")["id"])[:5]
    for number, account in zip(approved[:3], (SECRET_ACCOUNT, "5010 0234 5678 90", "50100234567890 "), strict=True):
        put(engine, Kyc, Kyc.user_id, number, bank_account_number=account, ifsc_code="HDFC0000001")
    put(engine, Kyc, Kyc.user_id, approved[3], bank_account_number=SECRET_ACCOUNT, ifsc_code="SBIN0000001")
    for number, pan in zip(approved[3:], (SECRET_PAN, "abcpe 1234f"), strict=True):
        put(engine, Kyc, Kyc.user_id, number, pan_number=pan)
    for number, phone in zip((7, 8), ("+91 98765 43210", "09876543210"), strict=True):
        put(engine, User, User.id, number, mobile_no=phone)
    audit = mlm_audit.connect(any_url)
    with caplog.at_level(logging.INFO):
        answer = audit.suspicious()
        found = {code: members for code, members in answer.to_dict()["found"].items() if code in NUMBERS}
        assert found == {"bank-account": [approved[:3]], "pan": [approved[3:]], "phone": [[7, 8]]}
        masked = [what for code in NUMBERS for _, what, _ in examples(answer, code)]
        assert masked == ["bank account XXXXXX7890", "pan XXXXXX234F", "phone XXXXXX3210"]
        everything = str(answer) + answer._repr_html_() + json.dumps(answer.to_dict()) + repr(answer) + caplog.text
        for secret in (SECRET_ACCOUNT, SECRET_PAN, SECRET_PHONE, SECRET_ACCOUNT[:-4], "HDFC"):
            assert secret not in everything
        assert "revealed" not in caplog.text
        shown = [what for code in NUMBERS for _, what, _ in examples(audit.suspicious(reveal=True), code)]
    assert shown == [f"bank account HDFC0000001 {SECRET_ACCOUNT}", f"pan {SECRET_PAN}", f"phone {SECRET_PHONE}"]
    assert "revealed to" in caplog.text
    assert SECRET_ACCOUNT not in caplog.text
    audit.close()


@pytest.mark.slow
def test_nothing_personal_is_written_to_a_file(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    filled(sqlite_url, clean_platform())
    audit = mlm_audit.connect(sqlite_url)
    audit.suspicious(reveal=True)
    names = set(audit.sql("select column_name from (describe people)")["column_name"])
    assert names == {"id", "sponsor_id", "role", "is_active", "is_blocked", "is_kyc_approved", "created_at"}
    tables = audit.sql("show tables")["name"].to_list()
    assert not [name for name in tables if "kyc" in name.lower()]
    assert not {"look_terms", "named", "day_months"} & set(tables)
    audit.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "codes", "why"),
    [
        ("drop table KycData", ["bank-account", "pan"], "table KycData: missing"),
        ("delete from KycData", ["bank-account", "pan"], "table KycData: the table has no rows"),
        ("update KycData set panNumber = ''", ["pan"], "table KycData: no row has a number"),
        ("delete from withdrawal_requests", ["quick-withdrawal"], "withdrawals: the table has no rows"),
        ("delete from `order`", ["last-day-order", "dormant-upline"], "orders: the table has no rows"),
    ],
)
def test_what_could_not_be_looked_for(
    statement: str, codes: list[str], why: str, sqlite_url: str, filled: Callable[[str, Platform], Engine]
) -> None:
    sql(filled(sqlite_url, clean_platform(members=150, seed=CLEAN_SEED)), statement)
    audit = mlm_audit.connect(sqlite_url)
    answer = audit.suspicious()
    assert [code for code, result in results(answer).items() if result == "INCOMPLETE"] == codes
    rows = {row["code"]: row for row in answer.tables["patterns"].to_dicts()}
    assert all(rows[code]["why"] == why and rows[code]["cases"] is None for code in codes)
    assert answer.story.verdict == "INCOMPLETE"
    assert f"Not checked: {', '.join(codes)}" in answer.conclusion
    audit.close()


@pytest.mark.slow
def test_kyc_column_missing(any_url: str, filled: Callable[[str, Platform], Engine]) -> None:
    engine = filled(any_url, clean_platform(members=150, seed=CLEAN_SEED))
    quote = engine.dialect.identifier_preparer.quote
    sql(engine, f"alter table KycData drop column {quote('panNumber')}")
    audit = mlm_audit.connect(any_url)
    found = results(audit.suspicious())
    assert {code for code, result in found.items() if result == "INCOMPLETE"} == {"pan"}
    audit.close()


@pytest.mark.slow
def test_rings() -> None:
    sponsors = {1: None, 2: 1, 3: 5, 4: 3, 5: 4, 6: 6, 7: 3}
    rows = {
        "users": [member(number, JAN, sponsor_id=sponsor) for number, sponsor in sponsors.items()],
        "ledger": [credit(1, 4, JAN, 700), credit(2, 5, JAN, 50), credit(3, 7, JAN, 9_000)],
    }
    answer = look(rows)
    assert examples(answer, "sponsor-ring") == [
        ("3, 5, 4", "each member is sponsored by the next one, and the last by the first", 750),
        ("6", "the member is their own sponsor", 0),
    ]
    assert results(answer)["dormant-upline"] == "INCOMPLETE", "there are no orders"


@pytest.mark.slow
def test_orders_on_the_last_day() -> None:
    hour = timedelta(hours=1)
    orders = [
        order(1, 1, LAST_DAY, 50_000),
        order(2, 1, LAST_DAY + timedelta(days=31), 54_999),
        order(3, 2, LAST_DAY - timedelta(microseconds=1), 50_000),  # the day before
        order(4, 3, LAST_DAY, 55_000),  # a tenth above
        order(5, 4, LAST_DAY, 49_999),  # does not reach it
        order(6, 5, LAST_DAY - hour, 30_000),
        order(7, 5, LAST_DAY + hour, 21_000),  # the two together do
        order(8, 6, LAST_DAY - hour, 50_000),
        order(9, 6, LAST_DAY + hour, 100),  # it was reached already
        order(10, 7, LAST_DAY, 51_000, status="refunded"),
        order(11, 8, LAST_DAY + timedelta(days=1), 50_000),  # the first of the next month
    ]
    rows = {"users": [member(number, LAST_DAY) for number in range(1, 9)], "orders": orders}
    found = examples(look(rows), "last-day-order")
    assert found == [
        ("1", "in 2 months from 2026-09 to 2026-10; the last order is 2", 104_999),
        ("5", "in 2026-09; the last order is 7", 21_000),
    ]
    assert results(look(rows, monthly_purchase_required_paisa=0))["last-day-order"] == "INCOMPLETE"


@pytest.mark.slow
def test_bursts_of_sign_ups() -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    users = [member(number, JAN - timedelta(days=300)) for number in (1, 2, 3, 4)]
    signed_up = [(1, JAN + n * 15 * minute) for n in range(5)]  # five in exactly an hour
    signed_up += [(2, JAN + n * 16 * minute) for n in range(5)]  # four within an hour
    signed_up += [(3, JAN + n * 140 * minute) for n in range(10)]  # ten in a day
    signed_up += [(4, JAN + n * day // 4) for n in range(400)]  # four a day for a hundred days
    signed_up += [(4, JAN + 10 * day + n * minute) for n in range(6)]  # and once six more: not five times the usual
    users += [member(number, at, sponsor_id=sponsor) for number, (sponsor, at) in enumerate(signed_up, start=5)]
    found = examples(look({"users": users}), "sign-up-burst")
    assert [(who, what[: what.index(" until")]) for who, what, _ in found] == [
        ("3", "10 sign-ups within a day"),
        ("1", "5 sign-ups within a day"),
    ]


def test_dormant_uplines() -> None:
    july = datetime(2026, 7, 10, tzinfo=UTC)
    users = [member(number, JAN - timedelta(days=30)) for number in (1, 2, 3)] + [member(4, july - timedelta(days=5))]
    orders = [
        order(1, 1, JAN, 500),
        order(2, 2, JAN + timedelta(seconds=1), 500),
        order(3, 3, JAN, 500, status="refunded"),
    ]
    ledger = [
        credit(1, 1, july, 400),  # six months to the second
        credit(2, 2, july, 400),  # a second less
        credit(3, 3, july, 900, "repurchase_commission"),  # the only order was refunded
        credit(4, 4, july, 400),  # never ordered, but new
        credit(5, 1, july, 7, "self_payout"),
        credit(6, 1, july + timedelta(days=1), 50),
    ]
    answer = look({"users": users, "orders": orders, "ledger": ledger})
    assert examples(answer, "dormant-upline") == [
        ("3", "1 credit, the last on 2026-07-10; there was never an own order that stands", 900),
        ("1", "2 credits, the last on 2026-07-11; the last own order was on 2026-01-10", 450),
    ]


def test_quick_withdrawals() -> None:
    def asked(number: int, who: int, minutes: int, paisa: int) -> dict[str, Any]:
        at = JAN + timedelta(minutes=minutes)
        return {"id": number, "user_id": who, "amount_paisa": paisa, "status": "pending", "requested_at": at}

    ledger = [
        {**credit(n, n, JAN, 5_000, "repurchase_commission"), "balance_after_paisa": 10_000} for n in (1, 2, 3, 4)
    ]
    ledger.append(credit(5, 5, JAN, 10_000, "self_payout"))
    requests = [
        asked(1, 1, 60, 9_000),
        asked(2, 2, 61, 10_000),
        asked(3, 3, 5, 8_999),
        asked(4, 4, -1, 10_000),
        asked(5, 5, 1, 10_000),
    ]
    users = [member(number, JAN) for number in range(1, 6)]
    found = examples(look({"users": users, "ledger": ledger, "withdrawals": requests}), "quick-withdrawal")
    assert found == [("1", "1 withdrawal, 60 minutes after the release at the soonest; the last is request 1", 9_000)]


@pytest.mark.slow
def test_empty_and_one_member() -> None:
    assert results(look({})) == {code: "NONE" if code in NUMBERS else "INCOMPLETE" for code in PATTERNS}
    one = results(look({"users": [member(1, JAN)]}))
    assert (one["sponsor-ring"], one["sign-up-burst"], one["dormant-upline"]) == ("NONE", "NONE", "INCOMPLETE")


def test_masks() -> None:
    assert [mask_number(number) for number in ("", "1234", "12345678", "123456789")] == [
        "XXXXXX",
        "XXXXXX",
        "XXXXXX",
        "XXXXXX6789",
    ]
