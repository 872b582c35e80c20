"""The fault scorecard: each kind of fault is injected alone into clean platforms and compared with the findings."""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import polars as pl

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.trees.check import affected, check_trees
from mlm_audit.checks.trees.facts import TreeInput
from mlm_audit.checks.trees.issues import Issue
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.faults import FAULTS, TREE_FAULTS, Fault, Truth, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.remedy_score import Closing, closings
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine

REMEDY_PLATFORMS = 2
"""The number of platforms on which remedies are applied. Each takes one audit, and one after every alternative."""


@dataclass(frozen=True)
class Score:
    """The score of one kind of fault.

    `places` faults were injected, `found` of them were found, and `caused` were found with the right cause. `unrelated`
    of the `breaks` belong to no fault.
    """

    fault: str
    places: int
    found: int
    caused: int
    breaks: int
    unrelated: int
    remedies: int = 0
    """Alternatives of remedies that were applied, each to its own copy."""
    closed: int = 0
    """Alternatives after which no break was open, no unrelated wallet had changed and nothing was paid twice."""

    def __add__(self, other: "Score") -> "Score":
        """Return the sums of the figures, under the name of this score."""
        figures = [figure.name for figure in fields(self)][1:]
        return Score(self.fault, *(getattr(self, name) + getattr(other, name) for name in figures))


def audit(platform: Platform) -> pl.DataFrame:
    """Return the breaks that the checks find in a platform in memory."""
    with tempfile.TemporaryDirectory() as folder:
        platform.write_snapshot(Path(folder))
        with Engine(Path(folder), load_plan(), Settings(database_url=None), read_at=platform.end) as engine:
            return engine.run(load_checks()).breaks


def score(truths: Sequence[Truth], breaks: pl.DataFrame, fault: str) -> Score:
    """Compare the breaks with the truth.

    A break belongs to a fault when it names a member or an order of the fault, and its check may find this kind.
    """
    rows = list(breaks.iter_rows(named=True))
    found = caused = 0
    related: set[str] = set()
    for truth in truths:
        mine = [row for row in rows if _touches(row, truth)]
        related |= {row["id"] for row in mine}
        primary = [row for row in mine if row["code"] == truth.code]
        found += bool(primary)
        caused += any(row["cause"] == truth.cause for row in primary)
    unrelated = sum(row["id"] not in related for row in rows)
    return Score(fault, len(truths), found, caused, len(rows), unrelated)


def _touches(row: dict[str, object], truth: Truth) -> bool:
    return truth.concerns(row) and row["code"] in (truth.code, *truth.also)


def scorecard(seeds: Iterable[int], places: int, members: int = 2_000) -> list[Score]:
    """Score the clean platforms first, then every kind of fault alone, with `places` in total spread over the seeds."""
    seeds = list(seeds)
    plan, tz = load_plan(), Settings(database_url=None).tz
    clean = {seed: build_platform(DemoSpec(members=members, seed=seed), plan, tz) for seed in seeds}
    total = sum(audit(platform).height for platform in clean.values())
    return [Score("(clean)", 0, 0, 0, total, total), *(fault_score(code, clean, places) for code in FAULTS)]


def fault_score(code: str, clean: Mapping[int, Platform], places: int) -> Score:
    """Score one kind of fault, injected alone into `places` in total, spread over the platforms."""
    result = Score(code, 0, 0, 0, 0, 0)
    for number, (seed, platform) in enumerate(clean.items()):
        share = places // len(clean) + (number < places % len(clean))
        if not share:
            continue
        faulty = platform.copy()
        truths = inject(faulty, {code: min(share, FAULTS[code].most or share)}, FAULTS, seed)
        result += score(truths, audit(faulty), code)
    taken = [closing for seed in list(clean)[:REMEDY_PLATFORMS] for closing in _taken(code, clean[seed], seed)]
    return replace(result, remedies=len(taken), closed=sum(closing.is_closed for closing in taken))


def _taken(code: str, clean: Platform, seed: int) -> list[Closing]:
    """Apply the remedies of one fault that is alone in a platform, and return the results."""
    platform = clean.copy()
    [truth] = inject(platform, {code: 1}, FAULTS, seed)
    return closings(platform, truth, audit)


def tree_input(platform: Platform, fault: Fault | None = None) -> TreeInput:
    """Return the input of the tree checks for a platform in memory. The flags follow the last sweep in its log.

    With `fault`, the limits of the checks are those with which a small platform shows this fault.
    """
    orders = platform["orders"].select(pl.col("id").alias("order_id"), pl.col("user_id").alias("buyer_id"))
    pending = platform["commissions"].filter(pl.col("status") == "pending").join(orders, on="order_id", how="left")
    amount = pl.col("amount_paisa").sum()
    from_orders = pending.group_by(pl.col("buyer_id").alias("member_id")).agg(amount.alias("from_orders_paisa"))
    to_them = pending.group_by(pl.col("user_id").alias("member_id")).agg(amount.alias("to_them_paisa"))
    paid = platform["orders"].drop_nulls("paid_at")
    month = pl.col("year") * 100 + pl.col("month")
    log = platform["eligibility_log"].filter(month == month.max())
    given = TreeInput(
        platform["users"],
        platform["matrix_nodes"],
        platform["hierarchy"],
        from_orders.join(to_them, on="member_id", how="full", coalesce=True).fill_null(0),
        paid.group_by(pl.col("user_id").alias("member_id")).agg(pl.col("paid_at").min().alias("first_paid_at")),
        log.select(pl.col("user_id").alias("member_id"), "is_eligible"),
        "the last sweep",
        load_plan().rules,
    )
    return replace(given, most_suspects=fault.most_suspects) if fault and fault.most_suspects else given


def tree_score(truth: Truth, issues: Sequence[Issue]) -> tuple[bool, bool, int]:
    """Return whether exactly one issue reports the fault, whether that issue is right, and the number of other issues.

    An issue is right when it names the members of the fault and the right number of affected members, if the fault
    counts them.
    """
    of_code = [issue for issue in issues if issue.code == truth.code]
    mine = [issue for issue in of_code if _names(issue) & set(truth.members) or issue.id in truth.breaks]
    right = len(mine) == 1 and truth.affected in (None, affected(mine[0])) and set(truth.members) <= _names(mine[0])
    return len(mine) == 1, right, len(issues) - len(mine)


def _names(issue: Issue) -> set[object]:
    return {issue.member_id, *issue.members, *(row["id"] for row in issue.evidence)}


def tree_scorecard(seeds: Iterable[int], places: int, members: int = 2_000) -> list[Score]:
    """Score the clean platforms first, then every kind of tree fault, one place at a time."""
    seeds = list(seeds)
    plan, tz = load_plan(), Settings(database_url=None).tz
    clean = {seed: build_platform(DemoSpec(members=members, seed=seed), plan, tz) for seed in seeds}
    total = sum(len(check_trees(tree_input(platform)).issues) for platform in clean.values())
    return [Score("(clean)", 0, 0, 0, total, total), *(tree_fault_score(code, clean, places) for code in TREE_FAULTS)]


def tree_fault_score(code: str, clean: Mapping[int, Platform], places: int) -> Score:
    """Score one kind of tree fault, injected alone `places` times, spread over the platforms."""
    seeds = list(clean)
    found = right = issues = unrelated = 0
    for number in range(places):
        platform = clean[seeds[number % len(seeds)]].copy()
        [truth] = inject(platform, {code: 1}, TREE_FAULTS, seed=number)
        seen = check_trees(tree_input(platform, TREE_FAULTS[code])).issues
        was_found, was_right, others = tree_score(truth, seen)
        found, right, issues, unrelated = found + was_found, right + was_right, issues + len(seen), unrelated + others
    return Score(code, places, found, right, issues, unrelated)


def write_truth(truths: Sequence[Truth], path: Path) -> None:
    """Write the truth file as one JSON list."""
    path.write_text(json.dumps([truth.to_dict() for truth in truths], indent=1, ensure_ascii=False), encoding="utf-8")
