"""A small shop under another schema, with a mapping that allows the jobs to write."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.cli.app import main
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.upgrade import init
from mlm_audit.domain.settings import Settings
from tests.support.other_platforms import Schema, build, frames_of
from tests.support.shop_fixtures import fill_shop


def build_mapped_shop(url: str, schema: Schema, place: Path, members: int = 13) -> Settings:
    """Build the shop in an empty database, create the toolkit's tables, prove the mapping, and return the settings."""
    place.mkdir(parents=True, exist_ok=True)
    known = open_engine(f"sqlite:///{place / 'known.db'}", create=True)
    fill_shop(known, members)
    frames = frames_of(known, place / "known")
    known.dispose()
    empty = open_engine(url, create=True)
    file = place / "mapping.toml"
    file.write_text(build(empty, frames, schema) + operate_of(schema), encoding="utf-8")
    empty.dispose()
    settings = Settings(
        database_url=SecretStr(url),
        platform=str(file),
        platform_writes=True,
        runs_dir=place / "runs",
        snapshots_dir=place / "snapshots",
        seal_after_days=366,
    )
    database = open_platform(settings)
    init(database)
    database.dispose()
    return settings


def prove(settings: Settings) -> None:
    """Prove the mapping with the command, under the folders of the settings."""
    assert settings.database_url is not None
    with pytest.raises(SystemExit) as ended:
        main(["platform", "check", settings.platform, "--db", settings.database_url.get_secret_value()])
    assert ended.value.code == 0


def operate_of(schema: Schema) -> str:
    """Return the section that allows payouts and corrections."""
    source = schema.column("source")
    return "\n".join(
        [
            "[operate]",
            "wallet_corrections = true",
            "[operate.payouts]",
            f'paid = "{schema.word("paid")}"',
            f'kind = "{schema.word("self_payout")}"',
            'ref = "SELF_PAYOUT_{schedule_id}"',
            f'values = {{ {source} = "from {{schedule_id}}/" }}',
            "",
        ]
    )


def facts(engine: Engine, place: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what payouts and corrections change, as the toolkit reads it: the same under every schema."""
    frames = frames_of(engine, place)
    wanted = {
        "users": ("id", "wallet_balance_paisa"),
        "payout_schedule": ("id", "status", "amount_paisa", "processed_at", "actual_amount_paisa"),
        "ledger": ("user_id", "type", "amount_paisa", "reference_id", "ref", "balance_after_paisa", "created_at"),
        "payout_history": ("user_id", "type", "status", "amount_paisa", "schedule_id"),
    }
    return {name: sorted(frames[name].select(columns).rows(), key=str) for name, columns in wanted.items()}


def platform_tables(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the platform's own tables, as the database has them."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            names = [
                name
                for name in sa.inspect(connection).get_table_names()
                if name.startswith(("TBL_", "mlm ")) and name != "mlm_audit_version"
            ]
            quote = connection.dialect.identifier_preparer.quote
            return {
                name: sorted(
                    (tuple(row) for row in connection.exec_driver_sql(f"select * from {quote(name)}")), key=str
                )
                for name in names
            }
    finally:
        engine.dispose()
