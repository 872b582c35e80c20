"""The rules of the tree checks once more: plain Python and networkx, slow, by ids, with nothing taken from the checks.

Issues are (code, members named, affected). A closure row is (id, ancestor, descendant, depth).
"""

from collections import Counter
from dataclasses import dataclass, field

import networkx as nx

DEPTH = 5
Found = set[tuple[str, frozenset[int], int]]


@dataclass
class Trees:
    """A platform's trees: member → sponsor, joined (a number), flag; node → (parent, position); closure; decided flags."""

    sponsor: dict[int, int | None]
    joined: dict[int, int]
    flag: dict[int, bool]
    node: dict[int, tuple[int | None, int | None]]
    closure: list[tuple[int, int, int, int]]
    decided: dict[int, bool] = field(default_factory=dict)


def graph_of(parents: dict[int, int | None]) -> "nx.DiGraph[int]":
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(parents)
    graph.add_edges_from((parent, child) for child, parent in parents.items() if parent in parents)
    return graph


def below(graph: "nx.DiGraph[int]", members: set[int]) -> int:
    reached = set().union(*(nx.descendants(graph, member) for member in members)) if members else set()
    return len(reached - members)


def rings(graph: "nx.DiGraph[int]") -> list[frozenset[int]]:
    return [frozenset(cycle) for cycle in nx.simple_cycles(graph)]


def sponsors(trees: Trees, told: set[int]) -> Found:
    """`told`: sponsors who are gone and of whom the matrix tells."""
    parents, graph = trees.sponsor, graph_of(trees.sponsor)
    found: Found = set()
    on_ring = set().union(*rings(graph)) if rings(graph) else set()
    for ring in rings(graph):
        code = "sponsor-self" if len(ring) == 1 else "sponsor-cycle"
        found.add((code, ring, len(ring) + below(graph, set(ring))))
    for member, sponsor in parents.items():
        if sponsor is not None and sponsor not in parents and sponsor not in told:
            found.add(("sponsor-unknown", frozenset({member}), 1 + below(graph, {member})))
        elif sponsor in parents and member not in on_ring and trees.joined[member] < trees.joined[sponsor]:
            found.add(("sponsor-later", frozenset({member}), 1))
    roots = sorted(
        (member for member, sponsor in parents.items() if sponsor is None), key=lambda m: (trees.joined[m], m)
    )
    found |= {("sponsor-root", frozenset({root}), 1 + below(graph, {root})) for root in roots[1:]}
    return found


def flags(trees: Trees) -> Found:
    return {
        ("eligibility-flag", frozenset({member}), 1)
        for member, flag in trees.flag.items()
        if flag != trees.decided.get(member, False)
    }


class Closure:
    """What the closure says, and what may be said of it."""

    def __init__(self, trees: Trees) -> None:
        self.trees = trees
        self.parents = {member: parent for member, (parent, _) in trees.node.items()}
        self.graph = graph_of(self.parents)
        self.on_ring = set().union(*rings(self.graph)) if rings(self.graph) else set()
        self.rows: dict[int, list[tuple[int, int, int, int]]] = {}
        for row in trees.closure:
            self.rows.setdefault(row[2], []).append(row)
        self.first_root, self.surplus = self._roots()
        self.moved = self._moved()

    def _roots(self) -> tuple[int | None, set[int]]:
        order = list(self.parents)
        roots = [member for member, parent in self.parents.items() if parent is None]
        if not roots:
            return None, set()
        if all(root in self.trees.joined for root in roots):
            first = min(roots, key=lambda root: (self.trees.joined[root], order.index(root)))
        else:
            first = max(roots, key=lambda root: (1 + below(self.graph, {root}), -order.index(root)))
        return first, set(roots) - {first}

    def way(self, member: int, moved: dict[int, int] | None = None) -> list[int]:
        above: list[int] = []
        while len(above) < DEPTH:
            parent = (moved or {}).get(member, self.parents.get(member))
            if parent is None or parent not in self.parents:
                break
            above.append(parent)
            member = parent
        return above

    def is_known(self, member: int) -> bool:
        """Whether the matrix says for certain who is above, as far as the closure goes."""
        steps = 0
        while steps < DEPTH:
            if member in self.on_ring:
                return False
            parent = self.parents[member]
            if parent is None:
                return member == self.first_root
            if parent not in self.parents:
                return False
            member, steps = parent, steps + 1
        return True

    def depth(self, member: int) -> int:
        steps = 0
        while self.parents.get(member) in self.parents and member not in self.on_ring:
            member, steps = self.parents[member], steps + 1  # type: ignore[assignment]
        return steps

    def is_suspect(self, member: int) -> bool:
        right = sorted((ancestor, depth) for depth, ancestor in enumerate(self.way(member), start=1))
        return self.is_known(member) and right != sorted((a, depth) for _, a, _, depth in self.rows.get(member, []))

    def _moved(self) -> dict[int, int]:
        moved: dict[int, int] = {}
        order = list(self.parents)
        for member in sorted((m for m in order if self.is_suspect(m)), key=lambda m: (self.depth(m), order.index(m))):
            rows = self.rows.get(member, [])
            firsts = [ancestor for _, ancestor, _, depth in rows if depth == 1]
            if len(firsts) != 1 or firsts[0] not in self.parents or firsts[0] in (member, self.parents[member]):
                continue
            recorded = {depth: ancestor for _, ancestor, _, depth in rows if depth > 1}
            other, own = [firsts[0], *self.way(firsts[0], moved)], self.way(member)
            votes = [
                sum(way[depth - 1 : depth] == [ancestor] for depth, ancestor in recorded.items())
                for way in (other, own)
            ]
            if votes[0] >= votes[1]:
                moved[member] = firsts[0]
        return moved

    def changes(self, junk: set[int]) -> Found:
        found: Found = set()
        for member in self.parents:
            if not self.is_suspect(member):
                continue
            if member not in self.trees.sponsor or any(
                step in self.moved for step in [member, *self.way(member)[: DEPTH - 1]]
            ):
                continue
            found |= self._of(member, self.way(member))
        for member in junk:
            found |= self._of(member, [])
        return found

    def _of(self, member: int, way: list[int]) -> Found:
        rows = self.rows.get(member, [])
        who = frozenset({member})
        count: Counter[str] = Counter()
        for ancestor in {row[1] for row in rows}:
            mine = [row for row in rows if row[1] == ancestor]
            if ancestor not in way:
                count["closure-surplus"] += len(mine)
                continue
            count["closure-duplicate"] += len(mine) - 1
            count["closure-depth"] += all(row[3] != way.index(ancestor) + 1 for row in mine)
        missing = len(set(way) - {row[1] for row in rows})
        count["closure-missing"] += min(missing, 1) if not rows else missing
        affected = int(member in self.parents)
        # So many issues of one code: the number is part of what is compared.
        return {(f"{code} x {number}", who, affected) for code, number in count.items() if number}


def matrix(trees: Trees, needs_node: set[int]) -> tuple[Found, set[int], set[int]]:
    """Issues of edges, nodes and positions; the members who are gone; descendants in the closure who are nobody."""
    closure = Closure(trees)
    parents, graph = closure.parents, closure.graph
    found: Found = set()
    broken: set[int] = set()
    missing = {member for member in needs_node if member not in parents}
    children: dict[int, list[int]] = {}
    for member, parent in parents.items():
        if parent in parents:
            children.setdefault(parent, []).append(member)
    unknown: dict[int, set[int]] = {}
    for member, parent in parents.items():
        if parent is not None and parent not in parents:
            unknown.setdefault(parent, set()).add(member)
    named = {parent: set(members) for parent, members in unknown.items()}
    for member in closure.surplus:
        for _, ancestor, _, depth in closure.rows.get(member, []):
            if depth == 1 and ancestor not in parents:
                named.setdefault(ancestor, set()).add(member)
    gone: dict[int, set[int]] = {member: set() for member in missing}
    unknown_sponsors = {s for s in trees.sponsor.values() if s is not None and s not in trees.sponsor}
    for parent, members in named.items():
        recorded = any(
            depth == 1 and ancestor == parent for m in members for _, ancestor, _, depth in closure.rows.get(m, [])
        )
        if parent in missing or recorded or (parent in unknown_sponsors and parent <= max(trees.sponsor)):
            gone[parent] = members
    left = Counter(closure.moved.values())
    for member in sorted(set(closure.rows) - set(parents)):
        recorded_way = {depth: ancestor for _, ancestor, _, depth in closure.rows[member]}
        parent = recorded_way.get(1) if len(recorded_way) == len(closure.rows[member]) else None
        place = parent if parent in parents and len(children.get(parent, [])) < 3 else None
        if place is not None:
            way = [place, *closure.way(place, closure.moved)][:DEPTH]
            place = place if recorded_way == dict(enumerate(way, start=1)) else None
        if member in gone or place is not None:
            gone.setdefault(member, named.get(member, set()))
            if place is not None:
                left[place] += 1
    junk = set(closure.rows) - set(parents) - set(gone)
    orphans = {member for member in parents if member not in trees.sponsor}
    sponsor_graph = graph_of(trees.sponsor)
    for member, members in gone.items():
        code = "matrix-node-missing" if member in trees.sponsor else "matrix-node-lost"
        sponsored = {m for m, sponsor in trees.sponsor.items() if sponsor == member and member not in trees.sponsor}
        reached = members.union(*(nx.descendants(graph, m) for m in members))
        if sponsored:
            reached &= set(trees.sponsor)
            reached |= sponsored.union(*(nx.descendants(sponsor_graph, m) for m in sponsored))
        found.add((code, frozenset({member}), 1 + len(reached)))
        broken |= members
    for parent, members in unknown.items():
        if parent not in gone:
            found |= {("matrix-parent-unknown", frozenset({m}), 1 + below(graph, {m})) for m in members}
            broken |= members
    for ring in rings(graph):
        found.add(("matrix-self" if len(ring) == 1 else "matrix-cycle", ring, len(ring) + below(graph, set(ring))))
        broken |= ring
    explained = set().union(*gone.values())
    found |= {("matrix-root", frozenset({root}), 1 + below(graph, {root})) for root in closure.surplus - explained}
    broken |= closure.surplus
    for member in orphans:
        sponsored = {m for m, sponsor in trees.sponsor.items() if sponsor == member}
        reached = sponsored.union(*(nx.descendants(sponsor_graph, m) for m in sponsored))
        found.add(("matrix-node-orphan", frozenset({member}), 1 + len(reached)))
    found |= _positions(trees, closure, children, broken | orphans, broken)
    told = {row for _, members, _ in found for row in members if row in parents}
    told |= {
        child
        for code, members, _ in found
        if code == "matrix-children"
        for parent in members
        for child in children[parent]
    }
    for member in closure.moved:
        if member not in told and not any(member in members for members in gone.values()):
            found.add(("matrix-moved", frozenset({member}), 1 + below(graph, {member})))
    return found | closure.changes(junk), set(gone) | orphans, junk


def _positions(
    trees: Trees, closure: Closure, children: dict[int, list[int]], disputed: set[int], broken: set[int]
) -> Found:
    found: Found = set()
    disputed = disputed | set(closure.moved)
    for parent, kids in children.items():
        if sum(kid not in broken for kid in kids) > 3:
            found.add(("matrix-children", frozenset({parent}), len(kids)))
            disputed = disputed | set(kids)
    for parent, kids in children.items():
        holders: dict[int, list[int]] = {}
        for kid in kids:
            position = trees.node[kid][1]
            if position is not None and 1 <= position <= 3:
                holders.setdefault(position, []).append(kid)
            elif kid not in disputed:
                found.add(("matrix-position-missing" if position is None else "matrix-position", frozenset({kid}), 1))
        for members in holders.values():
            first, *others = members
            rest = [kid for kid in others if kid not in disputed]
            # Whoever holds the place, or claimed it and is not in question, must be beyond doubt.
            if rest and not (set(members) - set(rest)) & disputed:
                found.add(("matrix-position-taken", frozenset(members), len(members)))
            assert first in members
        assert parent in closure.parents
    return found
