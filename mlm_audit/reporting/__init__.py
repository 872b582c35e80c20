"""Frozen report data first, then render: JSON, CSV, HTML. Templates and styles are in `reports/`."""
