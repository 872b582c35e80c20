"""The items and the corrections of a result: what a job did, or in a dry run would do. Amounts are integer paisa."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item or one correction of a result. Each kind of job has classes of its own."""

    @classmethod
    def all_of(cls, items: "Iterable[Item]") -> tuple[Self, ...]:
        """Return the items of a result as those of this class. Raise TypeError when there is another one among them."""
        mine = tuple(item for item in items if isinstance(item, cls))
        if len(mine) != len(tuple(items)):
            raise TypeError(f"an item of the result is not a {cls.__name__}")
        return mine

    def to_json(self) -> dict[str, Any]:
        """Return the item as JSON-ready data, in the order of the fields."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutItem(Item):
    """An instalment, its outcome, and the reason.

    A platform may hold an amount or an id of any type. An amount that is not a whole number is held. `due_at` and
    `failed_since` are ISO 8601 in UTC.
    """

    schedule_id: int
    member_id: Any
    order_id: Any
    instalment: Any
    amount_paisa: Any
    due_at: str
    action: str
    reason: str | None
    retries_used: int
    failed_since: str | None

    @property
    def paisa(self) -> int:
        """Return the amount; 0 for an amount that is not a whole number, which `reason` says."""
        return self.amount_paisa if isinstance(self.amount_paisa, int) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepItem(Item):
    """A member in a sweep: the decision, the change against the month before, and the paisa released and rolled up."""

    member_id: int
    is_eligible: bool
    change: str
    is_near_miss: bool
    purchase_paisa: int
    unmet: tuple[str, ...]
    released_paisa: int
    rolled_up_paisa: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Item):
    """A member whose sponsor or parent, which `edge` names, is another one than in the last run.

    None stands for none.
    """

    member_id: int
    edge: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class CorrectedWallet(Item):
    """One wallet that was set to its ledger sum."""

    member_id: int
    before_paisa: int
    after_paisa: int


@dataclass(frozen=True, slots=True)
class Repaired(Item):
    """One value or row that was changed. For an inserted row `before` is None, for a deleted row `after` is None."""

    kind: str
    table_name: str
    row_key: str
    column_name: str
    before: str | None
    after: str | None
