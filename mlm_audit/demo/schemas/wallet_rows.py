"""What the demonstration knows and a wallet of another platform can hold: members, wallets, ledger rows, withdrawals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mlm_audit.demo.platform import Platform

WITHDRAWAL = "withdrawal"


@dataclass(frozen=True)
class Member:
    """A member with the balance of the wallet in minor units."""

    id: int
    sponsor_id: int | None
    is_active: bool
    is_blocked: bool
    wallet: int
    created_at: datetime


@dataclass(frozen=True)
class LedgerEntry:
    """A row of the ledger that moves a member's wallet."""

    id: int
    member_id: int
    kind: str
    amount: int
    balance: int | None
    reference: int | None
    created_at: datetime


@dataclass(frozen=True)
class Withdrawal:
    """A request to withdraw."""

    id: int
    member_id: int
    amount: int
    status: str
    requested_at: datetime
    processed_at: datetime | None


def members(platform: Platform) -> Iterator[Member]:
    """Yield the members in the order of their ids."""
    names = ("id", "sponsor_id", "is_active", "is_blocked", "wallet_balance_paisa", "created_at")
    for row in platform["users"].sort("id").select(names).iter_rows():
        yield Member(*row)


def entries(platform: Platform) -> Iterator[LedgerEntry]:
    """Yield the rows of the ledger that name a member, in the order of their ids."""
    names = ("id", "user_id", "type", "amount_paisa", "balance_after_paisa", "reference_id", "created_at")
    for number, member, kind, amount, balance, reference, moment in (
        platform["ledger"].drop_nulls("user_id").sort("id").select(names).iter_rows()
    ):
        yield LedgerEntry(number, member, kind, amount, balance, _number(reference), moment)


def withdrawals(platform: Platform) -> Iterator[Withdrawal]:
    """Yield the requests to withdraw in the order of their ids."""
    names = ("id", "user_id", "amount_paisa", "status", "requested_at", "processed_at")
    for row in platform["withdrawals"].sort("id").select(names).iter_rows():
        yield Withdrawal(*row)


def major(paisa: int) -> Decimal:
    """Return an amount in major units."""
    return Decimal(paisa) / 100


def _number(reference: Any) -> int | None:
    return int(reference) if reference and str(reference).isdigit() else None
