"""What differs between databases is in `database/dialects`, one module for each, and a new one needs no other file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlm_audit.database.dialects.dialect import REGISTERED
from mlm_audit.database.dialects.lookup import all_dialects, dialect_of_scheme

ROOT = Path(__file__).parents[3]
# Migrations are history: they keep what they were written with.
EXEMPT = ("mlm_audit/database/dialects/", "mlm_audit/database/core/migrations/versions/")

MODULE = """
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from mlm_audit.database.dialects.sqlite import Sqlite


class MadeUpOfSqlAlchemy(SQLiteDialect_pysqlite):
    name = "made_up"
    supports_statement_cache = True


registry.register("made_up", __name__, "MadeUpOfSqlAlchemy")


class MadeUp(Sqlite):
    schemes = {"made_up": "made_up"}
    example_url = "made_up:///file.db"
"""

SCRIPT = """
import sys
from pathlib import Path

from sqlalchemy import text

from mlm_audit.database import dialects

dialects.__path__.append(sys.argv[1])  # as if the module were in the folder

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.tables import Base
from mlm_audit.database.core.upgrade import views_of  # loads the own tables as well
from mlm_audit.database.probe import failing
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.errors import InputError
from tests.conftest import clean_platform

url = f"made_up:///{Path(sys.argv[2]) / 'platform.db'}"
engine = open_engine(url, create=True)
assert engine.dialect.name == "made_up"
Base.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(text('alter table users add column "lastEligibilityCheck" timestamp'))
    connection.execute(text('alter table users add column "eligibilityHistory" json'))
platform = clean_platform(members=30, months=3)
write_platform(engine, platform)
rows = read_snapshot(engine, Path(sys.argv[2]) / "snapshot")
assert rows["ledger"] == len(platform["ledger"]) > 0, rows
assert failing(engine) == [], failing(engine)
try:
    with open_engine(url, read_only=True).connect() as connection:
        connection.execute(text("delete from users"))
except InputError as error:
    print(error)
try:
    open_engine("nonsense://host/name")
except InputError as error:
    print(error)
"""


def sources() -> Iterator[tuple[str, ast.AST]]:
    """Every module of the package and the flows that is not exempt, with its syntax tree."""
    for folder in ("mlm_audit", "flows"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(EXEMPT):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def asks_for_a_name(node: ast.AST) -> bool:
    """Whether an expression is `dialect.name`, of whatever object, or a text that is the name of a database."""
    if isinstance(node, ast.Attribute) and node.attr == "name":
        return isinstance(node.value, ast.Name | ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "dialect"
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in REGISTERED


def test_no_other_module_asks_which_database_it_is() -> None:
    all_dialects()
    found = [f"{name}:{node.lineno}" for name, tree in sources() for node in ast.walk(tree) if asks_for_a_name(node)]
    assert found == [], "give the Dialect a method for this difference"


@pytest.mark.parametrize("code", ["engine.dialect.name", "dialect.name", "x == 'mariadb'", "{'postgresql': 1}"])
def test_the_name_of_a_database_is_recognised(code: str) -> None:
    all_dialects()
    assert any(asks_for_a_name(node) for node in ast.walk(ast.parse(code)))


def test_every_dialect_replaces_the_same_words() -> None:
    assert {type(dialect).__name__ for dialect in all_dialects()} >= {"Sqlite", "Postgresql", "Mysql"}
    assert len({frozenset(dialect.words) for dialect in all_dialects()}) == 1
    for dialect in all_dialects():
        assert all(dialect_of_scheme(scheme) is dialect for scheme in dialect.schemes)
        for attribute in ("example_url", "parser", "inspections", "folded"):
            assert getattr(dialect, attribute), f"{type(dialect).__name__} has no {attribute}"


@pytest.mark.slow
def test_one_module_adds_a_database(tmp_path: Path) -> None:
    """Tables are created and loaded, every query of the jobs is answered, and a read-only connection refuses changes."""
    folder = tmp_path / "dialects"
    folder.mkdir()
    (folder / "made_up.py").write_text(MODULE, encoding="utf-8")
    command = [sys.executable, "-c", SCRIPT, str(folder), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "this connection is read-only: 'delete' does not start a read-only query" in done.stdout
    assert "nonsense is not supported; use sqlite:///file.db, postgresql://user:password@host/name, " in done.stdout
    assert "or made_up:///file.db" in done.stdout
