"""Ancestors and descendants in the trees, computed in plain Python for the injector and independently of the checks."""

from collections import defaultdict
from collections.abc import Iterable

from mlm_audit.demo.platform import Platform


class Lineage:
    """The parents and children in one tree, `sponsor` or `matrix`, at the time of construction."""

    def __init__(self, platform: Platform, tree: str) -> None:
        if tree == "sponsor":
            rows: Iterable[tuple[int, int | None]] = platform["users"].select("id", "sponsor_id").iter_rows()
        else:
            rows = platform["matrix_nodes"].select("user_id", "parent_id").iter_rows()
        self.parent: dict[int, int | None] = dict(rows)
        self.children: dict[int, list[int]] = defaultdict(list)
        for child, parent in self.parent.items():
            if parent is not None:
                self.children[parent].append(child)

    def below(self, member: int) -> list[int]:
        """Return all members below a member, nearest first. In a ring, each member is visited once."""
        found: list[int] = []
        seen, level = {member}, [member]
        while level:
            level = [child for parent in level for child in self.children[parent] if child not in seen]
            seen.update(level)
            found += level
        return found

    def lines(self, length: int) -> dict[int, list[int]]:
        """Return the line of `length` members upwards from each member who has one. A line ends below the root."""
        found = {}
        for member in self.parent:
            line = [member]
            while len(line) < length and (parent := self.parent.get(line[-1])) is not None and parent not in line:
                line.append(parent)
            if len(line) == length and self.parent.get(line[-1]) is not None:
                found[member] = line
        return found

    def above(self, member: int) -> list[int]:
        """Return all members above a member, nearest first. The list ends at the root, or where a ring repeats."""
        found: list[int] = []
        parent = self.parent.get(member)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.parent.get(parent)
        return found
