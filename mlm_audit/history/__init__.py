"""Sealed history: the ledger's closed months as files, their digests in a hash-chained log, and what moved since."""
