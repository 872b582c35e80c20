"""Reads ledger, wallet and tree files (CSV and Parquet) into exact frames."""
