"""The platform's side for tests: a small shop that sells, places members and posts commission by the rules of the plan."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from mlm_audit.database.core.connect import write
from mlm_audit.database.core.own_tables import SelfPayoutSchedule
from mlm_audit.database.core.tables import Commission, Hierarchy, Ledger, MatrixNode, Order, User
from mlm_audit.domain.periods import naive, zone
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.postings import Posting, Upline, expected_postings

IST = zone("Asia/Kolkata")
LEDGER_KIND = {
    "company": "company_share",
    "remainder": "remainder",
    "rollup": "rollup_to_company",
    "level": "sponsor_commission",
}
ENDING = {"company": "_COMPANY", "remainder": "_REMAINDER", "rollup": "_ROLLUP_L{}", "level": "_L{}"}


class Shop:
    """Members fill the matrix left to right; each is sponsored by `sponsor` or by their matrix parent."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def join(self, now: datetime, *, sponsor: int | None = None, kyc: bool = True, role: str = "user") -> int:
        """A new member; active once they buy."""
        with write(self.engine) as connection:
            number = int(connection.execute(select(func.coalesce(func.max(User.id), 0) + 1)).scalar_one())
            parent = None if number == 1 else (number - 2) // 3 + 1
            connection.execute(
                insert(User).values(
                    id=number,
                    sponsor_id=sponsor or parent,
                    full_name=f"Member {number}",
                    email=f"m{number}@example.invalid",
                    mobile_no=f"+91 00{number:08}",
                    role=role,
                    is_active=False,
                    is_blocked=False,
                    is_kyc_approved=kyc,
                    monthly_purchase_paisa=0,
                    last_month_purchase_paisa=0,
                    is_eligible_repurchase=False,
                    wallet_balance_paisa=0,
                    created_at=naive(now),
                )
            )
            position = None if parent is None else (number - 2) % 3 + 1
            connection.execute(insert(MatrixNode).values(user_id=number, parent_id=parent, position=position))
            for depth, above in enumerate(self._uplines(connection, number), start=1):
                connection.execute(insert(Hierarchy).values(ancestor_id=above, descendant_id=number, depth=depth))
        return number

    def buy(self, member: int, total_paisa: int, commission_paisa: int, at: datetime) -> int:
        """A paid order with everything that follows from it, in one transaction."""
        with write(self.engine) as connection:
            locked = select(User.id).where(User.id == member).with_for_update()
            connection.execute(locked).one()
            joining = connection.execute(select(Order.id).where(Order.user_id == member).limit(1)).first() is None
            number = int(connection.execute(select(func.coalesce(func.max(Order.id), 0) + 1)).scalar_one())
            connection.execute(
                insert(Order).values(
                    id=number,
                    user_id=member,
                    total_paisa=total_paisa,
                    commission_amount_paisa=commission_paisa,
                    status="paid",
                    is_joining_order=joining,
                    paid_at=naive(at),
                    created_at=naive(at),
                )
            )
            counter = User.monthly_purchase_paisa + total_paisa
            connection.execute(
                update(User).where(User.id == member).values(is_active=True, monthly_purchase_paisa=counter)
            )
            self._post(connection, number, member, commission_paisa, at, joining=joining)
        return number

    def _uplines(self, connection: Connection, member: int, depth: int = 5) -> list[int]:
        found: list[int] = []
        above = connection.execute(select(MatrixNode.parent_id).where(MatrixNode.user_id == member)).scalar()
        while above is not None and len(found) < depth:
            found.append(above)
            above = connection.execute(select(MatrixNode.parent_id).where(MatrixNode.user_id == above)).scalar()
        return found

    def _active(self, connection: Connection, member: int, at: datetime) -> bool:
        row = connection.execute(select(User.is_active, User.is_blocked).where(User.id == member)).one()
        first = connection.execute(select(func.min(Order.paid_at)).where(Order.user_id == member)).scalar()
        return bool(row[0]) and not row[1] and first is not None and first <= naive(at)

    def _post(
        self, connection: Connection, order: int, buyer: int, commission: int, at: datetime, *, joining: bool
    ) -> None:
        version = load_plan().version_at(at, IST)
        assert version is not None
        uplines = [
            Upline(level, member, self._active(connection, member, at))
            for level, member in enumerate(self._uplines(connection, buyer), start=1)
        ]
        for line in expected_postings(commission, buyer, at, version, uplines, is_joining=joining):
            if line.kind == "instalment":
                self._schedule(connection, order, line, at)
            elif line.kind == "level" and not joining:
                self._commission(connection, order, buyer, line, at, joining=False)
            else:
                if line.kind == "level":
                    self._commission(connection, order, buyer, line, at, joining=True)
                self._ledger(connection, order, line, at)

    def _schedule(self, connection: Connection, order: int, line: Posting, at: datetime) -> None:
        assert line.due_at is not None
        connection.execute(
            insert(SelfPayoutSchedule).values(
                user_id=line.member_id,
                order_id=order,
                instalment=line.number,
                amount_paisa=line.amount_paisa,
                payout_date=naive(line.due_at),
                status="pending",
                retry_count=0,
                created_at=naive(at),
            )
        )

    def _commission(
        self, connection: Connection, order: int, buyer: int, line: Posting, at: datetime, *, joining: bool
    ) -> None:
        connection.execute(
            insert(Commission).values(
                user_id=line.member_id,
                from_user_id=buyer,
                order_id=order,
                amount_paisa=line.amount_paisa,
                level=line.number,
                type="joining" if joining else "repurchase",
                status="released" if joining else "pending",
                processed_at=naive(at) if joining else None,
                created_at=naive(at),
            )
        )

    def _ledger(self, connection: Connection, order: int, line: Posting, at: datetime) -> None:
        after: Any = None
        if line.member_id is not None:
            wallet = User.wallet_balance_paisa + line.amount_paisa
            connection.execute(update(User).where(User.id == line.member_id).values(wallet_balance_paisa=wallet))
            after = connection.execute(select(User.wallet_balance_paisa).where(User.id == line.member_id)).scalar_one()
        connection.execute(
            insert(Ledger).values(
                user_id=line.member_id,
                type=LEDGER_KIND[line.kind],
                amount_paisa=line.amount_paisa,
                reference_id=str(order),
                ref=f"ORDER_{order}{ENDING[line.kind].format(line.number)}",
                balance_after_paisa=after,
                level_depth=line.number or None,
                created_at=naive(at),
            )
        )
