"""The jobs, one package each, and the functions that control them from Python.

These are `status()`, `history(job)`, `trigger(job)` and `toggle(job, enable=…)`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlm_audit.scheduling.shortcuts import history, status, toggle, trigger

__all__ = ["history", "status", "toggle", "trigger"]


def __getattr__(name: str) -> Any:
    """Load the control functions on first use."""
    if name in __all__:
        from mlm_audit.scheduling import shortcuts

        return getattr(shortcuts, name)
    raise AttributeError(f"module 'mlm_audit.jobs' has no attribute {name!r}")
