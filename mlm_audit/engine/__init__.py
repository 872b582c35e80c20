"""Runs the checks over a snapshot: DuckDB on one machine. The seam where another engine goes when it is outgrown."""
