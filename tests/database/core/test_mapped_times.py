"""Times that a platform stores in its own zone are read in UTC, and those that the database converts itself are not moved."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.instants import Instant
from mlm_audit.database.core.mapped_tables import source_of_table
from mlm_audit.domain.errors import InputError
from mlm_audit.platforms.mapping import load_mapping
from mlm_audit.platforms.zones import offsets_of
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


BERLIN = {
    "2026-01-15 12:00:00": "2026-01-15 11:00:00",
    "2026-03-29 01:59:59": "2026-03-29 00:59:59",
    "2026-03-29 02:30:00": "2026-03-29 01:30:00",
    "2026-03-29 03:00:00": "2026-03-29 01:00:00",
    "2026-07-01 00:30:00": "2026-06-30 22:30:00",
    "2026-10-25 02:59:59": "2026-10-25 00:59:59",
    "2026-10-25 03:00:00": "2026-10-25 02:00:00",
    "1995-07-01 10:00:00": "1995-07-01 08:00:00",
    "2059-07-01 10:00:00": "2059-07-01 08:00:00",
}
"""Times in Berlin, and in UTC. The hour that does not exist is read as if the clocks had not changed yet."""


@pytest.mark.parametrize("mark", [" ", "T"])
def test_times_of_a_zone_whose_clocks_change(
    mark: str, any_url: str, opened: Callable[[str], Engine], tmp_path: Path
) -> None:
    backend = sa.make_url(any_url).get_backend_name().replace("mariadb", "mysql")
    owner = opened(any_url)
    with owner.begin() as connection:
        local = TYPES[backend][0]
        connection.execute(sa.text(f"create table members (no integer primary key, balance int, local {local})"))
        rows = [{"no": n, "local": text.replace(" ", mark)} for n, text in enumerate(BERLIN)]
        connection.execute(sa.text("insert into members values (:no, 0, :local)"), rows)
        connection.execute(sa.text("insert into members values (99, 0, null)"))
    text = mapping("local", "+00:00").replace('utc_offset = "+00:00"', 'time_zone = "Europe/Berlin"')
    mine = load_mapping(written(tmp_path, text))
    reader = open_engine(any_url, read_only=True)
    source = source_of_table(reader, mine, "users", mine.users)
    created = sa.type_coerce(source.value_of("created_at", source.model["created_at"]), Instant())
    with reader.connect() as connection:
        found = (
            connection.execute(sa.select(created).select_from(source.rows).order_by(sa.column("no"))).scalars().all()
        )
    reader.dispose()
    assert found == [*map(datetime.fromisoformat, BERLIN.values()), None]


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Caracas"]),
    st.datetimes(min_value=datetime.fromisoformat("1990-01-02"), max_value=datetime.fromisoformat("2060-12-30")),
)
def test_offsets_are_those_of_the_zone(zone: str, local: datetime) -> None:
    mine = [one.minutes for one in offsets_of(zone) if one.since is None or one.since <= local][-1]
    offset = local.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert mine == offset // timedelta(minutes=1)


def test_zones_that_are_none(tmp_path: Path) -> None:
    text = mapping("local", "+05:30")
    with pytest.raises(InputError, match="time_zone: give either time_zone or utc_offset"):
        load_mapping(written(tmp_path, text.replace("utc_offset", 'time_zone = "Asia/Kolkata"\nutc_offset')))
    with pytest.raises(InputError, match="time_zone: 'Europe/Nowhere' is not a zone"):
        load_mapping(written(tmp_path, text.replace('utc_offset = "+05:30"', 'time_zone = "Europe/Nowhere"')))


@pytest.mark.parametrize("offset", ["5:30", "+5:30", "+15:00", "IST", "+05:60"])
def test_offsets_that_are_none(offset: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key platform.utc_offset"):
        load_mapping(written(tmp_path, mapping("local", offset)))


def test_a_platform_in_another_zone_is_only_read(tmp_path: Path) -> None:
    text = mapping("local", "+05:30") + "\n[operate]\nwallet_corrections = true\n"
    with pytest.raises(InputError, match=r"line 4, key platform.utc_offset: the jobs write times in UTC"):
        load_mapping(written(tmp_path, text))
    with pytest.raises(InputError, match=r"line 4, key platform.time_zone: the jobs write times in UTC"):
        load_mapping(written(tmp_path, text.replace('utc_offset = "+05:30"', 'time_zone = "Europe/Berlin"')))
