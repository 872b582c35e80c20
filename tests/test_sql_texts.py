"""SQL is in `.sql` files or in SQLAlchemy expressions; in Python there are lines of it, and no texts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from mlm_audit.engine.sql_text import sql_of

ROOT = Path(__file__).parents[1]
MOST_LINES = 2
# Migrations are history: they keep what they were written with.
EXEMPT = "mlm_audit/database/core/migrations/versions/"
SQL = re.compile(
    r"\b(select|insert (or \w+ )?into|update [\w\"{}]+ set|delete from|create (or replace )?(temp |recursive )*(table|view|index))\b"
    r"|^\W*(where|union|(left |inner |full |cross )?join|with \w+ as)\b",
    re.IGNORECASE,
)


def texts_in(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The strings of a module with their contents, {} for what is filled in; docstrings and parts of f-strings are left out."""
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.add(node.value)
        if isinstance(node, ast.JoinedStr):
            left_out |= {part for value in node.values for part in ast.walk(value) if isinstance(value, ast.Constant)}
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value
        if isinstance(node, ast.JoinedStr):
            yield node, "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def lines_of(node: ast.expr, text: str) -> int:
    """The lines of a text: its own, or those over which a text of one line is written."""
    assert node.end_lineno is not None
    own = sum(1 for line in text.splitlines() if line.strip())
    return own if own > 1 else node.end_lineno - node.lineno + 1


def long_sql(name: str, source: str) -> list[str]:
    return [
        f"{name}:{node.lineno}"
        for node, text in texts_in(ast.parse(source))
        if SQL.search(text) and lines_of(node, text) > MOST_LINES
    ]


def test_no_module_holds_a_long_sql_text() -> None:
    modules = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "mlm_audit").rglob("*.py")))
    found = [
        place
        for name in modules
        if not name.startswith(EXEMPT)
        for place in long_sql(name, (ROOT / name).read_text("utf-8"))
    ]
    assert found == [], "move the text to a .sql file beside the module (mlm_audit.engine.sql_text)"


@pytest.mark.parametrize(
    ("source", "is_long"),
    [
        ('x = """\nselect id\nfrom a\nwhere b\n"""', True),
        ('x = f"""\nselect id\nfrom {a}\nunion select {b} from c\n"""', True),
        ('x = (\n"select id "\n"from a "\n"where b")', True),
        ('x = f(f"""\nunion\n{a}\n where b\n""")', True),
        ('x = """\nselect id\nfrom a\n"""', False),
        ('def f():\n    """Say\n\n    that\n\n    you select it.\n    """', False),
        ('x = """\nOne line\nof prose\nfrom us\n"""', False),
    ],
)
def test_what_counts_as_a_long_sql_text(source: str, is_long: bool) -> None:
    assert bool(long_sql("module", source)) is is_long


def test_the_wheel_has_every_file() -> None:
    """Without its texts an installed package would fail only when a job needs one."""
    present = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mlm_audit").rglob("*.sql")}
    packed = {file.relative_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert len(present) > 50
    assert present <= packed


def test_a_missing_part_is_an_error() -> None:
    package = "mlm_audit.engine.incremental"
    assert "'SELF\\_PAYOUT\\_%' escape '\\'" in sql_of(package, "changes/schedules", named_rows="select 1 as x")
    assert "--" not in sql_of(package, "changes/schedules", named_rows="")
    with pytest.raises(KeyError, match="named_rows"):
        sql_of(package, "changes/schedules")
