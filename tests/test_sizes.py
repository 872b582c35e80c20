"""Modules and functions stay small enough to be read: at most 400 lines, and five parameters by position."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mlm_audit"
MOST_LINES, MOST_PARAMETERS = 400, 5
COMPILED = {"_replay_sponsor"}
"""numba calls compiled functions fastest by position, and each array of the walk is a parameter."""


def texts() -> dict[str, str]:
    files = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]
    assert len(files) > 300
    return {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in files}


def test_no_module_has_more_than_400_lines() -> None:
    lengths = {name: len(text.splitlines()) for name, text in texts().items()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_takes_more_than_five_parameters_by_position() -> None:
    """The others have to be named where the function is called."""
    nodes = [node for text in texts().values() for node in ast.walk(ast.parse(text))]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    assert {one.name for one in functions if _by_position(one) > MOST_PARAMETERS} == COMPILED


def _by_position(function: ast.FunctionDef) -> int:
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))
