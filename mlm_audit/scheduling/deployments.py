"""Prefect's deployments, derived from the records of the jobs: the text of `prefect.yaml`.

The flows are named by the modules in which they are, so that a worker finds them wherever the package is installed.
"""

import json

from mlm_audit.domain.jobs import JOBS, Job, flow_attribute
from mlm_audit.scheduling.client import POOL

HEAD = f"""\
# The deployments, generated from mlm_audit/domain/jobs.py by `make docs`; do not edit. `mlm-audit serve` and
# `mlm-audit deploy` apply them with the time zone of the settings. This file has the default time zone, for those who deploy
# by hand: `prefect work-pool create {POOL} --type process`, then `prefect --no-prompt deploy --all`.
name: mlm-audit
prefect-version: 3.8.8

definitions:
  # The library's own log lines are shown with the run.
  pool: &pool
    name: {POOL}
    job_variables:
      env:
        PREFECT_LOGGING_EXTRA_LOGGERS: mlm_audit
        PREFECT_SERVER_ANALYTICS_ENABLED: "false"
        DO_NOT_TRACK: "1"
  # A second run of a job is refused while one runs, not queued behind it.
  one_at_a_time: &one_at_a_time
    limit: 1
    collision_strategy: CANCEL_NEW

# A run reads .env and writes its files in the worker's folder.
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{{{ $MLM_AUDIT_HOME }}}}"

deployments:
"""
SHARD = """\
  - name: shard
    description: One part of a run of payouts or of the sweep; started by that run, never by hand.
    entrypoint: flows.shards.one_shard
    tags: [mlm-audit-shard]
    work_pool: *pool
"""


def prefect_yaml(timezone: str) -> str:
    """Return the text of `prefect.yaml`: one deployment for each job, and one for shards.

    The schedules of the jobs are in `timezone`, the business time zone.
    """
    return HEAD + "".join(_deployment(job, timezone) for job in JOBS) + SHARD


def _deployment(job: Job, timezone: str) -> str:
    return f"""\
  - name: {job.name}
    description: {json.dumps(job.description, ensure_ascii=False)}
    entrypoint: flows.jobs.{flow_attribute(job)}
    tags: [mlm-audit, {job.group}]
    work_pool: *pool
    schedules: [{{cron: "{job.cron}", timezone: {timezone}, slug: {job.rhythm}}}]
    concurrency_limit: *one_at_a_time
"""
