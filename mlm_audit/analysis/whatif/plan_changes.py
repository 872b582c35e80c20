"""The terms of the plan that a simulation may change; they are validated like a plan file."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple, TypedDict, get_args

from pydantic import ValidationError

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.plan import Plan, PlanRules, PlanVersion

Compression = Literal["none", "standard", "dynamic"]
Share = int | str | Decimal
"""A percentage with at most two decimals; write 12.5 as "12.5"."""


class PlanChanges(TypedDict, total=False):
    """The terms that can be changed; an omitted term keeps its value in each version of the plan in force."""

    company_percent: Share
    joining_upline_pot_percent: Share
    level_percents: Sequence[Share]
    remainder: Literal["company", "unposted"]
    three_three: Literal["directs_of_directs", "orders_of_directs"]
    three_three_count: int
    monthly_purchase_required_paisa: int
    compression: Compression


MEANING = {
    "company_percent": "the company's share of the commissionable amount, in per cent",
    "joining_upline_pot_percent": "the upline pot of a joining order, in per cent of the rest",
    "level_percents": "the shares of levels 1, 2, …, in per cent of the pot",
    "remainder": "where the remainder goes: 'company' or 'unposted'",
    "three_three": "the interpretation of the 3-3 rule: 'directs_of_directs' or 'orders_of_directs'",
    "three_three_count": "the number of directs, and of directs or orders of each of them, that the rule requires",
    "monthly_purchase_required_paisa": "the purchases required per month, in paisa",
    "compression": (
        "'none', 'standard' (inactive uplines are passed over) or 'dynamic' (for repurchase, uplines who are not eligible are passed "
        "over as well)"
    ),
}
VERSION_TERMS = ("company_percent", "joining_upline_pot_percent", "level_percents", "remainder")
SHARES = VERSION_TERMS[:3]


class ChangedPlan(NamedTuple):
    """A plan under changed terms. `words` are the changed terms and their values; empty when nothing was changed."""

    plan: Plan
    compression: Compression
    words: tuple[tuple[str, str], ...]


def changed_plan(plan: Plan, changes: Mapping[str, Any]) -> ChangedPlan:
    """Return the plan with the changed terms in its rules and in every version.

    Raise InputError for an unknown term, with the list of known terms, and for values that no plan may have.
    """
    if unknown := sorted(set(changes) - set(MEANING)):
        known = "; ".join(f"{key}: {means}" for key, means in MEANING.items())
        raise InputError(f"simulate: {unknown[0]!r} cannot be changed; the terms that can be changed are: {known}")
    compression = changes.get("compression", "none")
    if compression not in get_args(Compression):
        raise InputError(f"simulate: compression {compression!r}: not a compression; choose {MEANING['compression']}")
    version = {key: _shares(key, changes[key]) for key in VERSION_TERMS if key in changes}
    rules = {key: value for key, value in changes.items() if key not in (*VERSION_TERMS, "compression")}
    try:
        made = Plan(
            versions=tuple(_version(one, version) for one in plan.versions),
            rules=PlanRules.model_validate(plan.rules.model_dump() | rules, strict=True),
        )
    except ValidationError as error:
        raise InputError(_explain(error)) from error
    words = tuple((key, _said(value)) for key, value in changes.items() if (key, value) != ("compression", "none"))
    return ChangedPlan(made, compression, words)


def _version(version: PlanVersion, terms: Mapping[str, Any]) -> PlanVersion:
    kept = {
        "company_percent": Decimal(version.company_bps) / 100,
        "joining_upline_pot_percent": Decimal(version.joining_pot_bps) / 100,
        "level_percents": [Decimal(share) / 100 for share in version.level_bps],
    }
    if version.repurchase_bps is not None:
        kept["repurchase_level_percents"] = [Decimal(share) / 100 for share in version.repurchase_bps]
    rest = version.model_dump(exclude={"company_bps", "joining_pot_bps", "level_bps", "repurchase_bps"})
    return PlanVersion.model_validate(rest | kept | dict(terms))


def _shares(key: str, value: Any) -> Any:
    if key not in SHARES:
        return value
    if key == "level_percents":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InputError(f"simulate: level_percents {value!r}: give a list of shares, such as [25, 20, 15]")
        return [_share(key, one) for one in value]
    return _share(key, value)


def _share(key: str, value: Any) -> Decimal:
    if isinstance(value, bool | float):
        raise InputError(f'simulate: {key} {value!r}: give the percentage as a whole number or as text, such as "12.5"')
    try:
        share = Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise InputError(
            f'simulate: {key} {value!r}: not a percentage; give a whole number or text, such as "12.5"'
        ) from error
    if not share.is_finite() or not 0 <= share <= 100 or share != round(share, 2):
        raise InputError(f"simulate: {key} {value}: a share must be from 0 to 100 per cent, with at most two decimals")
    return share


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    means = f"; {key} is {MEANING[key]}" if key in MEANING else ""
    return f"simulate: {' '.join(filter(None, [key, first['msg'].removeprefix('Value error, ')]))}{means}"
