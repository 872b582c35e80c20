"""Prefect, thin: one file per job. A flow wires, calls one job, leaves artifacts; what the job does is in `mlm_audit.jobs`."""
