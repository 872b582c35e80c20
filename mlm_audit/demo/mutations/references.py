"""The records that repeat the values of a row, so that a mutation can be made consistent in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mlm_audit.demo.mutations.row_kinds import Site, key_of, site_of
from mlm_audit.demo.platform import Platform

Row = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """The records of another table that repeat the values of a row.

    `on` maps columns of the record to the columns of the row that find it. `same` maps columns of the row to the
    columns of the record that repeat them. `when` restricts the rows, and `where` restricts the records. With
    `negated`, the record has the amount with the opposite sign.
    """

    table: str
    on: Mapping[str, str]
    same: Mapping[str, str]
    when: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    negated: bool = False

    def records(self, platform: Platform, row: Mapping[str, Any]) -> list[Row]:
        """Return the records that are linked to a row."""
        if any(row[name] != word for name, word in self.when.items()) or any(
            row[name] is None for name in self.on.values()
        ):
            return []
        match = pl.lit(value=True)
        for theirs, mine in self.on.items():
            match &= pl.col(theirs) == row[mine]
        for theirs, word in self.where.items():
            match &= pl.col(theirs) == word
        return platform[self.table].filter(match).to_dicts()


_MONEY = {"user_id": "user_id", "amount_paisa": "amount_paisa"}
_ORDER_LINE = {"order_id": "order_id", "user_id": "user_id"}

LINKS: dict[str, tuple[Link, ...]] = {
    "ledger": (
        Link(
            "commissions",
            {"order_id": "reference_id", "level": "level_depth"},
            _MONEY | {"reference_id": "order_id", "level_depth": "level", "created_at": "processed_at"},
            when={"type": "sponsor_commission"},
            where={"type": "joining"},
        ),
        Link(
            "payout_schedule",
            {"id": "reference_id"},
            _MONEY | {"created_at": "processed_at"},
            when={"type": "self_payout"},
        ),
        Link(
            "payout_history",
            {"schedule_id": "reference_id"},
            _MONEY | {"created_at": "created_at", "reference_id": "schedule_id"},
            when={"type": "self_payout"},
        ),
        Link(
            "withdrawals",
            {"id": "reference_id"},
            _MONEY | {"created_at": "processed_at"},
            when={"type": "withdrawal"},
            negated=True,
        ),
        Link(
            "commission_rollups",
            {"id": "reference_id"},
            {"amount_paisa": "amount_paisa"},
            when={"type": "commission_rollup"},
        ),
        *(
            Link(
                "authorisations",
                {"reference": "ref"},
                _MONEY | {"ref": "reference", "type": "kind"},
                when={"type": kind},
            )
            for kind in ("adjustment", "bonus")
        ),
    ),
    "commissions": (
        Link(
            "ledger",
            {"reference_id": "order_id", "level_depth": "level"},
            _MONEY | {"order_id": "reference_id", "level": "level_depth", "processed_at": "created_at"},
            when={"type": "joining"},
            where={"type": "sponsor_commission"},
        ),
    ),
    "payout_schedule": (
        Link(
            "ledger",
            {"reference_id": "id"},
            _MONEY | {"processed_at": "created_at"},
            where={"type": "self_payout"},
        ),
        Link("payout_history", {"schedule_id": "id"}, _MONEY | {"processed_at": "created_at"}),
    ),
    "payout_history": (
        Link("payout_schedule", {"id": "schedule_id"}, _MONEY | {"created_at": "processed_at"}),
        Link(
            "ledger",
            {"reference_id": "schedule_id"},
            _MONEY | {"created_at": "created_at"},
            where={"type": "self_payout"},
        ),
    ),
    "withdrawals": (
        Link(
            "ledger",
            {"reference_id": "id"},
            _MONEY | {"processed_at": "created_at"},
            where={"type": "withdrawal"},
            negated=True,
        ),
    ),
    "commission_rollups": (
        Link("ledger", {"reference_id": "id"}, {"amount_paisa": "amount_paisa"}, where={"type": "commission_rollup"}),
        Link(
            "eligibility_log",
            {"user_id": "user_id", "month": "month", "year": "year"},
            {"amount_paisa": "rolled_up_paisa"},
        ),
    ),
    "authorisations": (
        *(
            Link("ledger", {"ref": "reference"}, _MONEY | {"reference": "ref", "kind": "type"}, where={"type": kind})
            for kind in ("adjustment", "bonus")
        ),
    ),
    "orders": (
        Link("commissions", {"order_id": "id"}, {"user_id": "from_user_id"}),
        *(
            Link("ledger", {"reference_id": "id"}, {}, where={"type": kind})
            for kind in ("sponsor_commission", "company_share", "rollup_to_company", "remainder")
        ),
        Link("payout_schedule", {"order_id": "id"}, {"user_id": "user_id"}),
    ),
}


def mirror(platform: Platform, table: str, before: Row, after: Row | None, *, added: bool = False) -> Site:
    """Make the records of a row agree with the change of the row, and return what was touched.

    `after` is None when the row was deleted. `added` is true when `after` was appended and `before` stays.
    """
    site = Site(frozenset(), frozenset(), frozenset())
    for link in LINKS.get(table, ()):
        for record in link.records(platform, before):
            site |= site_of(platform, link.table, record)
            new = None if after is None else _mirrored(link, record, before, after)
            if added and new is not None and after is not None:
                new = _repeated(platform, link, new, before=before, after=after, table=table)
            elif new != record:
                _replace(platform, link.table, record, new)
            if new is not None:
                site |= site_of(platform, link.table, new)
    return site


def _mirrored(link: Link, record: Row, before: Row, after: Row) -> Row:
    new = dict(record)
    for mine, theirs in link.same.items():
        if before[mine] != after[mine] and theirs in record:
            value = after[mine]
            negate = link.negated and mine == "amount_paisa" and value is not None
            new[theirs] = -value if negate else value
            if theirs == "amount_paisa" and record.get("actual_amount_paisa") is not None:
                new["actual_amount_paisa"] = new[theirs]
    return new


def _repeated(platform: Platform, link: Link, new: Row, *, before: Row, after: Row, table: str) -> Row:
    """Append a record for a row that was appended, make the two refer to each other, and return the record."""
    key = key_of(link.table)
    new = {**new, key: int(str(platform[link.table][key].max())) + 1} if key == "id" else new
    for theirs, mine in link.on.items():
        if theirs == "id":
            old = dict(after)
            after[mine] = new["id"]
            _rename(after, before[mine], new["id"])
            _replace(platform, table, old, after)
        else:
            new[theirs] = after[mine]
            _rename(new, before[mine], after[mine])
    frame = platform[link.table]
    platform.frames[link.table] = pl.concat([frame, pl.DataFrame([new], schema=frame.schema)])
    return new


def _rename(row: Row, old: Any, new: Any) -> None:
    """Put the new id into the idempotency key of a ledger row. The key contains the id that the row refers to."""
    if isinstance(row.get("ref"), str) and isinstance(new, int):
        row["ref"] = row["ref"].removesuffix("_AGAIN").replace(f"_{old}", f"_{new}", 1)


def _replace(platform: Platform, table: str, row: Row, new: Row | None) -> None:
    key = key_of(table)
    if new is None:
        platform.delete(table, [row[key]], key=key)
        return
    frame = platform[table]
    changed = [
        pl.when(pl.col(key) == row[key]).then(pl.lit(new[name], frame.schema[name])).otherwise(name).alias(name)
        for name in frame.columns
        if new[name] != row[name]
    ]
    platform.frames[table] = frame.with_columns(changed)
