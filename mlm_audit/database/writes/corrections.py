"""Wallet corrections. Each is one transaction, re-read under lock, and recorded with its values before and after."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.mapped_writes import locked_wallets
from mlm_audit.database.core.own_tables import Authorisation, Repair
from mlm_audit.database.core.platform_engines import writes_of
from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.domain.items import CorrectedWallet
from mlm_audit.domain.periods import naive

WALLET_CORRECTION = "wallet-correction"
APPROVED_CORRECTION = "wallet_correction"
"""The kind of authorisation that explains a change of a wallet without a ledger row."""


def correct_wallets(
    engine: Engine, job_id: str, members: Iterable[int], *, max_paisa: int, run_cap_paisa: int, now: datetime
) -> tuple[list[CorrectedWallet], bool]:
    """Set drifted wallets to their ledger sums. The ledger is authoritative, and no ledger row is written.

    Return the corrections, and whether the cap of the run stopped them before the end.
    """
    done: list[CorrectedWallet] = []
    spent = 0
    for member_id in members:
        with write(engine) as connection:
            wallet, ledger = _balance(connection, member_id)
            drift = wallet - ledger
            if not 0 < abs(drift) <= max_paisa:
                continue  # it changed since the snapshot; the next run checks it again
            if spent + abs(drift) > run_cap_paisa:
                return done, True
            _record(connection, job_id, member_id, before=wallet, after=ledger, now=now)
        spent += abs(drift)
        done.append(CorrectedWallet(member_id, wallet, ledger))
    return done, False


def _balance(connection: Connection, member_id: int) -> tuple[int, int]:
    """Return the wallet, locked, and the ledger sum.

    The lock comes first, so that a posting that holds it commits before the ledger is read.
    """
    if writes := writes_of(connection.dialect):
        wallet = locked_wallets(connection, writes, [member_id])[member_id]
    else:
        locked = select(User.wallet_balance_paisa).where(User.id == member_id).with_for_update()
        wallet = connection.execute(locked).scalar_one()
    total = select(func.coalesce(func.sum(Ledger.amount_paisa), 0)).where(Ledger.user_id == member_id)
    return int(wallet), int(connection.execute(total).scalar_one())


def set_wallet(connection: Connection, member_id: int, paisa: int) -> None:
    """Set a member's wallet, whose row must be locked."""
    if writes := writes_of(connection.dialect):
        writes.set_wallets(connection, {member_id: paisa})
        return
    connection.execute(update(User).where(User.id == member_id).values(wallet_balance_paisa=paisa))


def _record(connection: Connection, job_id: str, member_id: int, *, before: int, after: int, now: datetime) -> None:
    set_wallet(connection, member_id, after)
    connection.execute(
        insert(Repair).values(
            job_id=job_id,
            kind=WALLET_CORRECTION,
            table_name="users",
            row_key=str(member_id),
            column_name="walletBalance",
            before=str(before),
            after=str(after),
            created_at=naive(now),
        )
    )
    approve_correction(connection, job_id, member_id, after - before, now)


def approve_correction(
    connection: Connection, job_id: str, member_id: int, change_paisa: int, now: datetime, *, is_undone: bool = False
) -> None:
    """Record an authorisation for a wallet change without a ledger row, which the running-balance check requires.

    The reference names the member's last ledger row before the change, as a person's approval does, and the run that
    made the change.
    """
    newest = select(func.coalesce(func.max(Ledger.id), 0)).where(Ledger.user_id == member_id)
    reference = f"AFTER_{connection.execute(newest).scalar_one()}_{job_id}_{member_id}"
    connection.execute(
        insert(Authorisation).values(
            kind=APPROVED_CORRECTION,
            user_id=member_id,
            amount_paisa=change_paisa,
            reference=f"{reference}_UNDONE" if is_undone else reference,
            approved_by="mlm-audit",
            approved_at=naive(now),
            reason="the correction was undone" if is_undone else "the wallet had drifted from its ledger",
        )
    )


def list_repairs(engine: Engine, job_id: str | None = None, *, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return repairs, newest first."""
    query = select(Repair).order_by(Repair.id.desc()).limit(limit)
    if job_id is not None:
        query = query.where(Repair.job_id == job_id)
    columns = {column.name: attribute for attribute, column in Repair.__mapper__.columns.items()}
    with engine.connect() as connection:
        return [{columns[key]: value for key, value in row.items()} for row in connection.execute(query).mappings()]
