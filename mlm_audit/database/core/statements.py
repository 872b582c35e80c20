"""SQL texts from `sql/` for statements that run in every batch: readable by an auditor, the same on three databases.

A text contains "names" in double quotes, folded(column) for a word as it is compared (`mlm_audit.database.core.words`),
:values, :ids for a list, and {words} that differ between databases. A statement is rendered once per database and list
length, and then passed to the driver unchanged. SQLAlchemy's processing of each call cost as much as the database
itself (docs/decisions/0009).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, CursorResult

from mlm_audit.database.core.words import FOLDED

FOLDER = Path(__file__).parents[1] / "sql"

WORDS: dict[str, dict[str, str]] = {
    "sqlite": {"for_update": "", "skip_locked": "", "json_object": "json_object", "integer": "integer"},
    "postgresql": {
        "for_update": "for update",
        "skip_locked": "skip locked",
        "json_object": "json_build_object",
        "integer": "bigint",
    },
    "mysql": {"for_update": "for update", "skip_locked": "skip locked", "json_object": "json_object", "integer": "signed"},
    "mariadb": {"for_update": "for update", "skip_locked": "skip locked", "json_object": "json_object", "integer": "signed"},
}
_FOLDED = re.compile(r"\bfolded\(([\w.\"]+)\)")
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
        dialect = connection.dialect.name
        sql, names = rendered(self.text, dialect, len(ids))
        if dialect == "sqlite":
            values = {name: _moment(value) for name, value in values.items()}
        parameters: list[Any] = []
        for name in names:
            if name == "ids":
                parameters += [list(ids)] if dialect == "postgresql" else ids
            else:
                parameters.append(values[name])
        return connection.exec_driver_sql(sql, tuple(parameters))


def _moment(value: Any) -> Any:
    """Return an instant as the text that SQLAlchemy reads from SQLite, and any other value unchanged."""
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()


@cache
def rendered(text: str, dialect: str, length: int) -> tuple[str, tuple[str, ...]]:
    """Return the text for a driver, and the names of its values in order."""
    mark = "?" if dialect == "sqlite" else "%s"
    if dialect == "postgresql":
        # With one array instead of a list of values, the text is the same for every length and the driver prepares it.
        text = text.replace("in (:ids)", "= any(:ids::bigint[])")
        length = 1
    names = tuple(_VALUE.findall(text))
    if dialect != "sqlite":
        text = text.replace("%", "%%")
    text = _FOLDED.sub(lambda match: FOLDED[dialect].format(match[1]), text)
    marks = {name: (", ".join([mark] * length) if name == "ids" else mark) for name in set(names)}
    text = _VALUE.sub(lambda match: marks[match[1]], text)
    for word, meaning in WORDS[dialect].items():
        text = text.replace("{" + word + "}", meaning)
    return (text.replace('"', "`") if dialect in ("mysql", "mariadb") else text), names
