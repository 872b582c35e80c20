"""One file per job: read, check, decide, write in transactions, store. No Prefect here; the flows call these."""
