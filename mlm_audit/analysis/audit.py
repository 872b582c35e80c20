"""`connect`: an audit over a platform's database, for analysts."""

from functools import cached_property

from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.analysis.tree import Tree
from mlm_audit.database.connect import open_engine
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import load_settings


class Audit:
    """An audit of one platform. `tree` has the sponsor tree and the matrix."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @cached_property
    def tree(self) -> Tree:
        """The sponsor tree and the matrix."""
        return Tree(self._engine)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"Audit({self._engine.url.render_as_string(hide_password=True)!r})"


def connect(url: str | None = None) -> Audit:
    """Open a platform for reading; DATABASE_URL when no URL is given. InputError when it cannot be reached."""
    secret = load_settings().database_url if url is None else SecretStr(url)
    if secret is None:
        raise InputError("no database named; give connect() a URL, or set DATABASE_URL")
    return Audit(open_engine(secret.get_secret_value()))
