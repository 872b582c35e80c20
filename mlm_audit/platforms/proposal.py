"""The text of a proposed mapping: what was found, how sure it is, and what a person has to decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from mlm_audit.platforms.section_text import (
    FoundInputs,
    decisions_of,
    member_lines,
    pattern_lines,
    section_lines,
    toml_text,
)
from mlm_audit.platforms.sections import MEMO, OUTSIDE

WORDS_OF_ROLES = (
    ("withdraw", "withdrawal"),
    ("cashout", "withdrawal"),
    ("rollup", "rollup_to_company"),
    ("roll_up", "rollup_to_company"),
    ("company", "company_share"),
    ("instal", "self_payout"),
    ("payout", "self_payout"),
    ("remainder", "remainder"),
    ("repurchase", "repurchase_commission"),
    ("sponsor", "sponsor_commission"),
    ("referral", "sponsor_commission"),
    ("commission", "sponsor_commission"),
    ("adjust", "adjustment"),
)
"""Parts of a kind's word, and the role that they suggest. The first that fits counts.

Bonuses are not among them: on some platforms a person grants each, and on others a rule of the platform pays them.
"""


@dataclass(frozen=True)
class ProposedKind:
    """A kind of ledger row: its word, and 1, -1 or 0 as it moves the wallet. `is_silent`: no row names a member."""

    word: str
    sign: int
    is_silent: bool
    without: int
    """The number of wallets that would be reproduced if the kind counted otherwise."""

    @property
    def role(self) -> str:
        """Return the role that the sign and the word suggest."""
        return MEMO if self.sign == 0 else role_of(self.word) or OUTSIDE


@dataclass(frozen=True)
class RowsThatDoNotCount:
    """The condition for rows that move no wallet, and the wallets that would be reproduced if they did."""

    where: str
    agreeing_with: int


@dataclass(frozen=True)
class ProposedTable:
    """A table of the ledger, the names of its columns, and its kinds."""

    name: str
    columns: Mapping[str, str]
    unit: str
    kinds: tuple[ProposedKind, ...]
    signs: Mapping[str, int] = field(default_factory=dict)
    """The sign of each word of direction, where the amount has one."""
    left_out: RowsThatDoNotCount | None = None
    query: str | None = None
    """The query of the rows, where the table has to be joined with another."""
    text_keys: bool = False
    """Whether the keys of the platform are texts, which a query does not say."""

    @property
    def amounts(self) -> tuple[str, ...]:
        """Return the columns of amounts."""
        return tuple(
            name for name in ("amount", "credit", "debit", "wallet_balance", "balance_after") if name in self.columns
        )


@dataclass(frozen=True)
class ProposedMapping:
    """A mapping as it was found. `agreeing` of the `members` that were compared have exactly the wallet it gives."""

    users: ProposedTable
    ledger: tuple[ProposedTable, ...]
    agreeing: int
    members: int
    units_are_certain: bool
    inputs: FoundInputs | None = None
    """What fits the other inputs of the jobs; None if that was not searched."""

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
            f"the rows of {table.name} where {table.left_out.where} do not count: confirm what they are, and say it in `why`"
            for table in self.ledger
            if table.left_out is not None
        ]
        found += [
            f"what does the kind {kind.word!r} of {table.name} mean"
            for table in self.ledger
            for kind in table.kinds
            if kind.sign and role_of(kind.word) is None
        ]
        return found if self.inputs is None else [*found, *decisions_of(self.inputs)]


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
        f"name = {toml_text(name)}",
        f"title = {toml_text(name)}",
        'currency = "INR"',
        f"decide = [{', '.join(map(toml_text, proposal.decisions))}]",
        "",
        "[users]",
        *_members(proposal),
    ]
    for table in proposal.ledger:
        lines += ["", "[[ledger]]", *_ledger(table, proposal.inputs), "", "[ledger.kinds]"]
        for kind in table.kinds:
            lines += [f"# {_evidence(kind, proposal)}", f"{toml_text(kind.word)} = {_kind(kind, proposal.inputs)}"]
        lines += _left_out(table, proposal)
    if proposal.inputs is not None:
        lines += section_lines(proposal.inputs, proposal.ledger[0].unit)
    return "\n".join(lines) + "\n"


def _members(proposal: ProposedMapping) -> list[str]:
    if proposal.inputs is None:
        return _table(proposal.users)
    lines = member_lines(proposal.inputs, proposal.users.name, proposal.users.columns, proposal.users.unit)
    return [*_rows_of(proposal.users), *lines[1:]]


def _ledger(table: ProposedTable, inputs: FoundInputs | None) -> list[str]:
    if inputs is None:
        return _table(table)
    more = replace(table, columns={**table.columns, **inputs.ledger_columns[table.name]})
    return [*_table(more), *pattern_lines(inputs.patterns[table.name])]


def _table(table: ProposedTable) -> list[str]:
    columns = ", ".join(f"{name} = {toml_text(column)}" for name, column in table.columns.items())
    units = ", ".join(f"{name} = {toml_text(table.unit)}" for name in table.amounts)
    lines = [*_rows_of(table), f"columns = {{ {columns} }}", f"amounts = {{ {units} }}"]
    if not table.signs:
        return lines
    return [*lines, f"signs = {{ {', '.join(f'{toml_text(word)} = {sign}' for word, sign in table.signs.items())} }}"]


def _rows_of(table: ProposedTable) -> list[str]:
    """Return where the rows are: a table, or a query with its label."""
    if table.query is None:
        return [f"table = {toml_text(table.name)}"]
    keys = ['keys = "text"'] if table.text_keys else []
    return [f"label = {toml_text(table.name)}", *keys, 'select = """', *table.query.split("\n"), '"""']


def _kind(kind: ProposedKind, inputs: FoundInputs | None) -> str:
    if kind.sign == 0:
        return f'{{ role = "{MEMO}", moves_wallet = false }}'
    # Repurchase commission that names its order is credited with it, as a sponsor commission is.
    at_once = kind.role == "repurchase_commission" and inputs is not None and inputs.is_credited_at_once
    role = "sponsor_commission" if at_once else kind.role
    return f'{{ role = "{role}", sign = -1 }}' if kind.sign < 0 else f'"{role}"'


def _left_out(table: ProposedTable, proposal: ProposedMapping) -> list[str]:
    if table.left_out is None:
        return []
    with_them = "1 wallet" if table.left_out.agreeing_with == 1 else f"{table.left_out.agreeing_with} wallets"
    why = f"they move no wallet: with them, {with_them} instead of {proposal.agreeing} would be reproduced"
    return ["", "[[ledger.left_out]]", f"where = {toml_text(table.left_out.where)}", f"why = {toml_text(why)}"]


def _evidence(kind: ProposedKind, proposal: ProposedMapping) -> str:
    if kind.is_silent:
        return "No row of this kind names a member whose rows were read, so the wallets do not decide what it is."
    others = "1 wallet" if kind.without == 1 else f"{kind.without} wallets"
    what = "It moves no wallet: if it did" if kind.sign == 0 else "It moves the wallet: if it did not"
    return f"{what}, {others} instead of {proposal.agreeing} would be reproduced."
