"""One file per job, and what steers them. From Python: `status()`, `history(job)`, `trigger(job)`, `toggle(job, enable=…)`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlm_audit.scheduling.shortcuts import history, status, toggle, trigger

__all__ = ["history", "status", "toggle", "trigger"]


def __getattr__(name: str) -> Any:
    """The door is loaded when it is used."""
    if name in __all__:
        from mlm_audit.scheduling import shortcuts

        return getattr(shortcuts, name)
    raise AttributeError(f"module 'mlm_audit.jobs' has no attribute {name!r}")
