"""Breaks that follow from one misattributed row, which is missing where it belongs and surplus where it is filed."""

from collections.abc import Iterator, Sequence

from mlm_audit.checks.catalogue import checks_that_follow
from mlm_audit.checks.roots.breaks import COMPANY_MONEY, CONSERVATION, LINES, RUNNING, WALLET, BreakRow, Follow
from mlm_audit.checks.roots.doubts import UNDISTRIBUTED

OTHERWISE = "other-ledger-type"
OTHER_KIND = "record-kind-wrong"
EARLY = ("decided-early", "month-slip")
"""The break of a joining record that has the type repurchase: it is released at once, so it seems to be decided early.

For any other record, an early decision is a break of its own.
"""
MISNAMED = {
    OTHERWISE: ("ledger", "other_id"),
    "rollup-record-misnamed": ("CommissionRollup", "misnamed_id"),
    "record-misnamed": ("commissions", "stray_id"),
    "instalment-misnamed": ("SelfPayoutSchedule", "stray_id"),
    OTHER_KIND: ("commissions", "record_id"),
}
"""The causes of a misattributed row, with its table and the fact that holds its id."""
MAY_FOLLOW = checks_that_follow("row")
"""The checks whose break about a misattributed row says only that the row is in the wrong place."""
MAY_FOLLOW_AS = (
    ("bonus-record", "bonus-not-posted"),
    ("payout-ledger", "payout-without-schedule"),
    ("record-state", "instalment-without-order"),
    ("record-state", "joining-not-released"),
    ("release-ledger", "credit-without-release"),
    ("release-ledger", "wrong-amount"),
    ("withdrawals", "withdrawal-debited-twice"),
    ("withdrawals", "withdrawal-without-request"),
)
MALFORMED = ("level-missing", "member-money-without-member")
"""The causes of a row without an owner or level. A refund that is misplaced by its amount is settled with the row."""
OF_MALFORMED = (("commission-unexpected", "no-such-level"), ("payout-ledger", "payout-not-marked"))
ROLLUP_LOST = ("rollup-ledger", "rollup-not-posted")
REFUNDS = ("refund-misplaced", "refund-not-reversed")
OF_ORDERS = (CONSERVATION, "order-lines")
OF_AMOUNTS = (*LINES, *REFUNDS)
OF_WALLETS = (WALLET, RUNNING, "bonus-record")
AMOUNTS = ("approved_paisa", "credited_paisa", "debited_paisa", "posted_paisa")


class _Places:
    """An index of the misattributed rows: the rows, the orders and amounts that they affect, and the wallets."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], str] = {}
        self.kinds: dict[tuple[str, int], str] = {}
        self.orders: dict[int | None, str] = {}
        self.amounts: dict[tuple[int | None, int], str] = {}
        self.wallets: dict[tuple[int | None, int], str] = {}
        self.refunds: dict[tuple[int | None, int], str] = {}
        self.malformed: dict[tuple[str, int, int], str] = {}
        self.rollups: dict[tuple[str, int], str] = {}

    def add(self, one: BreakRow) -> None:
        for row in _misnamed(one):
            self.rows.setdefault(row, one.id)
            if one.cause == OTHER_KIND:
                self.kinds.setdefault(row, one.id)
            for order in _orders(one):
                self.orders[order] = one.id
                if one.amount_paisa:
                    self.amounts[order, abs(one.amount_paisa)] = one.id
        if one.code == "entry-form" and one.cause in MALFORMED:
            for paisa in {abs(row["amount_paisa"]) for row in one.evidence if row.get("amount_paisa")}:
                if one.order_id is not None:
                    self.refunds[one.order_id, paisa] = one.id
                self.malformed |= {(*row, paisa): one.id for row in one.rows()}
                self.rollups[str(one.facts.get("ref")), paisa] = one.id
        for member in _holders(one):
            amounts = {one.amount_paisa, one.line.get("credit_row_paisa"), *(one.facts.get(name) for name in AMOUNTS)}
            self.wallets |= {(member, abs(amount)): one.id for amount in amounts if amount}

    def root_of(self, one: BreakRow) -> str | None:
        return self._by_form(one) or self._by_row(one) or self._by_amount(one)

    def _by_form(self, one: BreakRow) -> str | None:
        """Return the break of a row without owner or level that explains a break of the same amount."""
        paisa = abs(one.amount_paisa)
        if one.code in REFUNDS:
            return self.refunds.get((one.order_id, paisa))
        if one.kind in OF_MALFORMED:
            return next(
                (self.malformed[place] for row in one.rows() if (place := (*row, paisa)) in self.malformed), None
            )
        return self.rollups.get((f"ROLLUP_{one.key.replace('/', '_')}", paisa)) if one.kind == ROLLUP_LOST else None

    def _by_row(self, one: BreakRow) -> str | None:
        if one.kind == EARLY:
            return next((self.kinds[row] for row in one.rows() if row in self.kinds), None)
        if one.code not in MAY_FOLLOW and one.kind not in MAY_FOLLOW_AS:
            return None
        if one.facts.get("missing", 1) != 1:
            return None  # several bonuses were not posted, and the row is only one of them
        return next((self.rows[row] for row in one.rows() if row in self.rows), None)

    def _by_amount(self, one: BreakRow) -> str | None:
        if one.code in OF_WALLETS:
            return self.wallets.get((one.member_id, abs(one.amount_paisa)))
        if one.code in OF_AMOUNTS and (place := (one.order_id, abs(one.amount_paisa))) in self.amounts:
            return self.amounts[place]
        return self.orders.get(one.order_id) if one.code in OF_ORDERS and one.kind not in UNDISTRIBUTED else None


def _orders(one: BreakRow) -> set[int]:
    """Return the order of the row, and the order that the row names instead."""
    named = [one.order_id, one.facts.get("stray_order_id")]
    if one.code in LINES:  # the reference of a payout, a withdrawal or a release is not an order
        named.append(one.facts.get("other_reference_id"))
    return {order for order in named if order is not None}


def _holders(one: BreakRow) -> set[int]:
    """Return the members whose wallets differ from their ledgers by the row."""
    if one.facts.get("is_row_only"):
        holders = (one.member_id, one.facts.get("holder_id"), one.line.get("credit_user_id"))
    elif one.code in ("unsupported-entry", "withdrawals") and one.facts.get("is_outside_wallet"):
        holders = (one.facts.get("posted_user_id") or one.facts.get("surplus_user_id") or one.member_id, None, None)
    else:
        return set()
    return {member for member in holders if member is not None}


def of_rows(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from a misattributed row. The row is corrected with its own break."""
    yield from _of_other_kind(found)
    yield from _of_misfiled_rollups(found)
    places = _Places()
    for one in found:
        places.add(one)
    for one in found:
        if one.cause not in MISNAMED and (root := places.root_of(one)) is not None:
            yield one.id, root


def _of_other_kind(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the level breaks of rows that reverse a company line under another type. The level fits the right type."""
    kinds = {
        ("ledger", one.facts["last_id"]): one.id
        for one in found
        if one.code == "refund-misplaced"
        and one.facts.get("pair_kind") not in (None, one.facts.get("kind"))
        and one.facts["left_paisa"] < 0
        and one.facts["rows"] == 1
    }
    for one in found:
        if one.kind == ("entry-form", "level-unexpected"):
            yield from ((one.id, kinds[row]) for row in one.rows() if row in kinds)


def _of_misfiled_rollups(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the roll-up breaks of months whose whole surplus is a CommissionRollup row of another month."""
    misfiled = {
        f"{facts['misnamed_user_id']}/{facts['misnamed_year'] * 100 + facts['misnamed_month']}": one
        for one in found
        if one.cause == "rollup-record-misnamed" and (facts := one.facts).get("misnamed_year") is not None
    }
    for one in found:
        root = misfiled.get(one.key) if one.kind == ("rollup-ledger", "rollup-record-wrong") else None
        if root is not None and one.amount_paisa == root.facts["rolled_up_paisa"]:
            yield one.id, root.id


def after_types(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the roll-ups without a company credit that wait for rows of an unknown type with at least their amount."""
    unknown = [one for one in found if one.code == "ledger-type"]
    for one in found:
        if one.kind == ROLLUP_LOST:
            yield from ((one.id, rows.id) for rows in unknown if abs(rows.amount_paisa) >= abs(one.amount_paisa))


def _misnamed(one: BreakRow) -> Iterator[tuple[str, int]]:
    """Yield the rows, as (table, id), that a break shows to be misattributed."""
    is_same = bool(one.facts.get("is_same_row"))
    if one.cause in MISNAMED and (is_same or one.cause != OTHERWISE):
        table, fact = MISNAMED[one.cause]
        if one.facts.get(fact) is not None:
            yield table, one.facts[fact]
        if is_same and one.cause != OTHERWISE and one.facts.get("other_id") is not None:
            yield "ledger", one.facts["other_id"]
    if one.kind == COMPANY_MONEY:
        yield from ((row["table"], row["id"]) for row in one.evidence if row.get("table") == "ledger")
    if one.facts.get("is_row_only"):
        number = one.facts.get("ledger_id") or one.line.get("credit_id")
        if number is not None:
            yield "ledger", number
