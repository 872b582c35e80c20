"""The jobs `weekly-payouts` and `retry-failed-payouts`."""
