"""The mapping of a platform: the tables, columns, units and words of its members and of its ledger, in one TOML file.

A mapping is data. It is validated as a whole, and an error names the file, the line and the key.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.words import LEDGER_TYPES, fold
from mlm_audit.platforms.units import unit_of

SHIPPED = Path(__file__).parent / "shipped"
MEMO = "memo"
"""The role of a ledger row that only notes something, such as the total of an order, and moves no wallet."""
OUTSIDE = "outside_plan"
"""The role of a ledger row that moves a wallet by a rule of the platform that no check knows."""
ROLES = (*LEDGER_TYPES, MEMO, OUTSIDE)
MINOR_PER_MAJOR = {"INR": 100, "USD": 100, "EUR": 100, "GBP": 100, "NGN": 100, "JPY": 1, "KWD": 1_000}
"""The minor units of each supported currency (ISO 4217)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Strict):
    """What the mapping is for."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    currency: str = "INR"
    decide: tuple[str, ...] = ()
    """Questions that the person who attaches the platform has to answer. A mapping with an open question is not used."""

    @model_validator(mode="after")
    def _known_currency(self) -> Self:
        if self.currency not in MINOR_PER_MAJOR:
            raise ValueError(f"currency: {self.currency!r} is not supported; use one of {', '.join(MINOR_PER_MAJOR)}")
        return self


class LeftOut(_Strict):
    """MappedTable that do not count, and why. Every proof counts them and adds them up, so that they are never hidden."""

    where: str = Field(min_length=1)
    why: str = Field(min_length=1)


class LedgerKind(_Strict):
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


class MappedTable(_Strict):
    """The rows of one table, or of one query in the platform's own dialect, and the names of their columns."""

    table: str | None = None
    db_schema: str | None = Field(default=None, alias="schema")
    select: str | None = None
    label: str | None = Field(default=None, min_length=1)
    """What the rows are called in the proof; the name of the table when left out."""
    columns: dict[str, str]
    amounts: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()

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

    def require(self, section: str, *needed: str, optional: tuple[str, ...] = ()) -> None:
        """Raise ValueError unless the columns and amounts are exactly those that the section can have."""
        if absent := [name for name in needed if name not in self.columns]:
            raise ValueError(f"columns: {section} need the column {absent[0]}; add it")
        if unknown := [name for name in self.columns if name not in (*needed, *optional)]:
            raise ValueError(f"columns: {unknown[0]!r} is not known; {section} have {', '.join((*needed, *optional))}")
        if unknown := [name for name in self.amounts if name not in self.columns]:
            raise ValueError(f"amounts: {unknown[0]!r} is not in columns")


class MemberTable(MappedTable):
    """The rows of the members, with the balance of each wallet."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.require("users", "id", "wallet_balance")
        if set(self.amounts) != {"wallet_balance"}:
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
        amounts = ("credit", "debit") if "credit" in self.columns or "debit" in self.columns else ("amount",)
        direction = ("direction",) if self.signs else ()
        self.require("ledger rows", "id", "user_id", "type", *amounts, *direction)
        if set(self.amounts) != set(amounts):
            raise ValueError(f"amounts: ledger rows need the unit of {' and '.join(amounts)}, such as 'minor'")
        if self.signs and len(amounts) > 1:
            raise ValueError("signs: a debit and a credit column have their signs already")
        if any(sign not in (1, -1) for sign in self.signs.values()):
            raise ValueError("signs: each word stands for 1 or -1")
        return self

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


class _File(_Strict):
    platform: Head
    users: MemberTable
    ledger: tuple[LedgerTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [table.name for table in self.ledger]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"ledger: two parts are called {twice[0]!r}; give each its own `label`")
        return self


@dataclass(frozen=True)
class Mapping:
    """A mapping with the file that it was read from. `digest` is the SHA-256 of the file's text."""

    name: str
    title: str
    currency: str
    users: MemberTable
    ledger: tuple[LedgerTable, ...]
    path: Path
    digest: str
    decide: tuple[str, ...] = ()

    def amount(self, minor: int) -> str:
        """Return an amount in words: rupees in Indian grouping, any other currency with its code."""
        if self.currency == "INR":
            return format_inr(minor)
        per = MINOR_PER_MAJOR[self.currency]
        return f"{self.currency} {Decimal(minor) / per:,.{len(str(per)) - 1}f}"

    def unit(self, rows: MappedTable, amount: str) -> Fraction:
        """Return the minor units that one stored unit of an amount is worth."""
        return unit_of(rows.amounts[amount], MINOR_PER_MAJOR[self.currency])


def shipped_mappings() -> list[Mapping]:
    """Return the mappings that the package contains, in the order of their names."""
    return [_read(path) for path in sorted(SHIPPED.glob("*.toml"))]


def load_mapping(name_or_file: str) -> Mapping:
    """Return a shipped mapping by its name, or the mapping in a file, whose name ends in `.toml`.

    Raise InputError when there is no such mapping, or when the file is not a valid mapping.
    """
    if not name_or_file.endswith(".toml"):
        path = SHIPPED / f"{name_or_file}.toml"
        if not re.fullmatch(r"[a-z0-9-]+", name_or_file) or not path.is_file():
            names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
            raise InputError(
                f"platform {name_or_file}: there is no such mapping; use one of {names}, or a file that ends in .toml"
            )
        return _read(path)
    return _read(Path(name_or_file))


def _read(path: Path) -> Mapping:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"platform {path}: the file cannot be read ({error}); name a readable TOML file") from error
    try:
        file = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"platform {path}: the file is not valid TOML: {error}") from error
    except ValidationError as error:
        raise InputError(_explain(path, text, error)) from error
    _check_units(path, text, "users", file.users, file.platform.currency)
    for number, table in enumerate(file.ledger):
        _check_units(path, text, "ledger", table, file.platform.currency, number)
    digest = hashlib.sha256(text.encode()).hexdigest()
    head = file.platform
    return Mapping(head.name, head.title, head.currency, file.users, file.ledger, path, digest, head.decide)


def _check_units(path: Path, text: str, section: str, rows: MappedTable, currency: str, *index: int) -> None:
    for name, unit in rows.amounts.items():
        try:
            unit_of(unit, MINOR_PER_MAJOR[currency])
        except ValueError as error:
            line = _line_of(text, "amounts", (section, *index))
            label = ".".join((section, *map(str, index), "amounts", name))
            raise InputError(f"platform {path}, line {line}, key {label}: {error}") from error


def _explain(path: Path, text: str, error: ValidationError) -> str:
    # A misspelt key is also a missing one; the spelling is what to correct.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    location = tuple(part for part in first["loc"] if part != "schema")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key; correct its spelling or remove it"
    if first["type"] == "missing":
        message = "the key is missing; add it"
    words = [part for part in location if isinstance(part, str)] or [message.split(":")[0]]
    keys = (words[-1], message.split(":")[0]) if first["type"] == "value_error" else (words[-1],)
    lines = [_line_of(text, key, location) for key in keys]
    return f"platform {path}, line {max(lines)}, key {'.'.join(map(str, location)) or words[-1]}: {message}"


def _line_of(text: str, key: str, location: tuple[int | str, ...]) -> int:
    """Return the line of a key below the header of its table; else the line of that header, else 1."""
    section = str(location[0]) if location else ""
    index = next((part for part in location if isinstance(part, int)), None)
    seen, best, inside = -1, 1, not section
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[+)\s*([\w.-]+)\s*\]+", line):
            name = header[2]
            if header[1] == "[[" and name == section:
                seen += 1
            inside = not section or (name.split(".")[0] == section and index in (None, seen))
            if inside and best == 1:
                best = number
            if inside and (name.endswith(f".{key}") or (not section and name == key)):
                return number
        elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return best
