"""Reports: frozen data first, which is then rendered as JSON, CSV or HTML. Templates and styles are in `reports/`."""
