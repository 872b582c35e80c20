"""The tree checks against a slow plain reference, on thousands of small forests with random faults."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlm_audit.checks.trees.check import TreeCheck, affected, check_trees
from mlm_audit.checks.trees.facts import TreeInput
from mlm_audit.checks.trees.forest import plant
from mlm_audit.checks.trees.issues import Issue
from mlm_audit.checks.trees.seats import NEVER, OUTSIDE, RIGHT, replay, seat
from mlm_audit.domain.plan import PlanRules
from tests.support import tree_reference as plain
from tests.support.sample import tried
from tests.support.tree_reference import Trees

PLACED = ("matrix-hole", "matrix-placement", "matrix-reading")


def random_trees(rng: random.Random) -> Trees:
    """A sound platform of one to sixteen members, then some random changes of anything."""
    ids = sorted(rng.sample(range(1, 60), rng.randint(1, 16)))
    parent = {ids[i]: ids[(i - 1) // 3] if i else None for i in range(len(ids))}
    if rng.random() < 0.5:  # deep instead of wide
        parent = {ids[i]: ids[max(0, i - rng.randint(1, 2))] if i else None for i in range(len(ids))}
    taken: Counter[int | None] = Counter()
    node: dict[int, tuple[int | None, int | None]] = {}
    for member, above in parent.items():
        taken[above] += 1
        node[member] = (above, taken[above] if above is not None else None)
    sponsor: dict[int, int | None] = {ids[i]: rng.choice(ids[:i]) if i else None for i in range(len(ids))}
    flag = {member: rng.random() < 0.5 for member in ids}
    trees = Trees(sponsor, {member: 10 * i for i, member in enumerate(ids)}, flag, node, [], dict(flag))
    closure = plain.Closure(trees)
    rows = [(ancestor, member, depth) for member in ids for depth, ancestor in enumerate(closure.way(member), start=1)]
    trees.closure = [(number, *row) for number, row in enumerate(rows, start=1)]
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        change(trees, rng)
    return trees


def change(trees: Trees, rng: random.Random) -> None:
    anybody = [*trees.sponsor, *trees.node]
    if not anybody:
        return
    member = rng.choice(anybody)
    other = rng.choice([*anybody, 99, 98, rng.randint(1, 60)])
    kind = rng.randrange(15)
    parent, position = trees.node.get(member, (None, None))
    row = rng.randrange(len(trees.closure)) if trees.closure else None
    if kind in (0, 1) and member in trees.sponsor:
        trees.sponsor[member] = rng.choice((other, member, None))
    elif kind == 2 and member in trees.sponsor:
        trees.joined[member] = rng.randint(0, 160)
    elif kind in (3, 4) and member in trees.node:
        trees.node[member] = (rng.choice((other, member, None)), position)
    elif kind == 5 and member in trees.node:
        trees.node[member] = (parent, rng.choice((None, 0, 1, 2, 3, 4, -1, 300)))
    elif kind == 6:
        trees.node.pop(member, None)
    elif kind == 7 and member in trees.sponsor and len(trees.sponsor) > 1:
        del trees.sponsor[member], trees.joined[member], trees.flag[member]
    elif kind == 8 and member in trees.flag:
        trees.flag[member] = not trees.flag[member]
    elif kind == 9 and row is not None:
        del trees.closure[row]
    elif kind == 10 and row is not None:
        number, ancestor, descendant, _ = trees.closure[row]
        trees.closure[row] = (number, ancestor, descendant, rng.randint(0, 7))
    elif kind == 11:
        trees.closure.append((len(trees.closure) + 1_000, other, member, rng.randint(1, 5)))
    elif kind == 12 and row is not None:
        trees.closure.append((len(trees.closure) + 1_000, *trees.closure[row][1:]))
    elif kind == 14 and row is not None:
        number, _, descendant, depth = trees.closure[row]
        trees.closure[row] = (number, other, descendant, depth)
    elif kind == 13:
        trees.closure = [r for r in trees.closure if r[2] != member]


def given(trees: Trees) -> TreeInput:
    members = list(trees.sponsor)
    joined = pl.Series("created_at", [trees.joined[m] for m in members], dtype=pl.Int64).cast(pl.Datetime("us"))
    users = pl.DataFrame(
        {
            "id": members,
            "sponsor_id": pl.Series(list(trees.sponsor.values()), dtype=pl.Int64),
            "role": ["user"] * len(members),
            "is_eligible_repurchase": [trees.flag[m] for m in members],
            "created_at": joined,
        }
    )
    nodes = pl.DataFrame(
        [(m, *place) for m, place in trees.node.items()],
        schema={"user_id": pl.Int64, "parent_id": pl.Int64, "position": pl.Int32},
        orient="row",
    )
    ints = dict.fromkeys(("id", "ancestor_id", "descendant_id"), pl.Int64) | {"depth": pl.Int32}
    return TreeInput(
        users,
        nodes,
        pl.DataFrame(trees.closure, schema=ints, orient="row"),
        pl.DataFrame(schema=dict.fromkeys(("member_id", "from_orders_paisa", "to_them_paisa"), pl.Int64)),
        pl.DataFrame(schema={"member_id": pl.Int64, "first_paid_at": pl.Datetime("us")}),
        pl.DataFrame(
            list(trees.decided.items()), schema={"member_id": pl.Int64, "is_eligible": pl.Boolean}, orient="row"
        ),
        "the sweep",
        PlanRules(),
    )


def found_in(check: TreeCheck) -> plain.Found:
    closure: Counter[tuple[str, int, int]] = Counter()
    found: plain.Found = set()
    for issue in check.issues:
        if issue.code.startswith("closure-"):
            closure[issue.code, issue.member_id, affected(issue)] += 1
        elif issue.code not in PLACED:
            found.add((issue.code, _members(issue, check), affected(issue)))
    return found | {
        (f"{code} x {number}", frozenset({member}), many) for (code, member, many), number in closure.items()
    }


def _members(issue: Issue, check: TreeCheck) -> frozenset[int]:
    if issue.code.endswith(("-cycle", "-taken")):
        forest = check.facts.sponsors if issue.tree == "sponsor" else check.facts.matrix
        return frozenset(forest.name(row) for row in issue.rows)
    return frozenset({issue.member_id})


def expected_in(trees: Trees) -> plain.Found:
    if not trees.node:
        # Nothing can be said of a matrix that is not there, nor of its closure; the run is INCOMPLETE.
        trees = replace(trees, closure=[])
    found, gone, _ = plain.matrix(trees, set(trees.sponsor) if trees.node else set())
    return found | plain.sponsors(trees, gone) | plain.flags(trees)


def assert_same(seeds: Iterable[int], codes: Counter[str]) -> None:
    for number in seeds:
        trees = random_trees(random.Random(number))
        check = check_trees(given(trees))
        found, expected = found_in(check), expected_in(trees)
        assert found == expected, (number, trees, "too many:", found - expected, "lacking:", expected - found)
        codes.update(issue.code for issue in check.issues)


@pytest.mark.slow
def test_a_few_hundred_forests_against_the_reference() -> None:
    assert_same(range(400), Counter())


@pytest.mark.slow
def test_ten_thousand_forests_against_the_reference(record_property: Callable[[str, str], None]) -> None:
    codes: Counter[str] = Counter()
    forests = tried(range(400, 10_400), "forests")
    assert_same(forests, codes)
    record_property(
        "seen",
        f"trees: {len(forests):,} forests against the reference, {codes.total()} issues of {len(codes)} codes, no difference",
    )
    assert len(codes) >= 22, codes


def random_matrix(rng: random.Random) -> tuple[list[int | None], list[int], list[int]]:
    """Parents, positions and arrivals of a matrix that was filled carelessly; a parent is there before its children."""
    parents: list[int | None] = [None]
    positions, free = [0], [(0, 1), (0, 2), (0, 3)]
    for member in range(1, rng.randint(2, 40)):
        first = min(free, key=lambda s: (s[0], s[1])) if rng.random() < 0.6 else rng.choice(free)
        free.remove(first)
        parents.append(first[0])
        positions.append(first[1])
        free += [(member, 1), (member, 2), (member, 3)]
    at = [5 * member if rng.random() < 0.8 else rng.randint(0, 200) for member in range(len(parents))]
    return parents, positions, at


Seat = tuple[int, int]


def replay_plainly(
    parents: list[int | None], positions: list[int], at: list[int], sponsors: list[int] | None
) -> tuple[list[Seat | str], dict[Seat, int]]:
    """Let everybody arrive once more: walk the tree as it then was, level by level, and list the free seats."""
    place = {
        (parent, position): member for member, (parent, position) in enumerate(zip(parents, positions, strict=True))
    }
    when = list(at)
    order = deque([0])
    level_order = []
    while order:
        member = order.popleft()
        level_order.append(member)
        order.extend(place[member, position] for position in (1, 2, 3) if (member, position) in place)
    for member in level_order[1:]:
        when[member] = max(when[member], when[parents[member] or 0])
    there: set[int] = set()
    holes: dict[Seat, int] = {}
    verdicts: list[Seat | str] = ["right"] * len(parents)
    arrivals = sorted(level_order, key=lambda m: (when[m], level_order.index(m)))
    for number, member in enumerate(arrivals):
        top = 0 if sponsors is None else sponsors[member]
        if member and (top in there or top == 0):
            under, free = _free_seats(top, place, there)
            own = (parents[member], positions[member])
            open_seats = [seat for seat in free if seat not in holes]
            before = open_seats[: open_seats.index(own)] if own in open_seats else []
            if parents[member] not in under:
                verdicts[member] = "outside"
            elif (
                sponsors is None and all(seat not in place for seat in before) and len(before) < len(arrivals) - number
            ):
                holes |= dict.fromkeys(before, number)
            elif open_seats[0] != own:
                verdicts[member] = open_seats[0]
        there.add(member)
    return verdicts, holes


def _free_seats(top: int, place: dict[tuple[int | None, int], int], there: set[int]) -> tuple[set[int], list[Seat]]:
    queue, under, free = deque([top]), set(), []
    while queue:
        above = queue.popleft()
        under.add(above)
        for position in (1, 2, 3):
            child = place.get((above, position))
            if child in there:
                queue.append(child)
            else:
                free.append((above, position))
    return under, free


@pytest.mark.slow
@pytest.mark.parametrize("reading", ["company", "sponsor"])
def test_placement_against_a_brute_force_replay(reading: str) -> None:
    wrong = 0
    for number in range(1_500):
        rng = random.Random(number)
        parents, positions, at = random_matrix(rng)
        sponsors = None if reading == "company" else [0, *(rng.randrange(member) for member in range(1, len(parents)))]
        forest = plant(pl.Series(range(len(parents))), pl.Series(parents, dtype=pl.Int64))
        times = np.array(at, np.int64)
        seats = seat(forest.up, np.array(positions, np.int32), times)
        played = replay(forest, seats, 0, times, None if sponsors is None else np.array(sponsors, np.int32))
        verdicts, holes = replay_plainly(parents, positions, at, sponsors)
        found = [
            {RIGHT: "right", OUTSIDE: "outside"}.get(value) or played.parent_of(value)
            for value in played.expected.tolist()
        ]
        assert found == verdicts, (number, parents, positions, at, sponsors)
        given_up = {
            played.parent_of(hole): int(played.passed[hole]) for hole in np.flatnonzero(played.passed != NEVER).tolist()
        }
        assert given_up == holes, (number, parents, positions, at)
        wrong += sum(verdict != "right" for verdict in verdicts) + len(holes)
    assert wrong > 1_000
