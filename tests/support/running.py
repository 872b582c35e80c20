"""Runs a job in a test in the way in which commands and flows run it."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.jobs import job_of
from mlm_audit.domain.requests import Request
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.registry import call
from mlm_audit.runs.context import RunContext
from mlm_audit.runs.shards import Share


def run_job(
    name: str,
    engine: Engine,
    settings: Settings,
    clock: Callable[[], datetime],
    *,
    share: Share | None = None,
    sleep: Callable[[float], object] = time.sleep,
    **options: Any,
) -> RunResult:
    """Run a job with the options of its request, and return its result."""
    return call(RunContext(job_of(name), engine, settings, clock, share=share, sleep=sleep), Request(**options))
