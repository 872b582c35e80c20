"""The tables of a mapping: where the rows of an input are, and what their columns, amounts and words are called."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mlm_audit.domain.words import LEDGER_TYPES, fold

MEMO = "memo"
"""The role of a ledger row that only notes something, such as the total of an order, and moves no wallet."""
OUTSIDE = "outside_plan"
"""The role of a ledger row that moves a wallet by a rule of the platform that no check knows."""
ROLES = (*LEDGER_TYPES, MEMO, OUTSIDE)
GROUP = re.compile(r"\(\?P?<(\w+)>")
"""The start of a named group in a pattern. The name is that of the column that the group gives."""


class Strict(BaseModel):
    """A part of a mapping file, in which every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LeftOut(Strict):
    """Rows that do not count, and why. Every run counts them and adds them up, so that they are never hidden."""

    where: str = Field(min_length=1)
    why: str = Field(min_length=1)


class Pattern(Strict):
    """Columns that are part of a text: the named groups of the pattern are the columns."""

    column: str = Field(min_length=1)
    """The platform's column that holds the text."""
    pattern: str = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.pattern.startswith("^") and self.pattern.endswith("$")):
            raise ValueError("pattern: it must describe the whole text; begin it with ^ and end it with $")
        if "\\" in self.pattern:
            raise ValueError(
                "pattern: databases read a backslash differently; write [0-9] for a digit and [.] for a point"
            )
        try:
            compiled = re.compile(GROUP.sub(r"(?P<\1>", self.pattern))
        except re.error as error:
            raise ValueError(f"pattern: it is not a regular expression ({error})") from error
        if not compiled.groupindex or len(compiled.groupindex) != compiled.groups:
            raise ValueError(
                "pattern: name each group after a column, such as (?<reference_id>[0-9]+), and write (?:…) for any other"
            )
        return self

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the columns that the pattern gives, in the order of their groups."""
        return tuple(GROUP.findall(self.pattern))

    @property
    def plain(self) -> str:
        """Return the pattern with numbered groups, which every database understands."""
        return GROUP.sub("(", self.pattern)


class Misstated(Strict):
    """An amount that the platform stores in another unit than the one it means. Every run reports it as one finding."""

    amount: str = Field(min_length=1)
    meant: str = Field(min_length=1)
    why: str = Field(min_length=1)


class Numbered(Strict):
    """A column that the platform does not keep: the number of a row among those with the same value of `within`."""

    column: str
    within: str
    by: str


class LedgerKind(Strict):
    """What a kind of ledger row means, whether it moves the wallet of its member, and by which sign of its amount."""

    role: str
    moves_wallet: bool = True
    sign: Literal[1, -1] = 1

    @model_validator(mode="after")
    def _known_role(self) -> Self:
        if self.role not in ROLES:
            raise ValueError(f"role: {self.role!r} is not a role; use one of {', '.join(ROLES)}")
        if self.role == MEMO and self.moves_wallet:
            raise ValueError("moves_wallet: a memo moves no wallet; set it to false")
        return self


def _kind(value: object) -> object:
    return {"role": value} if isinstance(value, str) else value


class MappedTable(Strict):
    """The rows of one table, or of one query in the platform's own dialect, and the names of their columns."""

    table: str | None = None
    db_schema: str | None = Field(default=None, alias="schema")
    select: str | None = None
    label: str | None = Field(default=None, min_length=1)
    """What the rows are called in the proof; the name of the table when left out."""
    keys: Literal["text"] | None = None
    """What the keys of a query are, whose types are not known. A table says it itself."""
    columns: dict[str, str]
    amounts: dict[str, str] = Field(default_factory=dict)
    words: dict[str, dict[str, str | bool]] = Field(default_factory=dict)
    """For a column, what each stored word means. A word that is not listed is read as it is."""
    values: dict[str, str | int | bool] = Field(default_factory=dict)
    """Columns that have the same value in every row."""
    fallback: dict[str, str] = Field(default_factory=dict)
    """For a column that may be empty, the platform's column that then counts."""
    patterns: tuple[Pattern, ...] = ()
    numbered: Numbered | None = None
    left_out: tuple[LeftOut, ...] = ()
    misstated: tuple[Misstated, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.select is None):
            raise ValueError("table: give either a table or a select")
        if self.db_schema and self.select:
            raise ValueError("schema: a select names its own schema")
        return self

    @property
    def name(self) -> str:
        """Return the name of the rows in messages."""
        return self.label or self.table or "(query)"

    @property
    def given(self) -> frozenset[str]:
        """Return the columns that the mapping gives."""
        numbered = () if self.numbered is None else (self.numbered.column,)
        return frozenset((*self.columns, *self.values, *numbered, *(g for one in self.patterns for g in one.groups)))

    def why_inconsistent(self, known: Sequence[str]) -> tuple[str, str] | None:
        """Return the key that does not fit the others, and why; None when all fit. `known` are the input's columns."""
        for key, names, of in (
            ("columns", sorted(self.given - set(known)), known),
            ("amounts", sorted(self.amounts.keys() - self.columns.keys()), tuple(self.columns)),
            ("fallback", sorted(self.fallback.keys() - self.columns.keys()), tuple(self.columns)),
            ("words", sorted(self.words.keys() - self.columns.keys()), tuple(self.columns)),
            ("misstated", sorted({one.amount for one in self.misstated} - self.amounts.keys()), tuple(self.amounts)),
        ):
            if names:
                return key, f"{names[0]!r} is not known here; use one of {', '.join(of)}"
        if twice := sorted(self.values.keys() & self.columns.keys()):
            return "values", f"{twice[0]!r} is in columns already; remove one of the two"
        return None

    def require(self, section: str, *needed: str) -> None:
        """Raise ValueError unless the mapping has the columns that a section needs in any case."""
        if absent := [name for name in needed if name not in self.columns]:
            raise ValueError(f"columns: {section} need the column {absent[0]}; add it")


class MemberTable(MappedTable):
    """The rows of the members, with the balance of each wallet."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.require("users", "id", "wallet_balance")
        if "wallet_balance" not in self.amounts:
            raise ValueError("amounts: users need the unit of wallet_balance, such as wallet_balance = 'minor'")
        return self


class LedgerTable(MappedTable):
    """The rows of one table of the ledger. A platform may keep its ledger in several tables together.

    The amount is signed, or there are the columns `credit` and `debit`, or `signs` gives the sign of each word in the
    column `direction`.
    """

    kinds: dict[str, Annotated[LedgerKind, BeforeValidator(_kind)]]
    signs: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        direction = ("direction",) if self.signs else ()
        self.require("ledger rows", "id", "user_id", "type", *self.moved, *direction)
        if "direction" in self.columns and not self.signs:
            raise ValueError("signs: the column direction needs the sign of each of its words, 1 or -1")
        if len(self.moved) > 1 and "amount" in self.columns:
            raise ValueError("columns: give either amount, or credit and debit")
        if absent := [name for name in self.moved if name not in self.amounts]:
            raise ValueError(f"amounts: ledger rows need the unit of {' and '.join(absent)}, such as 'minor'")
        if self.signs and len(self.moved) > 1:
            raise ValueError("signs: a debit and a credit column have their signs already")
        if any(sign not in (1, -1) for sign in self.signs.values()):
            raise ValueError("signs: each word stands for 1 or -1")
        return self

    @property
    def moved(self) -> tuple[str, ...]:
        """Return the columns that give the amount by which a row moves the wallet."""
        return ("credit", "debit") if "credit" in self.columns or "debit" in self.columns else ("amount",)

    @cached_property
    def is_exact(self) -> bool:
        """Return whether the kinds are compared as written, because two of them differ only in case or spaces."""
        return len({fold(word) for word in self.kinds}) < len(self.kinds)

    def kind_of(self, word: str) -> LedgerKind | None:
        """Return what a stored kind means; None for a kind that the mapping does not know."""
        if self.is_exact:
            return self.kinds.get(word)
        return self._folded.get(fold(word))

    def sign_of(self, word: str) -> int | None:
        """Return the sign of a stored word of direction; None for a word that the mapping does not know."""
        return {fold(known): sign for known, sign in self.signs.items()}.get(fold(word))

    @cached_property
    def _folded(self) -> dict[str, LedgerKind]:
        return {fold(word): kind for word, kind in self.kinds.items()}
