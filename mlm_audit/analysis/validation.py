"""What stands at the door: ids that can be ids, and one clear line for rows of a platform that cannot be read."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import duckdb
import polars as pl
import pyarrow as pa
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.privacy import mask_personal, one_line

P = ParamSpec("P")
T = TypeVar("T")
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What Python says of a row whose values are not what their columns promise."""
ENGINES = (SQLAlchemyError, duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException)
CHARACTERS = 200


def whole_id(what: str, number: object) -> int:
    """The number, when it can be a row's id; else an InputError."""
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**63:
        raise InputError(f"{what} {one_line(number)[:40]!r}: not an id; give a whole number, such as 42")
    return number


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns what a platform's rows lead to, when they hold what nobody foresaw, into an InputError; the cause is kept behind it."""
    try:
        yield
    except (*UNREADABLE, *ENGINES) as error:
        # Python quotes the value that it could not take: somebody's name, or worse.
        quoted = re.sub(r"'[^']{7,}'|\"[^\"]{7,}\"", "'…'", one_line(str(getattr(error, "orig", None) or error)))
        said = mask_personal(quoted)[:CHARACTERS]
        raise InputError(
            f"{what}: a row of the platform, or what was asked for, cannot be read ({type(error).__name__}: {said}); "
            "`mlm-audit db check` and `mlm-audit run reconciliation --dry-run` name such rows"
        ) from error


def answers(function: Callable[P, T]) -> Callable[P, T]:
    """A method of the door: what goes wrong in it is an InputError that names the question."""

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        given = ", ".join([*(one_line(one)[:40] for one in args[1:]), *(f"{k}={one_line(v)[:40]}" for k, v in kwargs.items())])
        whose = getattr(args[0], "id", "") if args else ""
        with reading(f"{f'{type(args[0]).__name__.lower()} {whose}: ' if whose else ''}{function.__name__}({given})"):
            return function(*args, **kwargs)

    return asked
