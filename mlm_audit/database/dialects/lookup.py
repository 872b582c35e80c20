"""The dialects by name. Every module of this folder is loaded, so that a new one needs no entry elsewhere."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from mlm_audit.database import dialects
from mlm_audit.database.dialects.dialect import REGISTERED, Dialect


def dialect_of(bind: Any) -> Dialect:
    """Return the dialect of an engine, a connection, an inspector, a compiler, or a dialect of SQLAlchemy."""
    _load()
    return REGISTERED[getattr(bind, "dialect", bind).name]


def dialect_of_scheme(scheme: str) -> Dialect | None:
    """Return the dialect of the scheme of a database URL, without its driver; None for an unknown scheme."""
    _load()
    return REGISTERED.get(scheme)


def all_dialects() -> list[Dialect]:
    """Return every dialect once, by its example URL in reverse order, so that SQLite is the first."""
    _load()
    return sorted(dict.fromkeys(REGISTERED.values()), key=lambda dialect: dialect.example_url, reverse=True)


@cache
def _load() -> None:
    for module in iter_modules(dialects.__path__):
        import_module(f"{dialects.__name__}.{module.name}")
