"""`mlm-audit explain`: for people, for programs, as a page; mistakes are one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mlm_audit.demo.platform import Platform
from tests.cli.test_commands import document, mlm, refused
from tests.conftest import clean_platform
from tests.support.browser import chromium


@pytest.fixture
def shop(sqlite_url: str, filled: Callable[[str, Platform], Engine]) -> str:
    platform = clean_platform().copy()
    platform.add_to_wallets({42: 31_250})
    filled(sqlite_url, platform)
    return sqlite_url


@pytest.mark.slow
def test_in_words(shop: str) -> None:
    said = mlm("explain", "member", "42", "--db", shop)
    assert said.returncode == 0
    assert "₹312.50 more than the ledger, after the last ledger row" in " ".join(said.stdout.split())
    assert "Possible causes" in said.stdout
    assert "was distributed according to the plan, to the paisa" in " ".join(
        mlm("explain", "order", "1", "--db", shop).stdout.split()
    )
    assert ", as planned" in " ".join(mlm("explain", "payout", "1", "--db", shop).stdout.split())


@pytest.mark.slow
def test_for_programs(shop: str) -> None:
    wallet = document("explain", "member", "42", "--db", shop)
    assert (wallet["verdict"], wallet["difference_paisa"], wallet["cause"]) == ("FAIL", 31_250, "wallet-without-ledger")
    assert sum(row["amount_paisa"] or 0 for row in wallet["tables"]["timeline"]) == wallet["ledger_paisa"]
    order = document("explain", "order", "1", "--db", shop)
    assert sum(row["expected_paisa"] for row in order["tables"]["lines"]) == order["commission_paisa"]
    payout = document("explain", "payout", "1", "--db", shop)
    assert sum(row["amount_paisa"] for row in payout["tables"]["steps"]) == payout["amount_paisa"]


@pytest.mark.slow
def test_a_month_and_a_break(shop: str) -> None:
    month = document("explain", "eligibility", "1", "--month", "2026-10", "--db", shop)
    bought = next(one for one in month["conditions"] if one["condition"] == "purchase")
    assert sum(row["counted_paisa"] for row in month["tables"]["orders"]) == bought["found"] > 0
    assert document("eligibility", "explain", "1", "--month", "2026-10", "--db", shop) == month, (
        "two names of one command"
    )
    assert document("payouts", "explain", "1", "--db", shop) == document("explain", "payout", "1", "--db", shop)
    assert "no reconciliation run is stored yet" in refused("explain", "issue", "wallet-balance/42", "--db", shop)
    document("run", "reconciliation", "--db", shop)
    found = document("explain", "issue", "wallet-balance/42", "--db", shop)
    assert (found["amount_paisa"], found["member_id"]) == (31_250, 42)
    assert "mlm-audit run tree-health" in refused("explain", "issue", "matrix-cycle/1", "--db", shop)
    assert "no run is stored under that id" in refused(
        "explain", "issue", "wallet-balance/42", "--run", "nobody", "--db", shop
    )


@pytest.mark.slow
def test_as_a_page(shop: str, tmp_path: Path) -> None:
    said = mlm("explain", "member", "42", "--db", shop, "--html", tmp_path / "wallet.html")
    assert str(tmp_path / "wallet.html") in said.stdout.replace("\n", "")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 700})
        asked: list[str] = []
        said_there: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said_there.append(message.text))
        page.goto((tmp_path / "wallet.html").as_uri())
        assert len(asked) == 1
        assert said_there == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert "₹312.50 more than the ledger" in page.inner_text("main")


@pytest.mark.slow
def test_mistakes(shop: str, tmp_path: Path) -> None:
    assert "there is no such member" in refused("explain", "member", "999999", "--db", shop)
    assert "there is no such order" in refused("explain", "order", "999999", "--db", shop)
    assert "there is no such instalment" in refused("explain", "payout", "999999", "--db", shop)
    assert "cannot be written" in refused(
        "explain", "member", "42", "--db", shop, "--html", str(tmp_path / "no" / "x.html")
    )
