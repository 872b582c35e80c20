"""Writes to the platform's tables: payouts, sweep decisions, tree repairs and wallet corrections."""
