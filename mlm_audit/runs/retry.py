"""Retries of transactions."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from mlm_audit.database.core.connect import is_transient

T = TypeVar("T")
TRIES = 5
FIRST_WAIT_SECONDS = 0.05


def retried(transaction: Callable[[], T]) -> T:
    """Return the result of a transaction. Retry it with growing delays when it failed because of a lock conflict."""
    for tried in range(1, TRIES):
        try:
            return transaction()
        except DBAPIError as error:
            if not is_transient(error):
                raise
            time.sleep(FIRST_WAIT_SECONDS * 2**tried)
    return transaction()
