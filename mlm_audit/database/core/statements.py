"""SQL texts from `sql/` for statements that run in every batch: readable by an auditor, the same on every database.

A text contains "names" in double quotes, folded(column) for a word as it is compared (`mlm_audit.database.core.words`),
:values, :ids for a list, and {words} that differ between databases. A statement is rendered once per database and list
length, and then passed to the driver unchanged. SQLAlchemy's processing of each call cost as much as the database
itself (docs/decisions/0009).
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult

from mlm_audit.database.core.platform_engines import texts_of, unwritable
from mlm_audit.database.dialects.dialect import Dialect
from mlm_audit.database.dialects.lookup import dialect_of
from mlm_audit.domain.errors import InputError

FOLDER = Path(__file__).parents[1] / "sql"

_FOLDED = re.compile(r"\bfolded\(([\w.\"]+)\)")
_READ_FROM = re.compile(r"\b(from|join) [\"`]?(\w+)[\"`]?(?: as (\w+))?", re.IGNORECASE)
_WRITTEN = re.compile(r"^\s*(?:insert into|update|delete from) [\"`]?(\w+)", re.IGNORECASE)
_VALUE = re.compile(r"(?<!:):([a-z_]+)\b")


class Statement:
    """One file of SQL, with other replacements for some of its {words}.

    Call it to execute it: `statement(connection, ids=[…], now=…)`.
    """

    def __init__(self, name: str, **words: str) -> None:
        text = _without_comments((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
        for word, meaning in words.items():
            text = text.replace("{" + word + "}", meaning)
        self.text = text

    def __call__(self, connection: Connection, *, ids: Sequence[int] = (), **values: Any) -> CursorResult[Any]:
        """Execute the statement in the connection's transaction."""
        dialect = dialect_of(connection)
        sql, names = rendered(self.text, dialect, len(ids))
        parameters: list[Any] = []
        for name in names:
            if name == "ids":
                parameters += dialect.list_values(ids)
            else:
                parameters.append(dialect.value(values[name]))
        return connection.exec_driver_sql(_with_mapped(sql, connection), tuple(parameters))


def _with_mapped(sql: str, connection: Connection) -> str:
    """Return a statement in which the tables of a mapped platform are the queries of its mapping."""
    texts = texts_of(connection.dialect)
    if not texts:
        return sql
    if (written := _WRITTEN.match(sql)) and written[1] in texts:
        raise InputError(unwritable(written[1]))
    quote = connection.dialect.identifier_preparer.quote

    def as_query(found: re.Match[str]) -> str:
        name, alias = found[2], found[3]
        return f"{found[1]} ({texts[name]}) as {alias or quote(name)}" if name in texts else found[0]

    return _READ_FROM.sub(as_query, sql)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()


@cache
def rendered(text: str, dialect: Dialect, length: int) -> tuple[str, tuple[str, ...]]:
    """Return the text for a driver, and the names of its values in order."""
    mark, length = dialect.placeholder, len(dialect.list_values(range(length)))
    text = text.replace(Dialect.list_condition, dialect.list_condition)
    names = tuple(_VALUE.findall(text))
    if "%" in mark:
        text = text.replace("%", "%%")
    text = _FOLDED.sub(lambda match: dialect.folded.format(match[1]), text)
    marks = {name: (", ".join([mark] * length) if name == "ids" else mark) for name in set(names)}
    text = _VALUE.sub(lambda match: marks[match[1]], text)
    for word, meaning in dialect.words.items():
        text = text.replace("{" + word + "}", meaning)
    return dialect.quoted(text), names
