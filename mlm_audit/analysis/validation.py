"""Input validation of the notebook API: valid ids, and one clear InputError for platform rows that cannot be read."""

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
"""The errors that Python raises for a row whose values do not fit their columns."""
ENGINES = (SQLAlchemyError, duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException)
CHARACTERS = 200


def whole_id(what: str, number: object) -> int:
    """Return the number when it can be a row id. Raise InputError when it cannot."""
    if isinstance(number, bool) or not isinstance(number, int) or not -(2**63) <= number < 2**63:
        raise InputError(f"{what} {one_line(number)[:40]!r}: not an id; give a whole number, such as 42")
    return number


@contextmanager
def unreadable_rows(what: str) -> Iterator[None]:
    """Convert errors caused by unexpected values in a platform's rows to InputError; the error is kept as the cause."""
    try:
        yield
    except (*UNREADABLE, *ENGINES) as error:
        # Python's message quotes the rejected value, which may be personal data.
        quoted = re.sub(r"'[^']{7,}'|\"[^\"]{7,}\"", "'…'", one_line(str(getattr(error, "orig", None) or error)))
        said = mask_personal(quoted)[:CHARACTERS]
        raise InputError(
            f"{what}: a row of the platform or an argument of the call cannot be read ({type(error).__name__}: {said}); "
            "run `mlm-audit db check` and `mlm-audit run reconciliation --dry-run` to find such rows"
        ) from error


def guard_inputs(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a notebook API method: an error that unexpected values cause becomes an InputError naming the call."""

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        given = ", ".join(
            [*(one_line(one)[:40] for one in args[1:]), *(f"{k}={one_line(v)[:40]}" for k, v in kwargs.items())]
        )
        whose, noun = (getattr(args[0], name, "") if args else "" for name in ("id", "NOUN"))
        with unreadable_rows(f"{f'{noun} {whose}: ' if whose else ''}{function.__name__}({given})"):
            return function(*args, **kwargs)

    return asked
