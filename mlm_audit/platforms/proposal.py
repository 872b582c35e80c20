"""The text of a proposed mapping: what was found, how sure it is, and what a person has to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mlm_audit.platforms.sections import MEMO, OUTSIDE

WORDS_OF_ROLES = (
    ("withdraw", "withdrawal"),
    ("cashout", "withdrawal"),
    ("rollup", "rollup_to_company"),
    ("roll_up", "rollup_to_company"),
    ("company", "company_share"),
    ("instal", "self_payout"),
    ("repurchase", "repurchase_commission"),
    ("sponsor", "sponsor_commission"),
    ("referral", "sponsor_commission"),
    ("commission", "sponsor_commission"),
    ("bonus", "bonus"),
    ("adjust", "adjustment"),
)
"""Parts of a kind's word, and the role that they suggest. The first that fits counts."""


@dataclass(frozen=True)
class ProposedKind:
    """A kind of ledger row: its word, and 1, -1 or 0 as it moves the wallet. `is_silent`: no row names a member."""

    word: str
    sign: int
    is_silent: bool
    without: int
    """The number of wallets that would be reproduced if the kind counted otherwise."""


@dataclass(frozen=True)
class ProposedTable:
    """A table of the ledger, the names of its columns, and its kinds."""

    name: str
    columns: Mapping[str, str]
    unit: str
    kinds: tuple[ProposedKind, ...]


@dataclass(frozen=True)
class ProposedMapping:
    """A mapping as it was found. `agreeing` of the `members` that were compared have exactly the wallet it gives."""

    users: ProposedTable
    ledger: tuple[ProposedTable, ...]
    agreeing: int
    members: int
    units_are_certain: bool

    @property
    def decisions(self) -> list[str]:
        """Return what a person has to decide before the mapping is used."""
        found = ["no data tell the currency: INR is assumed"]
        if not self.units_are_certain:
            found.append("every amount is a whole number: check that the unit is minor (paisa) and not major (rupees)")
        if self.agreeing < self.members:
            found.append(
                f"only {self.agreeing} of {self.members} wallets are reproduced: check the tables and the kinds"
            )
        found += [
            f"what does the kind {kind.word!r} of {table.name} mean"
            for table in self.ledger
            for kind in table.kinds
            if kind.sign and role_of(kind.word) is None
        ]
        return found


def units_of(*, wallet_is_major: bool, ledger_is_major: bool, factor: Fraction) -> tuple[str, str]:
    """Return the units of the wallet and of the ledger.

    Both sums were compared as if whole numbers were minor units. `factor` is what remained between the two: 100 where
    the ledger counts in hundredths of the wallet's unit, and a hundredth in the opposite case.
    """
    wallet, ledger = ("major" if is_major else "minor" for is_major in (wallet_is_major, ledger_is_major))
    if factor == 100:
        return (wallet, "major") if ledger == "minor" else (f"{wallet}/100", ledger)
    if factor == Fraction(1, 100):
        return ("major", ledger) if wallet == "minor" else (wallet, f"{ledger}/100")
    return wallet, ledger


def role_of(word: str) -> str | None:
    """Return the role that the word of a kind suggests; None when it suggests none."""
    return next((role for part, role in WORDS_OF_ROLES if part in word.lower()), None)


def mapping_text(name: str, proposal: ProposedMapping) -> str:
    """Return the mapping file, with the evidence for each line as a comment. Without a name, it is `proposed`."""
    name = name or "proposed"
    lines = [
        f"# Proposed by `mlm-audit platform inspect`: {proposal.agreeing} of {proposal.members} wallets that were compared are",
        "# reproduced. Check each line, answer what is in `decide`, then prove the mapping: mlm-audit platform check FILE",
        "[platform]",
        f"name = {_text(name)}",
        f"title = {_text(name)}",
        'currency = "INR"',
        f"decide = [{', '.join(map(_text, proposal.decisions))}]",
        "",
        "[users]",
        *_table(proposal.users, ("wallet_balance",)),
    ]
    for table in proposal.ledger:
        lines += ["", "[[ledger]]", *_table(table, ("amount",)), "", "[ledger.kinds]"]
        for kind in table.kinds:
            lines += [f"# {_evidence(kind, proposal)}", f"{_text(kind.word)} = {_kind(kind)}"]
    return "\n".join(lines) + "\n"


def _table(table: ProposedTable, amounts: Sequence[str]) -> list[str]:
    columns = ", ".join(f"{name} = {_text(column)}" for name, column in table.columns.items())
    units = ", ".join(f"{name} = {_text(table.unit)}" for name in amounts)
    return [f"table = {_text(table.name)}", f"columns = {{ {columns} }}", f"amounts = {{ {units} }}"]


def _kind(kind: ProposedKind) -> str:
    if kind.sign == 0:
        return f'{{ role = "{MEMO}", moves_wallet = false }}'
    role = role_of(kind.word) or OUTSIDE
    return f'{{ role = "{role}", sign = -1 }}' if kind.sign < 0 else f'"{role}"'


def _evidence(kind: ProposedKind, proposal: ProposedMapping) -> str:
    if kind.is_silent:
        return "No row of this kind names a member whose rows were read, so the wallets do not decide what it is."
    others = "1 wallet" if kind.without == 1 else f"{kind.without} wallets"
    what = "It moves no wallet: if it did" if kind.sign == 0 else "It moves the wallet: if it did not"
    return f"{what}, {others} instead of {proposal.agreeing} would be reproduced."


def _text(value: str) -> str:
    """Return a text as TOML writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped) + '"'
