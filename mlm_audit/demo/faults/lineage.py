"""Who is above and below whom, worked out plainly: the injector's own view of the trees, apart from the checks'."""

from collections import defaultdict
from collections.abc import Iterable

from mlm_audit.demo.platform import Platform


class Lineage:
    """Parents and children of one tree as it stands; `sponsor` or `matrix`."""

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
        """Everybody below a member, nearest first; a ring is gone round once."""
        found: list[int] = []
        seen, level = {member}, [member]
        while level:
            level = [child for parent in level for child in self.children[parent] if child not in seen]
            seen.update(level)
            found += level
        return found

    def lines(self, length: int) -> dict[int, list[int]]:
        """For each member with enough above them: the line of `length` from them up, which ends below the top."""
        found = {}
        for member in self.parent:
            line = [member]
            while len(line) < length and (parent := self.parent.get(line[-1])) is not None and parent not in line:
                line.append(parent)
            if len(line) == length and self.parent.get(line[-1]) is not None:
                found[member] = line
        return found

    def above(self, member: int) -> list[int]:
        """Everybody above a member, nearest first; ends where the tree ends or turns back."""
        found: list[int] = []
        parent = self.parent.get(member)
        while parent is not None and parent not in found:
            found.append(parent)
            parent = self.parent.get(parent)
        return found
