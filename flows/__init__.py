"""Thin Prefect flows, one per job. A flow calls a job and publishes its artifacts; the jobs are in `mlm_audit.jobs`."""
