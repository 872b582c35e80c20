"""The parameters of the checks: the plan, the rules and limits of the settings, and the known words."""

from datetime import UTC, datetime, timedelta

import polars as pl

from mlm_audit.checks.inputs import COMPANY_TYPES, LEVEL_TYPES
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.settings import Settings
from mlm_audit.domain.words import LEDGER_TYPES, ORDER_STATES, WORDS

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
        {"version_no": number, "level": level, "share_bps": share}
        for number, (version, _, _) in enumerate(periods)
        for level, share in enumerate(version.level_bps, start=1)
    ]
    rules = {
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
    owners = [(kind, kind in COMPANY_TYPES, kind in LEVEL_TYPES) for kind in LEDGER_TYPES]
    known = [(*where, word) for where, words in WORDS.items() for word in words]
    return {
        "plan_versions": pl.DataFrame(versions, schema_overrides={"ends_at": pl.Datetime("us")}),
        "plan_levels": pl.DataFrame(levels),
        "instalment_numbers": pl.DataFrame({"number": range(1, 53)}),
        "rules": pl.DataFrame([rules], schema_overrides=dict.fromkeys(moments, pl.Datetime("us"))),
        "ledger_types": pl.DataFrame(owners, schema=["type", "is_company", "has_level"], orient="row"),
        "order_states": pl.DataFrame(list(ORDER_STATES.items()), schema=["status", "stands"], orient="row"),
        "known_words": pl.DataFrame(known, schema=["input", "column_name", "word"], orient="row"),
    }


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
