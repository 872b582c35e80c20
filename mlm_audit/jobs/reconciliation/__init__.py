"""The job `commission-reconciliation`, and the reconciliation of files."""
