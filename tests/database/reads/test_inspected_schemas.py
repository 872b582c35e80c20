"""Inspection of the other platforms: with at most five edits, its proposal finds what the shipped mapping finds."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.reads.inspection import inspect_platform, proposed
from mlm_audit.demo.faults import ALL_FAULTS
from mlm_audit.demo.faults.injector import inject
from mlm_audit.demo.schemas.catalogue import SCHEMAS, write_as
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.platforms.proposal import mapping_text
from tests.conftest import NOW, clean_platform

DOLLARS = ('currency = "INR"', 'currency = "USD"')
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "laravel-wallet": (
        (', role = "holder_type"', ""),
        ("values = { is_active", 'values = { role = "user", is_active'),
    ),
    "mlm-platform": (
        DOLLARS,
        ('"commission_earned" = "sponsor_commission"', '"commission_earned" = "outside_plan"'),
        (
            "\n[conventions]",
            'words = { status = { paid = "approved" } }\n\n[conventions]\nwithdrawal_debited = "on_request"',
        ),
    ),
    "unilevel-mlm-pro": (
        DOLLARS,
        ("select m.*", "select m.*, u.user_registered"),
        ("from wp_mlm_users as m", "from wp_mlm_users as m left join wp_users as u on u.id = m.user_id"),
        ('sponsor_id = "sponsor_of_member"', 'sponsor_id = "sponsor_of_member", created_at = "user_registered"'),
    ),
    "baobab": (DOLLARS,),
}
"""The edits of a proposal, after the questions in `decide` were answered with what it says itself."""


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
def test_a_proposal_with_few_edits_finds_what_the_shipped_mapping_finds(
    name: str, any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    made = clean_platform().copy()
    inject(made, dict.fromkeys(SCHEMAS[name].faults, 2), ALL_FAULTS, seed=7, exact=True)
    write_as(name, opened(any_url), made)
    reader = open_engine(any_url, read_only=True)
    text = mapping_text("mine", proposed(inspect_platform(reader)))
    reader.dispose()
    text = "\n".join(line for line in text.splitlines() if not line.startswith("decide"))
    assert len(EDITS[name]) <= 5
    for old, new in EDITS[name]:
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    theirs = breaks_of(any_url, name, tmp_path)
    assert theirs.height >= 2 * len(SCHEMAS[name].faults)
    assert breaks_of(any_url, str(file), tmp_path).equals(theirs)


def breaks_of(url: str, platform: str, place: Path) -> pl.DataFrame:
    settings = Settings(database_url=SecretStr(url), platform=platform, runs_dir=place / "runs", seal_after_days=366)
    database = open_platform(settings)
    try:
        found = reconcile(database, settings, lambda: NOW, dry_run=True)
    finally:
        database.dispose()
    assert all(one.startswith("the mapping") for one in found.result.not_checked), found.result.not_checked
    return found.breaks.sort("id").select("id", "severity", "member_id", "amount_paisa", "cause")
