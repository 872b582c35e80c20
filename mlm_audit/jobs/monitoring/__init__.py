"""The jobs `daily-status-report`, `weekly-summary` and `health-ping`."""
