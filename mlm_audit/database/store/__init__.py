"""Reads and writes of the toolkit's own tables: job log, leases, outbox, stored runs and authorisations."""
