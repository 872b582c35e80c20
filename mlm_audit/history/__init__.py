"""Sealed history: closed months of the ledger as files, their digests in a hash-chained log, and later changes."""
