"""Which records belong to a row, so that a mutation can be made consistent in all of them."""

from typing import Any

from mlm_audit.demo.mutations.rows import Site
from mlm_audit.demo.platform import Platform


def mirror(platform: Platform, table: str, before: dict[str, Any], after: dict[str, Any] | None, *, added: bool = False) -> Site:
    """Make the records of a row agree with what it became."""
    return Site(frozenset(), frozenset(), frozenset())
