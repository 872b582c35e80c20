"""The type of a column that holds an instant: UTC without a zone, in microseconds.

A stored value that is not an instant (a zero date, infinity, text) is read as None, with a warning. Code that must name
such a row reads the column as it is stored (`mlm_audit.database.core.words.raw`).
"""

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from mlm_audit.database.dialects.lookup import dialect_of

log = logging.getLogger(__name__)


class Instant(TypeDecorator[datetime]):
    """The type of a column that holds an instant."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a type with microseconds for the database."""
        return dialect.type_descriptor(dialect_of(dialect).instant_type())

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant. Log a warning and return None for a value that is not one."""
        if value is None or isinstance(value, datetime):
            return value
        log.warning(
            "a stored time cannot be read and is treated as empty: %.40s",
            value if isinstance(value, str) else type(value).__name__,
        )
        return None
