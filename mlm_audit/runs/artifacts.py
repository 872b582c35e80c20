"""The files of a run. The job writes them before its notices are sent, so that they can be attached."""

import errno
import logging
from dataclasses import replace
from pathlib import Path

from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.run_folder import write_files
from mlm_audit.reporting.index import write_index
from mlm_audit.runs.mapping_proof import platform_name

log = logging.getLogger(__name__)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_artifacts(result: RunResult, settings: Settings, out: Path | None) -> RunResult:
    """Write the files to `out`, or to RUNS_DIR/<job_id>. A dry run writes files only to `out`.

    Raise JobFailedError when they cannot be written. What the run did and stored stays.
    """
    result = replace(result, platform=platform_name(settings))
    if out is None and result.dry_run:
        return result
    folder = out or settings.runs_dir / result.job_id
    try:
        filed = write_files(result, folder, settings.tz)
    except OSError as error:
        why = f"there is not enough disk space for {folder}" if error.errno in NO_ROOM else str(error)
        raise JobFailedError(
            f"{result.job_id} is complete and stored, but its files could not be written: {why}"
        ) from error
    if folder.resolve().parent == settings.runs_dir.resolve():
        _index(settings)
    return filed


def _index(settings: Settings) -> None:
    """Write the index. It can be rebuilt from the run folders at any time, so a failure here does not fail the run."""
    try:
        write_index(settings.runs_dir, settings.tz)
    except OSError:
        log.warning(
            "the index of %s could not be written; write it with mlm-audit reports index",
            settings.runs_dir,
            exc_info=True,
        )
