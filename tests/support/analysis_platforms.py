"""Small platforms for the analyses, written as Parquet files without a database, and a queries over them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from polars._typing import PolarsDataType

from mlm_audit.domain.inputs import ANALYSIS_INPUTS, INPUTS, Kind
from mlm_audit.domain.periods import naive
from mlm_audit.domain.plan import Plan, load_plan
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.engine.duck import Engine
from tests.conftest import settings_for

TYPES: dict[Kind, PolarsDataType] = {
    Kind.INT: pl.Int64,
    Kind.SMALL: pl.Int32,
    Kind.TEXT: pl.String,
    Kind.FLAG: pl.Boolean,
    Kind.INSTANT: pl.Datetime("us"),
}
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def member(number: int, joined: datetime, **other: Any) -> dict[str, Any]:
    """A member who is active; `sponsor_id` and flags as given."""
    flags = {"is_active": True, "is_blocked": False, "is_kyc_approved": True, "role": "user", "sponsor_id": None}
    return {"id": number, "created_at": joined, "wallet_balance_paisa": 0, **flags, **other}


def order(number: int, buyer: int, paid_at: datetime, paisa: int, **other: Any) -> dict[str, Any]:
    """A paid order of `paisa`, all of it commissionable unless said otherwise."""
    amounts = {"total_paisa": paisa, "commission_amount_paisa": paisa}
    return {
        "id": number,
        "user_id": buyer,
        "paid_at": paid_at,
        "created_at": paid_at,
        "status": "paid",
        "is_joining_order": False,
        **amounts,
        **other,
    }


def credit(number: int, who: int, at: datetime, paisa: int, kind: str = "sponsor_commission") -> dict[str, Any]:
    """A ledger row of a member."""
    return {"id": number, "user_id": who, "type": kind, "amount_paisa": paisa, "created_at": at}


@contextmanager
def desk_over(rows: Rows, plan: Plan | None = None) -> Iterator[AnalysisQueries]:
    """A queries over rows by input; `users` are the people too, `orders` have their totals, `withdrawals` when they were asked for."""
    given = dict(rows)
    given |= {"people": given.get("users", ()), "order_facts": given.get("orders", ())}
    given |= {"withdrawal_facts": given.get("withdrawals", ())}
    with tempfile.TemporaryDirectory() as folder:
        for name, spec in (INPUTS | ANALYSIS_INPUTS).items():
            schema = {column: TYPES[kind] for column, kind in spec.columns.items()}
            lines = [[_plain(row.get(column)) for column in schema] for row in given.get(name, ())]
            pl.DataFrame(lines, schema=schema, orient="row").write_parquet(Path(folder) / f"{name}.parquet")
        with Engine(Path(folder), plan or load_plan(), settings_for()) as engine:
            # Of the checks' prepared tables the analyses read these; the others would take most of a small test's time.
            engine.prepare(only=("paid_orders", "first_paid", "three_three_met", "members"))
            yield AnalysisQueries(engine, "test")


def _plain(value: Any) -> Any:
    return naive(value) if isinstance(value, datetime) and value.tzinfo else value
