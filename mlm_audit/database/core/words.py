"""Words in SQL, compared as `mlm_audit.domain.words.fold` does, regardless of the column's type, length or collation.

A column may be text, CHAR(n), or a native enum. `folded(column)` is text on all three databases and compares byte by
byte.
"""

from typing import Any

from sqlalchemy import String, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

_MYSQL = (
    "lower(trim(replace(replace(replace(convert({0} using utf8mb4), char(9 using utf8mb4), ' '), "
    "char(10 using utf8mb4), ' '), char(13 using utf8mb4), ' '))) collate utf8mb4_bin"
)
FOLDED = {
    "sqlite": "lower(trim({0}, ' ' || char(9) || char(10) || char(13)))",
    "postgresql": "lower(btrim(cast({0} as text), ' ' || chr(9) || chr(10) || chr(13)))",
    "mysql": f"({_MYSQL})",
    "mariadb": f"({_MYSQL})",
}
"""Dialect → the expression that folds a column {0}."""


class folded(FunctionElement[str]):  # noqa: N801  (a function of SQL)
    """A word in the form in which words are compared."""

    type = String()
    inherit_cache = True


@compiles(folded)
def _compile_folded(element: Any, compiler: Any, **options: Any) -> str:
    [column] = element.clauses
    return FOLDED[compiler.dialect.name].format(compiler.process(column, **options))


class _Uncast(UserDefinedType[str]):
    """A text type without a `::VARCHAR` cast, which PostgreSQL accepts for any column type, including a native enum."""

    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type in a `create table`."""
        return f"VARCHAR({self.length})"


class Word(TypeDecorator[str]):
    """The type of a column that holds a word."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a text type. On PostgreSQL, values that are written or compared are not cast."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        return dialect.type_descriptor(_Uncast(length) if dialect.name == "postgresql" else String(length))


def raw(column: Any) -> Any:
    """Return a column as the driver returns it, without SQLAlchemy's parsing."""
    return type_coerce(column, String)
