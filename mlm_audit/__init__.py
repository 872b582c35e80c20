"""mlm-audit: keeps the books of a multi-level-marketing platform honest."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlm_audit.analysis import Audit, connect, inspect, prove

__version__ = "0.1.0"
__all__ = ["Audit", "__version__", "connect", "inspect", "prove"]


def __getattr__(name: str) -> Any:
    """The analyst's door is loaded when it is used."""
    if name in __all__:
        import mlm_audit.analysis

        return getattr(mlm_audit.analysis, name)
    raise AttributeError(f"module 'mlm_audit' has no attribute {name!r}")
