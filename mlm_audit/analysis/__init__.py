"""The notebook API: `mlm_audit.connect(url)` and the objects it returns. It is read-only: nothing here can write."""

from mlm_audit.analysis.attachment import inspect, prove
from mlm_audit.analysis.audit import Audit, connect

__all__ = ["Audit", "connect", "inspect", "prove"]
