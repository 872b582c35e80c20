"""Breaks of a member's month that follow from a commission record, where the record explains the whole difference."""

from collections.abc import Iterator, Sequence

from mlm_audit.checks.catalogue import checks_that_explain, checks_that_follow
from mlm_audit.checks.roots.breaks import FOLLOWS, BreakRow, Follow
from mlm_audit.checks.roots.doubts import moved_orders

OF_MONTHS = checks_that_follow("month")
DECISIONS = ("decision-against-log", "decision-without-log")
WITHOUT_LOG = "decision-without-log"
LOG = "eligibility-log"
LOGGED_AMOUNT = ("rollup-record", "log-amount-wrong")
REFUNDS = ("refund-misplaced", "refund-not-reversed")
OTHER_KIND = "record-kind-wrong"
RECORDS = checks_that_explain("month")
"""The checks of the commission records from which a month's release and roll-up are added up."""
RELEASED, ROLLED_UP, ANY = "released", "rolled_up", ""
"""The status of a record. ANY stands for an unknown status, and counts for both."""


class _Months:
    """The surplus of the commission records in each member's month, in paisa, and the break that explains it."""

    def __init__(self) -> None:
        self.roots: dict[str, str] = {}
        self.off: dict[tuple[str, str], int] = {}

    def add(self, one: BreakRow) -> None:
        month = (one.line or one.facts).get("month")
        if one.code in DECISIONS and f"{one.member_id}/{month}" in self.roots:
            return
        for member, status, paisa in _off_by(one):
            self._add(f"{member}/{month}", status, paisa, one.id)

    def add_moved(self, one: BreakRow) -> None:
        """Add the records of an order that was moved in time.

        They are counted in another month than that of their posting.
        """
        for row in one.facts.get("records") or ():
            member, status, paisa = row.get("user_id"), row.get("status") or ANY, row.get("amount_paisa") or 0
            if member is not None:
                self._add(f"{member}/{one.facts['month']}", status, paisa, one.id)
                self._add(f"{member}/{one.facts['posted_month']}", status, -paisa, one.id)

    def _add(self, place: str, status: str, paisa: int, root: str) -> None:
        if paisa:
            self.off[place, status] = self.off.get((place, status), 0) + paisa
            self.roots.setdefault(place, root)

    def off_by(self, place: str, status: str) -> int:
        """Return the surplus of the records of a status in a member's month, in paisa."""
        return self.off.get((place, status), 0) + self.off.get((place, ANY), 0)

    def explain(self, one: BreakRow) -> bool:
        """Return whether the surplus of the records equals the difference of a release, a roll-up or a decision."""
        facts = one.facts
        if one.code == "release-ledger":
            return bool(
                facts.get("released_paisa", 0) - facts.get("credited_paisa", 0) == self.off_by(one.key, RELEASED)
            )
        if one.code == "rollup-ledger":
            lacks = {
                facts.get("rolled_up_paisa", 0) - facts.get(part, 0) for part in ("recorded_paisa", "credited_paisa")
            }
            return lacks <= {0, self.off_by(one.key, ROLLED_UP)}
        if one.code in DECISIONS:
            place, _, status = one.key.rpartition("/")
            return bool(facts.get("decided_paisa") == self.off_by(place, status))
        return one.code == "rollup-record"


def of_months(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of a member's month, and of the month's statistics, that follow from a commission record."""
    months = _months_of(found)
    recorded: dict[str, int] = {}
    roots: dict[str, str] = {}
    for one in found:
        place = one.key.rpartition("/")[0] if one.code in DECISIONS else one.key
        if (
            one.code in OF_MONTHS
            and (root := months.roots.get(place)) is not None
            and root != one.id
            and months.explain(one)
        ):
            yield one.id, root
            if one.code == "rollup-ledger":
                month = one.key.split("/")[1]
                roots[month] = root
                recorded[month] = recorded.get(month, 0) + one.facts["rolled_up_paisa"] - one.facts["recorded_paisa"]
    for one in found:
        if one.code == "monthly-stats" and one.key in roots and _is_by(one, recorded[one.key]):
            yield one.id, roots[one.key]


def after_months(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks of a member's month that wait for a wrong record, because the record does not explain them.

    Their steps are known only after the record is corrected.
    """
    months = _months_of(found)
    for one in found:
        if one.code in ("release-ledger", "rollup-ledger") and one.key in months.roots and not months.explain(one):
            yield one.id, months.roots[one.key]
    yield from _after_log(found)


def _after_log(found: Sequence[BreakRow]) -> Iterator[Follow]:
    """Yield the breaks that wait for a wrong, duplicated or missing row of a month's eligibility log."""
    logs = {one.key: one.id for one in found if one.code == LOG}
    undecided = {one.key: one.id for one in found if one.code == WITHOUT_LOG}
    months = {key.split("/")[1]: root for key, root in (undecided | logs).items() if "/" in key}
    for one in found:
        if one.code == "monthly-stats" and one.key in months and _differs_in_members(one):
            yield one.id, months[one.key]
        elif one.kind == LOGGED_AMOUNT and one.key in logs:
            yield one.id, logs[one.key]
        elif (
            one.code == "rollup-ledger"
            and (root := undecided.get(f"{one.key}/{ROLLED_UP}")) is not None
            and _is_bare(one)
        ):
            yield one.id, root


def _is_bare(one: BreakRow) -> bool:
    """Return whether only the status of a commission says that it was rolled up. Any edit could have set it."""
    return not one.facts.get("recorded_paisa") and not one.facts.get("credited_paisa")


def _months_of(found: Sequence[BreakRow]) -> _Months:
    months = _Months()
    for one in moved_orders(found):
        months.add_moved(one)
    # A decision is a root only if no record of the month is wrong.
    for one in sorted(found, key=lambda one: one.code in DECISIONS):
        if one.code in RECORDS and one.cause != FOLLOWS:
            months.add(one)
    return months


def _is_by(one: BreakRow, recorded_paisa: int) -> bool:
    """Return whether a month's statistics differ only in the amount, by `recorded_paisa` or by nothing."""
    facts = one.facts
    return not _differs_in_members(one) and abs(
        (facts.get("stated_paisa") or 0) - (facts.get("rolled_up_paisa") or 0)
    ) in (
        0,
        abs(recorded_paisa),
    )


def _differs_in_members(one: BreakRow) -> bool:
    """Return whether a month's statistics have other counts of members than its log."""
    return any(one.facts.get(f"stated_{name}") != one.facts.get(f"{name}_users") for name in ("eligible", "ineligible"))


def _off_by(one: BreakRow) -> Iterator[tuple[int, str, int]]:
    """Yield (member, status, paisa) for each surplus of the commission records in a member's month."""
    if one.code in DECISIONS:
        yield from _off_by_decision(one)
    elif one.code in REFUNDS:
        yield from _off_by_refund(one)
    elif one.cause == OTHER_KIND and one.facts.get("holder_id") is not None:
        # A month's total leaves out a record of type joining for a repurchase, and counts a record of type repurchase
        # for a joining order.
        sign = 1 if one.facts.get("is_joining") else -1
        yield one.facts["holder_id"], one.facts.get("status") or ANY, sign * (one.facts.get("recorded_paisa") or 0)
    elif one.code == "undecided-after-sweep" and one.member_id is not None:
        eligible = one.facts.get("is_eligible")
        status = ANY if eligible is None else RELEASED if eligible else ROLLED_UP
        yield one.member_id, status, -one.amount_paisa
    elif one.line.get("month") and not one.line.get("is_joining"):
        yield from _off_by_line(one)


def _off_by_line(one: BreakRow) -> Iterator[tuple[int, str, int]]:
    line = one.line
    status, holder, upline = line.get("record_status") or ANY, line.get("record_user_id"), line.get("upline_id")
    recorded, due = line.get("recorded_paisa") or 0, line.get("due_paisa") or 0
    if one.code == "commission-duplicate" and holder is not None:
        yield holder, status, recorded - due
    elif (holder == upline or not line.get("records")) and upline is not None:
        yield upline, status, recorded - due
    else:
        if holder is not None:
            yield holder, status, recorded
        if upline is not None:
            yield upline, status, -due


def _off_by_decision(one: BreakRow) -> Iterator[tuple[int, str, int]]:
    status, paisa = one.facts.get("status"), one.facts.get("decided_paisa")
    if one.member_id is not None and status is not None and paisa is not None:
        yield one.member_id, status, paisa
        yield one.member_id, ROLLED_UP if status == RELEASED else RELEASED, -paisa


def _off_by_refund(one: BreakRow) -> Iterator[tuple[int, str, int]]:
    facts = one.facts
    if one.code == "refund-misplaced" and facts.get("kind") == "repurchase" and one.member_id is not None:
        yield one.member_id, facts.get("status") or ANY, facts.get("left_paisa") or 0
    for line in facts.get("lines") or ():
        if line.get("table") == "commissions" and line.get("kind") == "repurchase" and line.get("user_id") is not None:
            yield line["user_id"], line.get("status") or ANY, line.get("amount_paisa") or 0
