"""Flags of every type of the databases are read through a mapping: bits, booleans, numbers, enums and words."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.mapped_tables import attach
from mlm_audit.database.reads.snapshot import read_rows
from mlm_audit.platforms.mapping import load_mapping
from tests.platforms.test_mapping import written

WORDS = 'words = { is_active = { "on" = true, "Y" = true, "off" = false, "N" = false } }'
DIGITS = 'words = { is_active = { "1" = true, "0" = false } }'
FLAGS = {
    "sqlite": {
        "boolean": ("boolean", "1", "0", ""),
        "integer": ("integer", "1", "0", ""),
        "letter": ("char(1)", "'Y'", "'N'", WORDS),
        "digit": ("text", "'1'", "'0'", DIGITS),
        "word": ("text", "' ON'", "'Off '", WORDS),
    },
    "postgresql": {
        "boolean": ("boolean", "true", "false", ""),
        "smallint": ("smallint", "1", "0", ""),
        "bit": ("bit(1)", "B'1'", "B'0'", DIGITS),
        "letter": ("char(1)", "'Y'", "'N'", WORDS),
        "enum": ("switched", "'on'", "'off'", WORDS),
        "digit": ("text", "'1'", "'0'", DIGITS),
    },
    "mysql": {
        "bit": ("bit(1)", "b'1'", "b'0'", ""),
        "tinyint": ("tinyint(1)", "1", "0", ""),
        "unsigned": ("int unsigned", "1", "0", ""),
        "letter": ("char(1)", "'Y'", "'N'", WORDS),
        "enum": ("enum('on','off')", "'on'", "'off'", WORDS),
        "digit": ("varchar(5)", "'1'", "'0'", DIGITS),
    },
}


def test_flags_of_every_type(any_url: str, opened: Callable[[str], Engine], tmp_path: Path) -> None:
    backend = sa.make_url(any_url).get_backend_name().replace("mariadb", "mysql")
    owner = opened(any_url)
    for name, flag in FLAGS[backend].items():
        assert read(owner, backend, flag, tmp_path) == [True, False, None], name


def read(owner: Engine, backend: str, flag: tuple[str, str, str, str], tmp_path: Path) -> list[bool | None]:
    """Return the flags of three members, of whom the last one has none."""
    kind, true, false, words = flag
    text = load_mapping("laravel-wallet").path.read_text(encoding="utf-8")
    text = text.replace('created_at = "created_at" }', 'created_at = "created_at", is_active = "flag" }', 1)
    text = text.replace(", is_active = true", "", 1).replace("[[users.left_out]]", f"{words}\n\n[[users.left_out]]", 1)
    moment = "timestamp" if backend != "mysql" else "datetime"
    with owner.begin() as connection:
        for table in ("wallets", "transactions"):
            connection.execute(sa.text(f"drop table if exists {table}"))
        if kind == "switched":
            connection.execute(sa.text("create type switched as enum ('on', 'off')"))
        columns = f"id integer primary key, balance bigint, name varchar(9), created_at {moment}, decimal_places int"
        connection.execute(sa.text(f"create table wallets ({columns}, deleted_at {moment}, flag {kind})"))
        columns = "id integer primary key, wallet_id integer, type varchar(9), amount bigint, uuid varchar(36), confirmed boolean"
        connection.execute(sa.text(f"create table transactions ({columns}, created_at {moment})"))
        for number, value in enumerate((true, false, "null"), start=1):
            values = f"{number}, 0, 'x', '2026-01-01 10:00:00', 2, null, {value}"
            connection.execute(sa.text(f"insert into wallets values ({values})"))
    reader = open_engine(owner.url.render_as_string(hide_password=False), read_only=True)
    attach(reader, load_mapping(written(tmp_path, text)))
    with reader.connect() as connection:
        found = read_rows(connection, "users")
    reader.dispose()
    return found["is_active"].to_list()
