"""Reads of the platform's tables: snapshots for the checks, and the rows that each job needs."""
