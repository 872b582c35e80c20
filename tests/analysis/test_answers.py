"""Payouts ahead, eligibility of a month, one break: on each database, adding up; mistakes say what to do."""

import io
from collections.abc import Callable, Iterator

import altair as alt
import polars as pl
import pytest
from rich.console import Console
from sqlalchemy import Engine, text, update

import mlm_audit
from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import EligibilityLog
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from tests.conftest import clean_platform

Fill = Callable[[str, Platform], Engine]


@pytest.fixture
def audit(any_url: str, filled: Fill) -> Iterator[mlm_audit.Audit]:
    engine = filled(any_url, clean_platform())
    with write(engine) as connection:
        october = (EligibilityLog.month == 10) & (EligibilityLog.year == 2026)
        lost = october & (EligibilityLog.user_id == 1)
        connection.execute(update(EligibilityLog).where(october).values(is_eligible=True, three_three_met=True))
        connection.execute(update(EligibilityLog).where(lost).values(is_eligible=False, kyc_approved=False))
        connection.execute(
            update(EligibilityLog).where(~october).values(is_eligible=True, three_three_met=True, kyc_approved=True)
        )
    opened = mlm_audit.connect(any_url)
    yield opened
    opened.close()


@pytest.mark.slow
def test_payouts_ahead_add_up(audit: mlm_audit.Audit) -> None:
    found = audit.payouts("2026-12-31").preview()
    totals, items = found.tables["totals"], found.tables["items"]
    assert items.height > 0
    assert totals["instalments"].sum() == items.height
    assert totals["amount_paisa"].sum() == items["amount_paisa"].sum()
    assert found.story.verdict == "PAY"
    assert found.to_dict()["payable_paisa"] == items.filter(pl.col("action") == "pay")["amount_paisa"].sum()
    assert audit.payouts("2020-01-01").preview().tables["items"].is_empty()
    assert "preview" in repr(audit.payouts("2026-12-31"))


@pytest.mark.slow
def test_eligibility(audit: mlm_audit.Audit) -> None:
    month = audit.eligibility("2026-10")
    assert month.frame.filter(~pl.col("is_eligible"))["member_id"].to_list() == [1]
    changes = month.diff("2026-09")
    [row] = changes.frame.filter(pl.col("change") == "lost it").to_dicts()
    assert row["member_id"] == 1
    assert "KYC condition no longer met" in row["why"]
    assert changes.tables["summary"]["members"].sum() == month.frame.join(
        audit.eligibility("2026-09").frame, on="member_id", how="full", coalesce=True
    ).height  # fmt: skip
    one = month.explain(1)
    assert one.tables["conditions"]["condition"].to_list() == ["Active member", "Purchases", "KYC", "3-3 rule"]
    with pytest.raises(InputError, match="no sweep has decided that month"):
        audit.eligibility("2031-01")
    with pytest.raises(InputError, match="YYYY-MM"):
        audit.eligibility("October")


@pytest.mark.slow
@pytest.mark.parametrize("any_url", ["sqlite"], indirect=True)
def test_charts(audit: mlm_audit.Audit) -> None:
    """Altair charts of what the tables say, without a word from the network; the default renderer would ask for scripts."""
    alt.renderers.enable("default")
    wallet = audit.member(5).explain()
    drawn = [row["value"] for row in wallet.chart().data.values if row["series"] == "Sum of the ledger"]
    assert drawn == wallet.frame["sum_paisa"].to_list()
    assert alt.renderers.active == "svg"
    shown = wallet.chart()._repr_mimebundle_()
    assert isinstance(shown, dict)
    assert list(shown) == ["image/svg+xml"]
    for found, name in (
        (audit.income_disclosure(2026), "by_level"),
        (audit.pyramid_indicators("2026-10"), "concentration"),
        (audit.simulate(months="2026-10", company_percent="35"), "changes"),
    ):
        values = found.chart(name).data.values
        assert {row["row"] for row in values} == set(range(found.tables[name].height)), name
    with pytest.raises(InputError, match="this answer has no chart"):
        audit.payout(1).chart()
    with pytest.raises(InputError, match="this answer has the charts: changes"):
        audit.simulate(months="2026-10", company_percent="35").chart("winners")


@pytest.mark.slow
def test_one_issue(any_url: str, filled: Fill) -> None:
    engine = filled(any_url, clean_platform())
    wallet, quote = "walletBalance", engine.dialect.identifier_preparer.quote
    with write(engine) as connection:
        connection.execute(text(f"update users set {quote(wallet)} = {quote(wallet)} + 500 where id = 42"))
    audit = mlm_audit.connect(any_url)
    run = audit.reconcile()
    found = run.explain(issue="wallet-balance/42")
    assert "₹5.00 more than the ledger" in found.conclusion
    assert found.frame["id"][0] == "42"
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(run, found)
    assert "Breaks by cause" in console.export_text()
    with pytest.raises(InputError, match="the closest ids are: wallet-balance/42"):
        run.explain(issue="wallet-balance/43")
    with pytest.raises(
        InputError, match="the run has no finding with that id; the closest ids are: wallet-balance/42$"
    ):
        run.explain(issue="nothing/1")
    audit.close()


@pytest.mark.slow
def test_without_the_toolkits_tables(sqlite_url: str, filled: Fill) -> None:
    engine = filled(sqlite_url, clean_platform())
    with write(engine) as connection:
        for table in ("ReconciliationReport", "EligibilityLog", "AuditBreak"):
            connection.execute(text(f'drop table "{table}"'))
    audit = mlm_audit.connect(sqlite_url)
    assert audit.last_run() is None
    page = audit.member(42)
    assert "table EligibilityLog does not exist; run `mlm-audit db upgrade`" in page.story.notes
    with pytest.raises(InputError, match="EligibilityLog"):
        audit.eligibility("2026-10")
    audit.close()
