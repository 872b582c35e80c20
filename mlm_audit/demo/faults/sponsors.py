"""Faults in the sponsor tree and in the eligibility flags."""

from collections.abc import Callable

import polars as pl

from mlm_audit.demo.faults.injector import Fault, Injector, Row, place
from mlm_audit.demo.faults.lineage import Lineage

UNKNOWN = 9_000_000_000


def _members(injector: Injector) -> pl.DataFrame:
    """Return the members who have a sponsor: everyone except the founder."""
    return (
        injector.platform["users"]
        .filter(pl.col("sponsor_id").is_not_null())
        .select(pl.col("id").alias("user_id"), "sponsor_id")
    )


def _set_sponsors(injector: Injector, sponsors: dict[int, int | None]) -> None:
    injector.platform.update("users", list(sponsors), sponsor_id=list(sponsors.values()))


def tree_place(what: str, members: list[int], affected: int) -> Row:
    """Return the place of a fault in a tree, with the number of members that it affects."""
    return place(what, 0, members) | {"affected": affected}


def _new_sponsor(what: str, sponsor_of: Callable[[int], int | None]) -> Callable[[Injector, int], list[Row]]:
    def inject(injector: Injector, places: int) -> list[Row]:
        rows = injector.pick(_members(injector), places)
        _set_sponsors(injector, {row["user_id"]: sponsor_of(row["user_id"]) for row in rows})
        after = Lineage(injector.platform, "sponsor")
        return [tree_place(what, [row["user_id"]], 1 + len(after.below(row["user_id"]))) for row in rows]

    return inject


def _ring(length: int) -> Callable[[Injector, int], list[Row]]:
    """Return a fault in which the topmost of `length` members in a line gets the lowest of them as sponsor."""

    def inject(injector: Injector, places: int) -> list[Row]:
        tree = Lineage(injector.platform, "sponsor")
        lines = injector.pick_lines(tree.lines(length), places)
        for line in lines:
            _set_sponsors(injector, {line[-1]: line[0]})
        after = Lineage(injector.platform, "sponsor")
        return [tree_place(f"a cycle of {length} sponsors", line, 1 + len(after.below(line[0]))) for line in lines]

    return inject


def _sponsored_by_newcomer(injector: Injector, places: int) -> list[Row]:
    tree = Lineage(injector.platform, "sponsor")
    joined = dict(injector.platform["users"].select("id", "created_at").iter_rows())
    done = []
    for row in injector.pick(_members(injector), places):
        member = row["user_id"]
        kin = {member, *tree.below(member)}
        later = [other for other in tree.parent if other not in kin and joined[other] > joined[member]]
        if later:
            _set_sponsors(injector, {member: later[int(injector.rng.integers(len(later)))]})
            done.append(tree_place("a sponsor who joined later", [member], 1))
    return done


def _flag(flag: bool) -> Callable[[Injector, int], list[Row]]:  # noqa: FBT001
    def inject(injector: Injector, places: int) -> list[Row]:
        other = injector.platform["users"].filter(pl.col("is_eligible_repurchase") != flag)
        rows = injector.pick(other.select(pl.col("id").alias("user_id")), places)
        injector.platform.update("users", [row["user_id"] for row in rows], is_eligible_repurchase=[flag] * len(rows))
        return [tree_place(f"flagged {'' if flag else 'not '}eligible", [row["user_id"]], 1) for row in rows]

    return inject


FAULTS = (
    Fault(
        "sponsor-deleted",
        "the sponsor's row was deleted",
        "sponsor-unknown",
        "sponsor-unknown",
        _new_sponsor("an unknown sponsor", lambda member: UNKNOWN + member),
    ),
    Fault(
        "sponsor-themselves",
        "a member sponsors themselves",
        "sponsor-self",
        "sponsor-self",
        _new_sponsor("their own sponsor", lambda member: member),
    ),
    Fault("sponsors-of-each-other", "two members sponsor each other", "sponsor-cycle", "sponsor-cycle", _ring(2)),
    Fault(
        "sponsors-in-a-ring", "four members sponsor each other in a cycle", "sponsor-cycle", "sponsor-cycle", _ring(4)
    ),
    Fault(
        "sponsor-newcomer",
        "the sponsor joined after the member",
        "sponsor-later",
        "sponsor-later",
        _sponsored_by_newcomer,
    ),
    Fault(
        "sponsor-forgotten",
        "a member has no sponsor",
        "sponsor-root",
        "sponsor-root",
        _new_sponsor("no sponsor", lambda _: None),
    ),
    Fault(
        "flag-set",
        "a member who is not eligible is flagged as eligible",
        "eligibility-flag",
        "eligibility-flag",
        _flag(flag=True),
    ),
    Fault(
        "flag-cleared",
        "an eligible member is not flagged as eligible",
        "eligibility-flag",
        "eligibility-flag",
        _flag(flag=False),
    ),
)
