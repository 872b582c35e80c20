"""Incremental runs: what changed since the last run, what it affects, and the subset that is checked again."""
