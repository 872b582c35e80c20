"""Types of columns that every database has, and the form of the rows of a platform."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from mlm_audit.database.core.instants import Instant
from mlm_audit.database.core.tables import BigKey
from mlm_audit.database.dialects.lookup import dialect_of

KEY = BigKey()
MOMENT = Instant()
Rows = dict[sa.Table, list[dict[str, Any]]]
"""The rows of each table under the platform's names."""


class UuidText(TypeDecorator[str]):
    """The type of a column of UUIDs, which are texts in Python."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the database's own type, or a text where it has none."""
        return dialect.type_descriptor(dialect_of(dialect).uuid_type())


UUID = UuidText()
