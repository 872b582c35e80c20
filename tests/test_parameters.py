"""No function takes more than five parameters by position: the rest have to be named where it is called."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mlm_audit"
MOST = 5
COMPILED = {"_replay_sponsor"}
"""numba calls compiled functions fastest by position, and each array of the walk is a parameter."""


def test_no_function_takes_more_than_five_parameters_by_position() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts]
    assert len(files) > 300
    functions = [
        node for path in files for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
    ]
    assert {one.name for one in functions if _by_position(one) > MOST} == COMPILED


def _by_position(function: ast.FunctionDef) -> int:
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))
