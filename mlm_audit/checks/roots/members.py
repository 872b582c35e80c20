"""Breaks that follow from a member who does not exist, or from one wrong row of a member."""

from collections.abc import Iterator, Sequence

from mlm_audit.checks.catalogue import checks_that_follow
from mlm_audit.checks.roots.breaks import COMPANY_MONEY, LINES, RUNNING, WALLET, BreakRow, Follow
from mlm_audit.checks.roots.doubts import COUNTERS, FOLLOWING

LOST_MEMBER = "orphan-member"
"""A member whose row was deleted. Every order that paid the member is then compared without the member."""
OF_LOST_MEMBERS = checks_that_follow("lost-member")
NO_MEMBER = ("entry-form", "member-money-without-member")
LOGGED_PURCHASES = ("eligibility-log", "eligibility-purchases")
MONEY = ("/amount", "/walletBalance")
"""The endings of the keys of breaks about a missing amount."""
OF_NOBODY = ("eligibility-log", "refund-misplaced")
PAID_TO_MEMBERS = (*LINES, "payout-ledger", "release-ledger")
OF_WALLETS = (WALLET, RUNNING, "negative-wallet")
ROLLUP_AMOUNT = ("rollup-ledger", "rollup-record-wrong")


def of_members(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of a member, or of a member's month, that follow from one row or record."""
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


def after_purchases(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of the counter of purchases since the last sweep, which wait for the log.

    The log explains only the swept month's counter.
    """
    purchases = {one.member_id: one.id for one in found if one.kind == LOGGED_PURCHASES}
    yield from (
        (one.id, purchases[one.member_id])
        for one in found
        if one.code == COUNTERS and one.member_id in purchases and _is_since_wrong(one)
    )


def _is_since_wrong(one: BreakRow) -> bool:
    return one.facts.get("column") == "monthlyPurchase" or one.facts.get("since_counter_paisa") is not None


def _of_lost_members(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that follow from a lost member: rows in other tables, and orders with a line of the member."""
    lost: dict[int | None, str] = {}
    for one in found:
        if one.code == LOST_MEMBER and one.member_id is not None:
            yield one.id, lost.setdefault(one.member_id, one.id)
    for one in found:
        if (
            one.code in OF_LOST_MEMBERS
            and one.member_id in lost
            and one.facts.get("holder_id") in (None, 0, one.member_id)
        ):
            yield one.id, lost[one.member_id]
    orders = {
        one.order_id: lost[one.member_id]
        for one in found
        if one.code in LINES and one.order_id and one.member_id in lost
    }
    yield from ((one.id, orders[one.order_id]) for one in found if one.code in FOLLOWING and one.order_id in orders)


def after_lost_members(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that wait for a buyer who does not exist.

    The uplines are known only once the buyer is identified.
    """
    lost = {one.member_id: one.id for one in reversed(found) if one.code == LOST_MEMBER and one.member_id is not None}
    orders = {one.order_id: lost[one.line["buyer_id"]] for one in found if one.line.get("buyer_id") in lost}
    for one in found:
        if one.code in FOLLOWING and one.order_id in orders:
            yield one.id, orders[one.order_id]
        elif one.code in ("joining-flag", *OF_LOST_MEMBERS) and one.member_id in lost:
            yield one.id, lost[one.member_id]


def _of_missing_money(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that depend on a missing amount. While it is unknown, no other amount is corrected by it."""
    empty = [one for one in found if one.code == "field-missing" and one.key.endswith(MONEY)]
    rows = {row: one.id for one in empty for row in one.rows() if row[0] == "ledger"}
    wallets = {one.member_id: one.id for one in empty if one.key.startswith("users/")}
    for one in found:
        if one.code in OF_WALLETS and one.member_id in wallets:
            yield one.id, wallets[one.member_id]
        elif one.code not in ("field-missing", WALLET):
            yield from ((one.id, rows[row]) for row in one.rows() if row in rows)


def after_money(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the wallet breaks that wait for a ledger row without an amount.

    The difference is unknown until the row is corrected.
    """
    empty = {one.member_id: one.id for one in found if one.code == "field-missing" and one.key.startswith("ledger/")}
    for one in found:
        if one.code in (WALLET, "negative-wallet") and one.member_id is not None and one.member_id in empty:
            yield one.id, empty[one.member_id]


def after_shortages(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of negative wallets that wait until the member has received what is due.

    How far such a wallet is below zero is known only after that.
    """
    short = {one.member_id: one.id for one in reversed(found) if one.code in PAID_TO_MEMBERS and one.amount_paisa < 0}
    for one in found:
        if one.code == "negative-wallet" and one.member_id is not None and one.member_id in short:
            yield one.id, short[one.member_id]


def after_numbers(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the wallet and counter breaks that wait for a member who may have a new id. The rows name the old one."""
    moved = {one.facts["renumbered_id"]: one.id for one in reversed(found) if one.facts.get("renumbered_id")}
    yield from (
        (one.id, moved[one.member_id]) for one in found if one.code in (WALLET, COUNTERS) and one.member_id in moved
    )


def after_owners(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the wallet breaks that wait for a ledger row without an existing member that seems to be this member's."""
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


def _is_unowned(one: BreakRow) -> bool:
    return one.kind == NO_MEMBER or (one.code == LOST_MEMBER and one.key.startswith("ledger/"))


def _amounts(one: BreakRow) -> set[int]:
    return {abs(paisa) for paisa in (one.amount_paisa, *(row.get("amount_paisa") for row in one.evidence)) if paisa}


def _of_missing_owners(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of rows that name no member, whose owner must be found first.

    A refund's other line is included.
    """
    owners = {
        row: one.id
        for one in found
        if one.code == "field-missing" and one.key.endswith("/userId")
        for row in one.rows()
    }
    lines: dict[tuple[int | None, int], str] = {}
    for one in found:
        root = next((owners[row] for row in one.rows() if row in owners), None)
        if root is not None and one.code in OF_NOBODY:
            yield one.id, root
            lines[one.order_id, abs(one.amount_paisa)] = root
    for one in found:
        if one.code == "refund-misplaced" and (place := (one.order_id, abs(one.amount_paisa))) in lines:
            yield one.id, lines[place]


def _of_company_money(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the wallet breaks that follow from company rows in a member's ledger, if these are the whole difference."""
    taken: dict[int, list[BreakRow]] = {}
    for one in found:
        if one.kind == COMPANY_MONEY and one.member_id is not None:
            taken.setdefault(one.member_id, []).append(one)
    off = {one.member_id: -one.amount_paisa for one in found if one.code == WALLET}
    short = {
        member: rows[0].id for member, rows in taken.items() if off.get(member) == sum(row.amount_paisa for row in rows)
    }
    yield from (
        (one.id, short[one.member_id]) for one in found if one.code in (WALLET, RUNNING) and one.member_id in short
    )
