"""The proof of a mapping: whether the ledger, read through the mapping, reproduces the members' wallets.

What is left out, what moves no wallet, what could not be read and what the mapping does not know is counted and added
up. Amounts are in minor units.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlm_audit.domain.findings import Verdict, verdict_of
from mlm_audit.platforms.sections import LedgerTable

MOST_NAMED = 20
"""The number of unreadable values that are named one by one. All of them are counted."""


@dataclass(frozen=True)
class LedgerRow:
    """One ledger row as a mapping reads it. `amount` is None when it could not be read."""

    id: str
    member: str | None
    kind: str
    amount: int | None


@dataclass(frozen=True)
class UnreadableValue:
    """A stored value that could not be read: its table, row and column, and why."""

    table: str
    row: str
    column: str
    why: str


@dataclass(frozen=True)
class KindTotal:
    """The rows of one kind, and how many of them name a member. `role` is None for a kind that the mapping lacks.

    The amount is what the rows move, with the sign of the kind.
    """

    table: str
    kind: str
    role: str | None
    moves_wallet: bool
    rows: int
    amount: int
    of_members: int


@dataclass(frozen=True)
class LeftOutTotal:
    """The rows that the mapping leaves out for one reason."""

    table: str
    where: str
    why: str
    rows: int
    amount: int


@dataclass(frozen=True)
class WalletGap:
    """A member whose wallet differs from the ledger."""

    member: str
    wallet: int
    ledger: int

    @property
    def difference(self) -> int:
        """Return the wallet less the ledger."""
        return self.wallet - self.ledger


@dataclass
class LedgerSums:
    """What was added up so far, table by table, as the rows are read."""

    by_member: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    rows: Counter[str] = field(default_factory=Counter)
    kinds: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    known: dict[tuple[str, str], tuple[str | None, bool]] = field(default_factory=dict)
    unread: list[UnreadableValue] = field(default_factory=list)
    unread_count: int = 0
    left_out: list[LeftOutTotal] = field(default_factory=list)
    left_out_members: set[str] = field(default_factory=set)

    def add(self, table: LedgerTable, row: LedgerRow) -> None:
        """Add one row of a table of the ledger."""
        self.rows[table.name] += 1
        key = table.name, row.kind
        kind = table.kind_of(row.kind)
        total = self.kinds.setdefault(key, [0, 0, 0])
        self.known.setdefault(key, (kind.role, kind.moves_wallet) if kind else (None, False))
        total[0] += 1
        total[1] += (kind.sign if kind else 1) * (row.amount or 0)
        total[2] += row.member is not None
        if kind and kind.moves_wallet and row.member is not None and row.amount is not None:
            self.by_member[row.member] += kind.sign * row.amount

    def could_not_read(self, value: UnreadableValue) -> None:
        """Count a value that could not be read, and name the first ones."""
        self.unread_count += 1
        if len(self.unread) < MOST_NAMED:
            self.unread.append(value)


@dataclass(frozen=True)
class MappingProof:
    """The result of a proof. `gaps` are the members whose wallet differs, with the largest difference first.

    `agreeing` is the number of members whose wallet could be read and is exactly what the ledger gives.
    """

    members: int
    agreeing: int
    gaps: tuple[WalletGap, ...]
    without_member: tuple[tuple[str, int], ...]
    """Members whom the ledger names and who do not exist, with their ledger sum."""
    kinds: tuple[KindTotal, ...]
    left_out: tuple[LeftOutTotal, ...]
    rows: Mapping[str, int]
    unread: tuple[UnreadableValue, ...]
    unread_count: int

    @property
    def unknown_kinds(self) -> tuple[KindTotal, ...]:
        """Return the kinds that the mapping does not know."""
        return tuple(kind for kind in self.kinds if kind.role is None)

    @property
    def gap_total(self) -> int:
        """Return the sum of the differences, each counted as positive."""
        return sum(abs(gap.difference) for gap in self.gaps)

    @property
    def not_proven(self) -> tuple[str, ...]:
        """Return one sentence for each reason why the mapping is not proven."""
        reasons = []
        if not self.members:
            reasons.append("The table of the members has no rows, so there is no wallet to reproduce.")
        if not sum(self.rows.values()):
            reasons.append("The ledger has no rows, so nothing is proven.")
        if unknown := self.unknown_kinds:
            names = ", ".join(f"{kind.kind!r} in {kind.table}" for kind in unknown)
            reasons.append(f"The mapping does not know these kinds of ledger row: {names}. Add them to `kinds`.")
        if self.unread_count:
            reasons.append(f"{self.unread_count} of the values could not be read; they are listed below.")
        return tuple(reasons)

    @property
    def verdict(self) -> Verdict:
        """Return FAIL when a wallet differs, INCOMPLETE when something is not known, and PASS when all is proven."""
        return verdict_of(is_broken=bool(self.gaps or self.without_member), not_checked=self.not_proven)


def prove(wallets: Mapping[str, int | None], sums: LedgerSums) -> MappingProof:
    """Compare each member's wallet with the ledger. A wallet that could not be read is None and is no gap."""
    known = {member: wallet for member, wallet in wallets.items() if wallet is not None}
    members = sums.left_out_members.union(wallets)
    gaps = [
        WalletGap(member, wallet, sums.by_member.get(member, 0))
        for member, wallet in known.items()
        if wallet != sums.by_member.get(member, 0)
    ]
    kinds = [
        KindTotal(table, kind, *sums.known[table, kind], *total) for (table, kind), total in sorted(sums.kinds.items())
    ]
    return MappingProof(
        members=len(wallets),
        agreeing=len(known) - len(gaps),
        gaps=tuple(sorted(gaps, key=lambda gap: (-abs(gap.difference), gap.member))),
        without_member=tuple(sorted((m, total) for m, total in sums.by_member.items() if m not in members)),
        kinds=tuple(kinds),
        left_out=tuple(sums.left_out),
        rows=dict(sums.rows),
        unread=tuple(sums.unread),
        unread_count=sums.unread_count,
    )
