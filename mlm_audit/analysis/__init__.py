"""The notebook door: `mlm_audit.connect(url)` and what hangs on it. Read-only: nothing here can write."""

from mlm_audit.analysis.audit import Audit, connect

__all__ = ["Audit", "connect"]
