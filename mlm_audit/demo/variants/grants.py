"""Variants with adjustments and bonuses, each with the record of who approved it."""

from datetime import timedelta
from typing import Any

import polars as pl

from mlm_audit.demo.platform import Platform
from mlm_audit.demo.variants.variant import Variant

APPROVER = "finance@example.invalid"


def grant(platform: Platform, entry: dict[str, Any], reason: str) -> None:
    """Post an adjustment or a bonus at the end of the ledger, with its authorisation.

    `entry` has user_id, type, amount_paisa and ref.
    """
    at = platform.end.replace(tzinfo=None) - timedelta(minutes=30)
    platform.append("ledger", [{"created_at": at} | entry])
    approval = {"kind": entry["type"], "user_id": entry["user_id"], "amount_paisa": entry["amount_paisa"]}
    approval |= {
        "reference": entry["ref"],
        "approved_by": APPROVER,
        "approved_at": at - timedelta(hours=1),
        "reason": reason,
    }
    platform.append("authorisations", [approval])
    platform.settle([entry["user_id"]])


def _members(platform: Platform, least_paisa: int = 0) -> list[int]:
    """Return the active members with at least `least_paisa` in their wallets."""
    users = platform["users"].filter(
        pl.col("is_active"), ~pl.col("is_blocked"), pl.col("wallet_balance_paisa") >= least_paisa
    )
    return [int(member) for member in users["id"]]


def _goodwill(platform: Platform) -> None:
    for number, member in enumerate(_members(platform, 5_000)[:10]):
        sign = -1 if number % 2 else 1
        entry = {
            "user_id": member,
            "type": "adjustment",
            "amount_paisa": sign * (1_000 + number),
            "ref": f"ADJUSTMENT_{number}",
        }
        grant(platform, entry, "goodwill" if sign > 0 else "recovered, as agreed with the member")


def _two_bonuses(platform: Platform) -> None:
    for member in _members(platform)[:5]:
        for number in (1, 2):
            entry = {"user_id": member, "type": "bonus", "amount_paisa": 25_000, "reference_id": 7}
            grant(platform, entry | {"ref": f"BONUS_7_{member}_{number}"}, "festival campaign, drawn twice")


def _bonus_records(platform: Platform) -> None:
    for member in _members(platform)[:5]:
        for number in (1, 2):
            grant(
                platform,
                {"user_id": member, "type": "bonus", "amount_paisa": 10_000, "ref": f"BONUS_{member}_{number}"},
                "monthly bonus",
            )
            at = platform.end.replace(tzinfo=None) - timedelta(minutes=30)
            record = {"user_id": member, "amount_paisa": 10_000, "type": "bonus", "status": "released"}
            platform.append("commissions", [record | {"processed_at": at, "created_at": at}])


GRANTS = (
    Variant("goodwill", "adjustments in both directions, each authorised", change_books=_goodwill),
    Variant("two-bonuses", "two bonuses with the same campaign and amount for one member", change_books=_two_bonuses),
    Variant(
        "bonus-records",
        "bonuses with commission records, two with the same amount for one member",
        change_books=_bonus_records,
    ),
)
