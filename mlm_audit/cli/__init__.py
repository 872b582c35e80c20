"""The commands of mlm-audit. `main` is the entry point of the console script.

Exit codes: 0 the command ran, 1 the job failed, 2 the input is bad. With --fail-on, 3 means findings of that severity
or worse, and 4 an incomplete run.
"""

from mlm_audit.cli.app import main

__all__ = ["main"]
