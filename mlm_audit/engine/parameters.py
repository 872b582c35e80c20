"""The parameters of the checks: the plan, the rules and limits of the settings, and the known words."""

from datetime import UTC, datetime, timedelta
from itertools import zip_longest

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import COMPANY_TYPES, INPUTS, LEVEL_TYPES
from mlm_audit.domain.periods import local_instant
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.domain.words import LEDGER_TYPES, ORDER_STATES, WORDS
from mlm_audit.platforms.mapping import conventions_of, mapping_of
from mlm_audit.platforms.sections import OUTSIDE

SHARES = {
    "exact": "(amount * bps // 10000)",
    "binary_floor": "floor(amount::DOUBLE * (bps::DOUBLE / 10000::DOUBLE))::BIGINT",
}
"""Arithmetic of a platform → a share of `bps` basis points of an amount, rounded down."""
MISSTATED = ("input", "column_name", "stored_in", "place", "why")
CLOCK_TOLERANCE = timedelta(hours=1)
"""How far two clocks may differ before a date counts as being in the future, or before what it follows from."""


def parameters(plan: Plan, settings: Settings, read_at: datetime | None) -> dict[str, pl.DataFrame]:
    """Return the small tables that every query may read, by name.

    `rules` has a single row. Instants are UTC without a zone.
    """
    periods = plan.periods(settings.tz)
    versions = [
        {
            "version_no": number,
            "name": version.name,
            "starts_at": start.replace(tzinfo=None),
            "ends_at": end.replace(tzinfo=None) if end else None,
            "company_bps": version.company_bps,
            "joining_pot_bps": version.joining_pot_bps,
            "instalments": version.instalments,
            "interval_days": version.instalment_interval_days,
            "posts_remainder": version.remainder == "company",
        }
        for number, (version, start, end) in enumerate(periods)
    ]
    levels = [
        {"version_no": number, "level": level, "share_bps": joining, "repurchase_bps": repurchase}
        for number, (version, _, _) in enumerate(periods)
        for level, (joining, repurchase) in enumerate(
            zip_longest(version.level_bps, version.repurchase_shares, fillvalue=0), start=1
        )
    ]
    mapping, conventions = mapping_of(settings), conventions_of(settings)
    absent = {} if mapping is None else mapping.absent
    if conventions.three_three_applies == "per_order" and plan.rules.three_three != "directs_of_directs":
        raise InputError(
            f"plan {settings.plan_path}: the rule three_three = {plan.rules.three_three!r} cannot be applied per order, as "
            f"the platform {settings.platform} declares; use directs_of_directs"
        )
    since = conventions.commission_records_from
    rules = {
        "is_credited_at_once": conventions.repurchase_credited == "at_once",
        "is_debited_on_request": conventions.withdrawal_debited == "on_request",
        "is_hundredth_debited": conventions.withdrawal_debit == "hundredth",
        "three_three_per_order": conventions.three_three_applies == "per_order",
        "payouts_need_kyc": conventions.payout_gate == "kyc",
        "has_own_keys": conventions.ledger_keys == "toolkit",
        "records_from": None if since is None else local_instant(since, settings.tz).replace(tzinfo=None),
        "active_from": plan.rules.active_from,
        "critical_wallet_paisa": settings.critical_wallet_paisa,
        "correction_max_paisa": settings.correction_max_paisa,
        "payout_retries": settings.payout_retries,
        "unsupported_critical_paisa": settings.unsupported_critical_paisa,
        "monthly_purchase_required_paisa": plan.rules.monthly_purchase_required_paisa,
        "three_three": plan.rules.three_three,
        "three_three_count": plan.rules.three_three_count,
        **(moments := moments_of(read_at, settings)),
    }
    others = {kind.role for part in (() if mapping is None else mapping.ledger) for kind in part.kinds.values()}
    outside = [OUTSIDE] if OUTSIDE in others else []
    owners = [(kind, kind in COMPANY_TYPES, kind in LEVEL_TYPES) for kind in (*LEDGER_TYPES, *outside)]
    known = [(*where, word) for where, words in WORDS.items() for word in words]
    known += [("ledger", "type", word) for word in outside]
    misstated = [
        (section, one.amount, table.name, f"{table.name}.{table.columns[one.amount]}", one.why)
        for section, table in (() if mapping is None else mapping.tables())
        for one in table.misstated
    ]
    return {
        "misstated_amounts": pl.DataFrame(misstated, schema=dict.fromkeys(MISSTATED, pl.String), orient="row"),
        "kept_columns": pl.DataFrame(
            {
                f"{name}_{column}": [f"{name}.{column.removesuffix('_paisa')}" not in absent]
                for name, spec in INPUTS.items()
                for column in spec.columns
            }
        ),
        "plan_versions": pl.DataFrame(versions, schema_overrides={"ends_at": pl.Datetime("us")}),
        "plan_levels": pl.DataFrame(levels),
        "instalment_numbers": pl.DataFrame({"number": range(1, 53)}),
        "rules": pl.DataFrame([rules], schema_overrides=dict.fromkeys((*moments, "records_from"), pl.Datetime("us"))),
        "ledger_types": pl.DataFrame(owners, schema=["type", "is_company", "has_level"], orient="row"),
        "order_states": pl.DataFrame(list(ORDER_STATES.items()), schema=["status", "stands"], orient="row"),
        "known_words": pl.DataFrame(known, schema=["input", "column_name", "word"], orient="row"),
    }


def share_of(settings: Settings) -> str:
    """Return the expression with which the platform computes a share. The queries call it `share_of(amount, bps)`."""
    return SHARES[conventions_of(settings).arithmetic]


def moments_of(read_at: datetime | None, settings: Settings) -> dict[str, datetime | None]:
    """Return the instants before which open items are overdue, and the one after which a date lies in the future.

    Instants are UTC without a zone, and None without `read_at`.
    """
    overdue, hold = timedelta(days=settings.payout_overdue_days), timedelta(days=settings.hold_days)
    offsets = {
        "read_at": timedelta(0),
        "overdue_before": -overdue,
        "held_before": -hold,
        "held_too_long_before": -overdue - hold,
        "sweep_overdue_before": -timedelta(days=settings.sweep_overdue_days),
        "future_after": CLOCK_TOLERANCE,
    }
    now = read_at.astimezone(UTC).replace(tzinfo=None) if read_at else None
    return {name: now + offset if now else None for name, offset in offsets.items()}
