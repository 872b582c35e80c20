"""The mapping of a platform: the tables, columns, units and words of its data, in one TOML file.

A mapping is data. It is validated as a whole, and an error names the file, the line and the key.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import ABSENT_COLUMNS, OPTIONAL_COLUMNS, needed_of
from mlm_audit.domain.money import CURRENCIES, format_money
from mlm_audit.domain.settings import PLATFORM_FILES, STANDARD_PLATFORM, Settings, platform_file
from mlm_audit.platforms.control_totals import ControlTotal
from mlm_audit.platforms.conventions import STANDARD, Conventions
from mlm_audit.platforms.operations import Operate, why_not_operable
from mlm_audit.platforms.sections import LedgerTable, MappedTable, MemberTable, Strict
from mlm_audit.platforms.units import unit_of
from mlm_audit.platforms.zones import LocalOffset, fixed_offset, offsets_of

UTC = "+00:00"
IN_UTC = fixed_offset(UTC)
SECTIONS = (
    "users",
    "ledger",
    "orders",
    "commissions",
    "withdrawals",
    "matrix_nodes",
    "hierarchy",
    "payout_schedule",
    "payout_history",
    "commission_rollups",
    "eligibility_log",
    "monthly_stats",
    "kyc",
)
"""The inputs that a mapping can give, each with a section of its own."""


@cache
def columns_of(section: str) -> tuple[str, ...]:
    """Return the columns that a section of a mapping can have."""
    needed = {name.removesuffix("_paisa") for name in needed_of(section)}
    signed = ("credit", "debit", "direction") if section == "ledger" else ()
    return tuple(sorted(needed.union(OPTIONAL_COLUMNS.get(section, ())) - set(signed))) + signed


class Head(Strict):
    """What the mapping is for."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    currency: str = "INR"
    utc_offset: str = Field(default=UTC, pattern=r"^[+-](?:0[0-9]|1[0-4]):[0-5][0-9]$")
    """The offset of times that the tables store without a zone, such as +05:30 for Indian time."""
    time_zone: str | None = None
    """The zone of these times, such as Europe/Berlin, where its clocks change."""
    decide: tuple[str, ...] = ()
    """Questions that the person who attaches the platform has to answer. A mapping with an open question is not used."""

    @model_validator(mode="after")
    def _known_currency(self) -> Self:
        if self.currency not in CURRENCIES:
            raise ValueError(f"currency: {self.currency!r} is not supported; use one of {', '.join(CURRENCIES)}")
        return self

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        if self.time_zone is not None:
            if self.utc_offset != UTC:
                raise ValueError("time_zone: give either time_zone or utc_offset")
            try:
                offsets_of(self.time_zone)
            except ValueError as error:
                raise ValueError(f"time_zone: {error}") from error
        return self

    @property
    def offsets(self) -> tuple[LocalOffset, ...]:
        """Return by how much stored times without a zone are ahead of UTC, and since when."""
        return fixed_offset(self.utc_offset) if self.time_zone is None else offsets_of(self.time_zone)


class _File(Strict):
    platform: Head
    conventions: Conventions = STANDARD
    absent: dict[str, str] = Field(default_factory=dict)
    users: MemberTable
    ledger: tuple[LedgerTable, ...] = Field(min_length=1)
    orders: MappedTable | None = None
    commissions: MappedTable | None = None
    withdrawals: MappedTable | None = None
    matrix_nodes: MappedTable | None = None
    hierarchy: MappedTable | None = None
    payout_schedule: MappedTable | None = None
    payout_history: MappedTable | None = None
    commission_rollups: MappedTable | None = None
    eligibility_log: MappedTable | None = None
    monthly_stats: MappedTable | None = None
    kyc: MappedTable | None = None
    control_totals: tuple[ControlTotal, ...] = ()
    operate: Operate | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [table.name for table in self.ledger]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"ledger: two parts are called {twice[0]!r}; give each its own `label`")
        totals = [total.name for total in self.control_totals]
        if twice := [name for name in totals if totals.count(name) > 1]:
            raise ValueError(f"control_totals: two are called {twice[0]!r}; give each its own `name`")
        if both := [name for name in self.absent if name in self.others]:
            raise ValueError(f"absent: there is a section {both[0]!r} as well; remove one of the two")
        return self

    @model_validator(mode="after")
    def _known_absent(self) -> Self:
        inputs = [name for name in SECTIONS if name not in ("users", "ledger")]
        for name in self.absent:
            if name not in inputs and name not in ABSENT_COLUMNS:
                raise ValueError(
                    f"absent: {name!r} must be given, as a column or under `values`; what may be absent is "
                    f"{', '.join((*inputs, *ABSENT_COLUMNS))}"
                )
        return self

    @property
    def others(self) -> dict[str, MappedTable]:
        """Return the sections other than the members and the ledger, by the name of their input."""
        skipped = ("platform", "conventions", "absent", "users", "ledger", "control_totals", "operate")
        return {
            name: table for name in type(self).model_fields if name not in skipped and (table := getattr(self, name))
        }


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
    inputs: dict[str, MappedTable] = field(default_factory=dict)
    """The other tables, by the name of their input."""
    absent: dict[str, str] = field(default_factory=dict)
    """What the platform does not keep by design: an input, or `input.column`, with the reason."""
    conventions: Conventions = STANDARD
    control_totals: tuple[ControlTotal, ...] = ()
    """Pairs of figures that have to be equal, each from queries of its own."""
    offsets: tuple[LocalOffset, ...] = IN_UTC
    """By how much times that the tables store without a zone are ahead of UTC, and since when."""
    operate: Operate | None = None
    """What may be written when PLATFORM_WRITES is set; None when the mapping only allows reading."""

    def amount(self, minor: int) -> str:
        """Return an amount in the currency of the platform."""
        return format_money(minor, currency=CURRENCIES[self.currency])

    def unit(self, rows: MappedTable, amount: str) -> Fraction:
        """Return the minor units that one stored unit of an amount is worth."""
        return unit_of(rows.amounts[amount], CURRENCIES[self.currency].minor_per_major)

    def tables(self) -> Iterator[tuple[str, MappedTable]]:
        """Yield every table with the name of its input."""
        yield "users", self.users
        for part in self.ledger:
            yield "ledger", part
        yield from self.inputs.items()

    @property
    def not_mapped(self) -> dict[str, str]:
        """Return the inputs that the mapping neither gives as a whole nor declares as absent, with what is lacking."""
        given: dict[str, frozenset[str]] = {}
        for name, table in self.tables():
            # A column that one part of the ledger lacks is lacking.
            given[name] = given[name] & table.given if name in given else table.given
        lacking = {}
        for section in SECTIONS:
            if section in self.absent or section == "kyc":
                continue
            if section not in given:
                lacking[section] = "the mapping has no such section, and does not declare it as absent"
                continue
            known = {*given[section], *(f"{name}_paisa" for name in given[section])}
            moved = {"amount_paisa"} if section == "ledger" else set()
            declared = {f"{name}{end}" for name in self.absent_columns(section) for end in ("", "_paisa")}
            if left := sorted(needed_of(section) - known - moved - declared):
                names = ", ".join(name.removesuffix("_paisa") for name in left)
                lacking[section] = f"the mapping neither gives nor declares as absent: {names}"
        return lacking

    def absent_columns(self, section: str) -> tuple[str, ...]:
        """Return the columns of an input that the platform does not keep."""
        return tuple(name.partition(".")[2] for name in self.absent if name.startswith(f"{section}."))

    @property
    def in_words(self) -> str:
        """Return the mapping as runs and reports name it."""
        return f"{self.name} (sha256 {self.digest[:12]})"

    def require_decided(self) -> None:
        """Raise InputError when the mapping has open decisions."""
        if self.decide:
            many = "1 decision is" if len(self.decide) == 1 else f"{len(self.decide)} decisions are"
            raise InputError(
                f"platform {self.path}: {many} open, the first: {self.decide[0]}; answer each in the file, then remove "
                "it from `decide`"
            )


def shipped_mappings() -> list[Mapping]:
    """Return the mappings that the package contains, in the order of their names."""
    return [_read(PLATFORM_FILES / f"{name}.toml") for name in _shipped()]


def _shipped() -> list[str]:
    return sorted(file.stem for file in PLATFORM_FILES.glob("*.toml") if not file.stem.endswith(".plan"))


def load_mapping(name_or_file: str) -> Mapping:
    """Return a shipped mapping by its name, or the mapping in a file, whose name ends in `.toml`.

    Raise InputError when there is no such mapping, or when the file is not a valid mapping.
    """
    if not name_or_file.endswith(".toml") and name_or_file not in _shipped():
        raise InputError(
            f"platform {name_or_file}: there is no such mapping; use one of {', '.join(_shipped())}, or a file that "
            "ends in .toml"
        )
    return _read(platform_file(name_or_file))


def mapping_of(settings: Settings) -> Mapping | None:
    """Return the mapping that the settings select; None for the standard platform, which needs none."""
    return None if settings.platform == STANDARD_PLATFORM else load_mapping(settings.platform)


def conventions_of(settings: Settings) -> Conventions:
    """Return the conventions of the platform that the settings select."""
    mapping = mapping_of(settings)
    return STANDARD if mapping is None else mapping.conventions


def refuse_absent(settings: Settings, what: str, *names: str) -> None:
    """Raise InputError when the selected platform does not keep one of these inputs or columns."""
    mapping = mapping_of(settings)
    for name in names:
        if mapping is not None and name in mapping.absent:
            raise InputError(f"{what}: this does not apply to the platform {mapping.name}: {mapping.absent[name]}")


def _read(path: Path) -> Mapping:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"platform {path}: the file cannot be read ({error}); name a readable TOML file") from error
    return _parsed(path, text)


@cache
def _parsed(path: Path, text: str) -> Mapping:
    try:
        file = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"platform {path}: the file is not valid TOML: {error}") from error
    except ValidationError as error:
        raise InputError(_explain(path, text, error)) from error
    head = file.platform
    for number, part in enumerate(file.ledger):
        _check_columns(path, text, "ledger", part, number)
        _check_units(path, text, "ledger", part, head.currency, number)
    for section, table in {"users": file.users, **file.others}.items():
        _check_columns(path, text, section, table)
        _check_units(path, text, section, table, head.currency)
    if file.operate and (found := why_not_operable(file.operate, file.users, file.ledger, file.payout_schedule)):
        key, why = found
        raise InputError(f"platform {path}, line {_line_of(text, key, ('operate',))}, key operate.{key}: {why}")
    if file.operate and head.offsets != IN_UTC:
        key = "utc_offset" if head.time_zone is None else "time_zone"
        line = _line_of(text, key, ("platform",))
        raise InputError(
            f"platform {path}, line {line}, key platform.{key}: the jobs write times in UTC; a platform that stores other times can "
            "only be read, so remove [operate]"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Mapping(
        head.name,
        head.title,
        head.currency,
        file.users,
        file.ledger,
        path,
        digest,
        head.decide,
        file.others,
        file.absent,
        file.conventions,
        file.control_totals,
        head.offsets,
        file.operate,
    )


def _check_columns(path: Path, text: str, section: str, rows: MappedTable, *index: int) -> None:
    if found := rows.why_inconsistent(columns_of(section)):
        key, why = found
        label = ".".join((section, *map(str, index), key))
        raise InputError(f"platform {path}, line {_line_of(text, key, (section, *index))}, key {label}: {why}")


def _check_units(path: Path, text: str, section: str, rows: MappedTable, currency: str, *index: int) -> None:
    units = [("amounts", name, unit) for name, unit in rows.amounts.items()]
    for key, name, unit in [*units, *(("misstated", one.amount, one.meant) for one in rows.misstated)]:
        try:
            unit_of(unit, CURRENCIES[currency].minor_per_major)
        except ValueError as error:
            line = _line_of(text, key, (section, *index))
            label = ".".join((section, *map(str, index), key, name))
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
