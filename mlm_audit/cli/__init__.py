"""The commands. `main` is the console script: exit code 0 ran, 1 the job failed, 2 bad input, 3 findings at --fail-on, 4 incomplete."""

from mlm_audit.cli.app import main

__all__ = ["main"]
