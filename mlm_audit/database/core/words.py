"""Words in SQL, compared as `mlm_audit.domain.words.fold` does, regardless of the column's type, length or collation.

A column may be text, CHAR(n), or a native enum. `folded(column)` is text on every database and compares byte by byte.
"""

from typing import Any

from sqlalchemy import String, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from mlm_audit.database.dialects.lookup import dialect_of


class folded(FunctionElement[str]):  # noqa: N801  (a function of SQL)
    """A word in the form in which words are compared."""

    type = String()
    inherit_cache = True


@compiles(folded)
def _compile_folded(element: Any, compiler: Any, **options: Any) -> str:
    [column] = element.clauses
    return dialect_of(compiler).folded.format(compiler.process(column, **options))


class Word(TypeDecorator[str]):
    """The type of a column that holds a word."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the text type of the database."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        return dialect.type_descriptor(dialect_of(dialect).word_type(length))


def raw(column: Any) -> Any:
    """Return a column as the driver returns it, without SQLAlchemy's parsing."""
    return type_coerce(column, String)
