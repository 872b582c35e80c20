"""mlm-audit: keeps the books of a multi-level-marketing platform honest."""

__version__ = "0.1.0"
