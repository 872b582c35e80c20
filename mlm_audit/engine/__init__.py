"""Runs the checks over a snapshot, with DuckDB on one machine.

Another engine can take its place when that is not enough.
"""
