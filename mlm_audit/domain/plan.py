"""The compensation plan as data: versions by effective date, read from a TOML file and validated."""

import hashlib
import re
import tomllib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import BASIS_POINTS
from mlm_audit.domain.periods import local_instant

DEFAULT_PLAN = Path(__file__).with_name("default_plan.toml")


def _to_basis_points(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a share must be a number in per cent, such as 12.5")  # noqa: TRY004  (pydantic reports ValueError)
    bps = Decimal(value) * 100
    if bps != bps.to_integral_value():
        raise ValueError("a share may have at most two decimals")
    return int(bps)


Percent = Annotated[int, BeforeValidator(_to_basis_points), Field(ge=0, le=BASIS_POINTS)]
"""Written as a percentage in the file, stored as basis points."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PlanVersion(_Strict):
    """One version of the plan. Shares are basis points; `effective_from` and `effective_until` are business days."""

    name: str = Field(min_length=1)
    effective_from: date
    effective_until: date | None = None
    rounding: Literal["floor"] = "floor"
    company_bps: Percent = Field(alias="company_percent")
    joining_pot_bps: Percent = Field(alias="joining_upline_pot_percent")
    level_bps: tuple[Percent, ...] = Field(alias="level_percents", min_length=1, max_length=20)
    repurchase_bps: tuple[Percent, ...] | None = Field(
        alias="repurchase_level_percents", default=None, min_length=1, max_length=20
    )
    instalments: int = Field(alias="self_income_instalments", default=4, ge=1, le=52)
    instalment_interval_days: int = Field(alias="self_income_interval_days", default=7, ge=1, le=366)
    remainder: Literal["company", "unposted"] = "company"

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for key, shares in (("level_percents", self.level_bps), ("repurchase_level_percents", self.repurchase_shares)):
            if (total := sum(shares)) > BASIS_POINTS:
                raise ValueError(f"{key}: the shares sum to {Decimal(total) / 100} %, more than 100 %")
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise ValueError("effective_until: it must be later than effective_from (the end is exclusive)")
        return self

    @property
    def repurchase_shares(self) -> tuple[int, ...]:
        """Return the shares of the levels of a repurchase: those of a joining order unless the version has others."""
        return self.level_bps if self.repurchase_bps is None else self.repurchase_bps

    def shares_of(self, *, is_joining: bool) -> tuple[int, ...]:
        """Return the shares of the levels of an order."""
        return self.level_bps if is_joining else self.repurchase_shares


class PlanRules(_Strict):
    """Rules that apply to every version."""

    three_three: Literal["directs_of_directs", "orders_of_directs"] = "directs_of_directs"
    three_three_count: int = Field(default=3, ge=1)
    monthly_purchase_required_paisa: int = Field(default=50_000, ge=0)
    placement: Literal["company", "sponsor"] = "company"
    active_from: Literal["first_paid_order", "registration"] = "first_paid_order"
    placed_from: Literal["first_paid_order", "registration"] = "registration"


class Plan(_Strict):
    """The whole plan. `versions` are in ascending order by date, without gaps unless the file specifies them."""

    versions: tuple[PlanVersion, ...] = Field(alias="version", min_length=1)
    rules: PlanRules = PlanRules()

    @model_validator(mode="after")
    def _dates_do_not_overlap(self) -> Self:
        names = [version.name for version in self.versions]
        if len(set(names)) < len(names):
            raise ValueError("version: two versions have the same name; give each version a unique name")
        for earlier, later in zip(self.versions, self.versions[1:], strict=False):
            until = earlier.effective_until
            if later.effective_from <= earlier.effective_from or (until and later.effective_from < until):
                raise ValueError(
                    f"version: the dates of {earlier.name!r} and {later.name!r} overlap; "
                    "list the versions in order of effective_from, each starting when or after the previous one ends"
                )
        return self

    @property
    def max_levels(self) -> int:
        """Return the deepest level that any version pays."""
        return max(len(version.shares_of(is_joining=kind)) for version in self.versions for kind in (True, False))

    def periods(self, tz: ZoneInfo) -> list[tuple[PlanVersion, datetime, datetime | None]]:
        """Return each version with the UTC period in which it is in force, half-open. The last may have no end."""
        ends = [version.effective_from for version in self.versions[1:]] + [None]
        return [
            (version, local_instant(version.effective_from, tz), _end(version.effective_until or end, tz))
            for version, end in zip(self.versions, ends, strict=True)
        ]

    def version_at(self, instant: datetime, tz: ZoneInfo) -> PlanVersion | None:
        """Return the version in force at an instant; None when there is none."""
        for version, start, end in self.periods(tz):
            if start <= instant and (end is None or instant < end):
                return version
        return None


def _end(day: date | None, tz: ZoneInfo) -> datetime | None:
    return None if day is None else local_instant(day, tz)


@cache
def load_plan(path: Path = DEFAULT_PLAN) -> Plan:
    """Read and validate a plan file. Raise InputError with the file, the line and the key when it is invalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"plan {path}: the file cannot be read ({error}); set PLAN_FILE to a readable TOML file"
        ) from error
    try:
        data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"plan {path}: the file is not valid TOML: {error}") from error
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        raise InputError(_explain(path, text, error)) from error


def plan_name(path: Path, plan: Plan) -> str:
    """Describe a plan for reports: its file, its versions and the digest of its text."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{path.name} ({', '.join(version.name for version in plan.versions)}; sha256 {digest})"


def _explain(path: Path, text: str, error: ValidationError) -> str:
    first = error.errors()[0]
    location = first["loc"]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key; correct its spelling or remove it"
    if first["type"] == "missing":
        message = "the key is missing; add it"
    # The message of a rule about a whole version starts with the key that it concerns.
    named = [part for part in location if isinstance(part, str)]
    key = message.split(":")[0] if named in ([], ["version"]) else named[-1]
    index = next((part for part in location if isinstance(part, int)), None)
    label = ".".join(str(part) for part in location) or key
    return f"plan {path}, line {_line_of(text, key, index)}, key {label}: {message}"


def _line_of(text: str, key: str, version_index: int | None) -> int:
    """Return the line of a key, within the version of that index if one is given; else the version's line, else 1."""
    seen, best = -1, 1
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*\[\[\s*version\s*\]\]", line):
            seen += 1
            best = number if version_index in (None, seen) else best
        inside = version_index is None or seen == version_index
        if inside and re.match(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\].]", line):
            return number
    return best
