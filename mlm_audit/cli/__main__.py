"""`python -m mlm_audit.cli`: the same as `mlm-audit`."""

from mlm_audit.cli import main

main()
