"""The reconciliation report."""
