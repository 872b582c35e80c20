"""The type of a column that holds an instant: UTC without a zone, in microseconds.

A stored value that is no instant (a zero date, infinity, text) is read as nothing, with a warning. What has to name such a row reads
the column as it is stored (`mlm_audit.database.core.words.raw`).
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

log = logging.getLogger(__name__)


class _AsStored(sqlite.DATETIME):
    """SQLite keeps instants as text, and whatever else it was given."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Parses what can be parsed, and leaves the rest."""
        parse = super().result_processor(dialect, coltype)
        assert parse is not None

        def read(value: Any) -> Any:
            try:
                return parse(value)
            except (TypeError, ValueError):
                return value

        return read


class Instant(TypeDecorator[datetime]):
    """An instant."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Microseconds on every database."""
        kinds: dict[str, TypeEngine[Any]] = {
            "sqlite": _AsStored(),  # type: ignore[no-untyped-call]
            "mysql": mysql.DATETIME(fsp=6),
            "mariadb": mysql.DATETIME(fsp=6),
        }
        return dialect.type_descriptor(kinds.get(dialect.name, DateTime()))

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant; nothing, and a warning, for what is none."""
        if value is None or isinstance(value, datetime):
            return value
        log.warning(
            "a time that cannot be read is taken for none: %.40s", value if isinstance(value, str) else type(value).__name__
        )
        return None
