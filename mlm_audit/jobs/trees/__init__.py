"""The job `tree-health-check`, and the same checks for files."""
