"""Approvals of what no other record determines: a ledger row, or a wallet set without one. Rows are only ever added."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import Authorisation
from mlm_audit.database.core.platform_engines import platform_rows_of
from mlm_audit.database.core.tables import Ledger, User
from mlm_audit.database.writes.corrections import APPROVED_CORRECTION
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import naive

LONGEST_ID = 18
"""The maximum number of digits of an id that always fits into 64 bits."""


class Grant(NamedTuple):
    """An approval to store. `amount_paisa` is signed as in the ledger.

    `reference` is the ledger row's key or LEDGER_<id>. For a wallet it is AFTER_<id>.
    """

    kind: str
    member_id: int
    amount_paisa: int
    reference: str
    approved_by: str
    reason: str


def add_authorisation(engine: Engine, grant: Grant, now: datetime) -> int:
    """Store an authorisation and return its id.

    Raise InputError when the member does not exist, or when the reference already has an authorisation.
    """
    try:
        with write(engine) as connection:
            with platform_rows_of(connection) as platform:
                if platform.execute(select(User.id).where(User.id == grant.member_id)).first() is None:
                    raise InputError(f"authorisations add: there is no member {grant.member_id}; nothing was written")
                if grant.kind == APPROVED_CORRECTION:
                    _require_place(platform, grant)
            values = {
                "kind": grant.kind,
                "user_id": grant.member_id,
                "amount_paisa": grant.amount_paisa,
                "reference": grant.reference,
                "approved_by": grant.approved_by,
                "approved_at": naive(now),
                "reason": grant.reason,
            }
            connection.execute(insert(Authorisation).values(**values))
            mine = select(Authorisation.id).where(Authorisation.reference == grant.reference)
            return int(connection.execute(mine).scalar_one())
    except IntegrityError as error:
        raise InputError(
            f"authorisations add: {grant.reference} has an authorisation already; see `mlm-audit authorisations list`"
        ) from error


def list_authorisations(engine: Engine) -> list[dict[str, Any]]:
    """Return every authorisation, newest first. `approved_at` is UTC."""
    model = Authorisation
    columns = (
        model.id, model.kind, model.user_id, model.amount_paisa, model.reference, model.approved_by, model.approved_at, model.reason,
    )  # fmt: skip
    names = ("id", "kind", "member_id", "amount_paisa", "reference", "approved_by", "approved_at", "reason")
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(model.id.desc())).all()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _require_place(connection: Connection, grant: Grant) -> None:
    """Raise InputError unless the reference names a ledger row of the member, after which the wallet was set."""
    word, _, number = grant.reference.partition("_")
    row = (
        int(number) if word == "AFTER" and number.isascii() and number.isdigit() and len(number) <= LONGEST_ID else None
    )
    mine = Ledger.user_id == grant.member_id
    if row is None or connection.execute(select(Ledger.id).where(mine, Ledger.id == row)).first() is None:
        raise InputError(
            f"authorisations add --reference {grant.reference}: the reference must be AFTER_ followed by the id of the "
            "member's last ledger row when the wallet was set, such as AFTER_550; nothing was written"
        )
