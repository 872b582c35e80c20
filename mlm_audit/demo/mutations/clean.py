"""The clean platforms of the mutation scorecard: a demonstration platform with authorised adjustments and bonuses."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from mlm_audit.demo.books import build_platform
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings

GRANTS = 12


def clean_platform(members: int, seed: int) -> Platform:
    """Build a platform that has every kind of row and reconciles to zero breaks."""
    platform = build_platform(DemoSpec(members=members, seed=seed), load_plan(), Settings(database_url=None).tz)
    add_grants(platform, np.random.default_rng([seed, 6]), GRANTS)
    return platform


def add_grants(platform: Platform, rng: np.random.Generator, count: int) -> None:
    """Add adjustments and bonuses for random active members, each authorised. Every second bonus has a record too."""
    active = platform["users"].filter(pl.col("is_active"), ~pl.col("is_blocked"))["id"].to_numpy()
    chosen = [int(member) for member in rng.choice(active, min(2 * count, len(active)), replace=False)]
    at = platform.end.replace(tzinfo=None) - timedelta(days=2)
    for number, member in enumerate(chosen, start=1):
        kind = "adjustment" if number % 2 else "bonus"
        amount = int(rng.integers(100, 50_000))
        ref = f"{kind.upper()}_{number}"
        moment = at + timedelta(minutes=number)
        row = {"user_id": member, "type": kind, "amount_paisa": amount, "ref": ref, "created_at": moment}
        platform.append("ledger", [row])
        approval: dict[str, Any] = {"kind": kind, "user_id": member, "amount_paisa": amount, "reference": ref}
        approval |= {
            "approved_by": "finance@example.invalid",
            "approved_at": moment - timedelta(hours=3),
            "reason": "goodwill",
        }
        platform.append("authorisations", [approval])
        if number % 4 == 0:
            record = {"user_id": member, "amount_paisa": amount, "type": "bonus", "status": "released"}
            platform.append("commissions", [record | {"processed_at": moment, "created_at": moment}])
    platform.settle(chosen)
