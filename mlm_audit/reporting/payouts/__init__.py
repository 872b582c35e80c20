"""The report of a payout run."""
