"""A transaction that only lost a race for a lock is nobody's fault: it is tried again, a little later."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from mlm_audit.database.connect import is_transient

T = TypeVar("T")
TRIES = 5
FIRST_WAIT_SECONDS = 0.05


def retried(transaction: Callable[[], T]) -> T:
    """The result of a transaction; the last error when the races go on."""
    for tried in range(1, TRIES):
        try:
            return transaction()
        except DBAPIError as error:
            if not is_transient(error):
                raise
            time.sleep(FIRST_WAIT_SECONDS * 2**tried)
    return transaction()


def error_line(error: Exception) -> str:
    """An error in one line, without the statement around it."""
    original: Any = getattr(error, "orig", None) or error
    return " ".join(f"{type(original).__name__}: {original}".split())[:300]
