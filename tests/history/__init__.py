"""Sealed history: rows, trees, the log, and what an adversary may try."""
