"""Times that a platform stores in its own zone are read in UTC, and those that the database converts itself are not moved."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.instants import Instant
from mlm_audit.database.core.mapped_tables import source_of_table
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.mapping import load_mapping
from tests.platforms.test_mapping import SOUND, written

MOMENT, IN_INDIA = (
    datetime.fromisoformat("2026-03-31T20:15:00.123456"),
    datetime.fromisoformat("2026-04-01T01:45:00.123456"),
)
TYPES = {
    "sqlite": ("datetime", "date", None),
    "postgresql": ("timestamp(6)", "date", "timestamptz(6)"),
    "mysql": ("datetime(6)", "date", "timestamp(6) null"),
}


def mapping(column: str, offset: str) -> str:
    text = SOUND.replace('title = "My platform"', f'title = "My platform"\nutc_offset = "{offset}"')
    return text.replace('{ id = "no", wallet_balance', f'{{ id = "no", created_at = "{column}", wallet_balance')


@pytest.mark.parametrize(
    ("offset", "moments"),
    [
        ("+05:30", (MOMENT, datetime.fromisoformat("2026-03-31T18:30"))),
        ("-03:00", (datetime.fromisoformat("2026-04-01T04:45:00.123456"), datetime.fromisoformat("2026-04-01T03:00"))),
        ("+00:00", (IN_INDIA, datetime.fromisoformat("2026-04-01"))),
    ],
)
def test_times_and_days_are_read_in_utc(
    offset: str, moments: tuple[datetime, datetime], any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    backend = sa.make_url(any_url).get_backend_name().replace("mariadb", "mysql")
    local, day, zoned = TYPES[backend]
    owner = opened(any_url)
    with owner.begin() as connection:
        columns = f"local {local}, day {day}" + (f", zoned {zoned}" if zoned else "")
        connection.execute(sa.text(f"create table members (no integer primary key, balance numeric(9, 2), {columns})"))
        names = "no, balance, local, day" + (", zoned" if zoned else "")
        values = f"1, 0, '{IN_INDIA}', '2026-04-01'" + (f", '{MOMENT}'" if zoned else "")
        connection.execute(sa.text(f"insert into members ({names}) values ({values})"))
        connection.execute(
            sa.text(
                f"insert into members ({names}) values ({', '.join(['2', '0'] + ['null'] * (names.count(',') - 1))})"
            )
        )
    expected = {"local": moments[0], "day": moments[1]} | ({"zoned": MOMENT} if zoned else {})
    for column, moment in expected.items():
        mine = load_mapping(written(tmp_path, mapping(column, offset)))
        reader = open_engine(any_url, read_only=True)  # which allows only what is known to read
        source = source_of_table(reader, mine, "users", mine.users)
        created = sa.type_coerce(source.value_of("created_at", source.model["created_at"]), Instant())
        with reader.connect() as connection:
            query = sa.select(created).select_from(source.rows).order_by(sa.column("no"))
            found = connection.execute(query).scalars().all()
        reader.dispose()
        assert [one.replace(tzinfo=None) if one else None for one in found] == [moment, None], column


@pytest.mark.parametrize("offset", ["5:30", "+5:30", "+15:00", "IST", "+05:60"])
def test_offsets_that_are_none(offset: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key platform.utc_offset"):
        load_mapping(written(tmp_path, mapping("local", offset)))


def test_a_platform_in_another_zone_is_only_read(tmp_path: Path) -> None:
    text = mapping("local", "+05:30") + "\n[operate]\nwallet_corrections = true\n"
    with pytest.raises(InputError, match=r"line 4, key platform.utc_offset: the jobs write times in UTC"):
        load_mapping(written(tmp_path, text))
