"""The files that a run leaves: written by the job itself, before its notices go out, so that they can go with them."""

from pathlib import Path

from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.write import write_files


def with_files(result: RunResult, settings: Settings, out: Path | None) -> RunResult:
    """Write to `out`, or to RUNS_DIR/<job_id>; a dry run leaves files only where it is told to.

    JobFailedError when they cannot be written; what the run did and stored stays.
    """
    if out is None and result.dry_run:
        return result
    try:
        return write_files(result, out or settings.runs_dir / result.job_id, settings.tz)
    except OSError as error:
        raise JobFailedError(f"{result.job_id} is done and stored, but its files cannot be written: {error}") from error
