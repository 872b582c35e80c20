"""What follows from a member who does not exist, or from one row that is wrong about a member."""

from collections.abc import Iterator, Sequence

from mlm_audit.checks.roots.breaks import COMPANY_MONEY, LINES, RUNNING, WALLET, Follow, Found
from mlm_audit.checks.roots.doubts import COUNTERS, FOLLOWING

LOST_MEMBER = "orphan-member"
"""A member whose row is gone: every order that paid them is then compared without them."""
OF_LOST_MEMBERS = ("bonus-record", "eligibility-log", "payout-history", "payout-ledger", "release-ledger", "withdrawals", RUNNING)
NO_MEMBER = ("entry-form", "member-money-without-member")
LOGGED_PURCHASES = ("eligibility-log", "eligibility-purchases")
MONEY = ("/amount", "/walletBalance")
"""How the keys of breaks end that miss an amount."""
OF_NOBODY = ("eligibility-log", "refund-misplaced")
PAID_TO_MEMBERS = (*LINES, "payout-ledger", "release-ledger")
OF_WALLETS = (WALLET, RUNNING, "negative-wallet")
ROLLUP_AMOUNT = ("rollup-ledger", "rollup-record-wrong")


def of_members(found: Sequence[Found]) -> Iterator[Follow]:
    """The breaks of a member, or of a member's month, that follow from one row or record."""
    yield from _of_lost_members(found)
    yield from _of_missing_money(found)
    yield from _of_missing_owners(found)
    yield from _of_company_money(found)
    purchases = {one.member_id: one.id for one in found if one.kind == LOGGED_PURCHASES}
    rollups = {one.key: one.id for one in found if one.kind == ROLLUP_AMOUNT}
    for one in found:
        if one.code == COUNTERS and one.member_id in purchases and not _is_since_wrong(one):
            yield one.id, purchases[one.member_id]
        if one.code == "rollup-record" and one.key in rollups:
            yield one.id, rollups[one.key]


def after_purchases(found: Sequence[Found]) -> Iterator[Follow]:
    """The counter of what a member bought since the last sweep: the log explains only that of the month that was swept."""
    purchases = {one.member_id: one.id for one in found if one.kind == LOGGED_PURCHASES}
    yield from (
        (one.id, purchases[one.member_id])
        for one in found
        if one.code == COUNTERS and one.member_id in purchases and _is_since_wrong(one)
    )


def _is_since_wrong(one: Found) -> bool:
    return one.facts.get("column") == "monthlyPurchase" or one.facts.get("since_counter_paisa") is not None


def _of_lost_members(found: Sequence[Found]) -> Iterator[Follow]:
    """A lost member is one finding: their rows in the other tables follow, and so do the orders of which they had a line."""
    lost: dict[int | None, str] = {}
    for one in found:
        if one.code == LOST_MEMBER and one.member_id is not None:
            yield one.id, lost.setdefault(one.member_id, one.id)
    for one in found:
        if one.code in OF_LOST_MEMBERS and one.member_id in lost and one.facts.get("holder_id") in (None, 0, one.member_id):
            yield one.id, lost[one.member_id]
    orders = {one.order_id: lost[one.member_id] for one in found if one.code in LINES and one.order_id and one.member_id in lost}
    yield from ((one.id, orders[one.order_id]) for one in found if one.code in FOLLOWING and one.order_id in orders)


def after_lost_members(found: Sequence[Found]) -> Iterator[Follow]:
    """What is computed from an order whose buyer does not exist: who stands above them is known once it is known who they are."""
    lost = {one.member_id: one.id for one in reversed(found) if one.code == LOST_MEMBER and one.member_id is not None}
    orders = {one.order_id: lost[one.line["buyer_id"]] for one in found if one.line.get("buyer_id") in lost}
    for one in found:
        if one.code in FOLLOWING and one.order_id in orders:
            yield one.id, orders[one.order_id]
        elif one.code in ("joining-flag", *OF_LOST_MEMBERS) and one.member_id in lost:
            yield one.id, lost[one.member_id]


def _of_missing_money(found: Sequence[Found]) -> Iterator[Follow]:
    """What rests on an amount that is not there: while nobody knows it, no other amount is set right by it."""
    empty = [one for one in found if one.code == "field-missing" and one.key.endswith(MONEY)]
    rows = {row: one.id for one in empty for row in one.rows() if row[0] == "ledger"}
    wallets = {one.member_id: one.id for one in empty if one.key.startswith("users/")}
    for one in found:
        if one.code in OF_WALLETS and one.member_id in wallets:
            yield one.id, wallets[one.member_id]
        elif one.code not in ("field-missing", WALLET):
            yield from ((one.id, rows[row]) for row in one.rows() if row in rows)


def after_money(found: Sequence[Found]) -> Iterator[Follow]:
    """The wallets of members of whom a ledger row has no amount: how far they are off is known after it."""
    empty = {one.member_id: one.id for one in found if one.code == "field-missing" and one.key.startswith("ledger/")}
    for one in found:
        if one.code in (WALLET, "negative-wallet") and one.member_id is not None and one.member_id in empty:
            yield one.id, empty[one.member_id]


def after_shortages(found: Sequence[Found]) -> Iterator[Follow]:
    """A wallet below zero of a member who was given too little: how far it is below is known once they have what they are due."""
    short = {one.member_id: one.id for one in reversed(found) if one.code in PAID_TO_MEMBERS and one.amount_paisa < 0}
    for one in found:
        if one.code == "negative-wallet" and one.member_id is not None and one.member_id in short:
            yield one.id, short[one.member_id]


def after_numbers(found: Sequence[Found]) -> Iterator[Follow]:
    """The wallet and the counters of a member who may have been given another number: the rows name the old one."""
    moved = {one.facts["renumbered_id"]: one.id for one in reversed(found) if one.facts.get("renumbered_id")}
    yield from ((one.id, moved[one.member_id]) for one in found if one.code in (WALLET, COUNTERS) and one.member_id in moved)


def after_owners(found: Sequence[Found]) -> Iterator[Follow]:
    """The wallet of a member to whom a row seems to belong that names nobody, or a member who does not exist."""
    unowned = {row: one for one in found if _is_unowned(one) for row in one.rows() if row[0] == "ledger"}
    members: dict[tuple[int | None, int], str] = {}
    for one in found:
        other = one.facts.get("other_id")
        for row in (*one.rows(), ("ledger", other)):
            if row in unowned and unowned[row].member_id != one.member_id:
                members |= {(one.member_id, paisa): unowned[row].id for paisa in _amounts(unowned[row])}
    for one in found:
        if one.code in OF_WALLETS and (place := (one.member_id, abs(one.amount_paisa))) in members:
            yield one.id, members[place]


def _is_unowned(one: Found) -> bool:
    return one.kind == NO_MEMBER or (one.code == LOST_MEMBER and one.key.startswith("ledger/"))


def _amounts(one: Found) -> set[int]:
    return {abs(paisa) for paisa in (one.amount_paisa, *(row.get("amount_paisa") for row in one.evidence)) if paisa}


def _of_missing_owners(found: Sequence[Found]) -> Iterator[Follow]:
    """What is said of a row that names nobody, while it has to be found out whose it is; of a refund the other line, too."""
    owners = {row: one.id for one in found if one.code == "field-missing" and one.key.endswith("/userId") for row in one.rows()}
    lines: dict[tuple[int | None, int], str] = {}
    for one in found:
        root = next((owners[row] for row in one.rows() if row in owners), None)
        if root is not None and one.code in OF_NOBODY:
            yield one.id, root
            lines[one.order_id, abs(one.amount_paisa)] = root
    for one in found:
        if one.code == "refund-misplaced" and (place := (one.order_id, abs(one.amount_paisa))) in lines:
            yield one.id, lines[place]


def _of_company_money(found: Sequence[Found]) -> Iterator[Follow]:
    """Rows of the company in a member's ledger, where they are all that it has more than the wallet."""
    taken: dict[int, list[Found]] = {}
    for one in found:
        if one.kind == COMPANY_MONEY and one.member_id is not None:
            taken.setdefault(one.member_id, []).append(one)
    off = {one.member_id: -one.amount_paisa for one in found if one.code == WALLET}
    short = {member: rows[0].id for member, rows in taken.items() if off.get(member) == sum(row.amount_paisa for row in rows)}
    yield from ((one.id, short[one.member_id]) for one in found if one.code in (WALLET, RUNNING) and one.member_id in short)
