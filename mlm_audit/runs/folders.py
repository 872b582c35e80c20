"""Checks the folders that a run writes to before it starts, so that a fault there leaves no half-finished run."""

import tempfile
from pathlib import Path

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import Job
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.kind import report_kind
from mlm_audit.reporting.core.run_folder import ensure_folder


def refuse_unwritable(job: Job, settings: Settings, *, dry_run: bool, out: Path | None) -> None:
    """Raise InputError when a folder that the run needs cannot be written: --out or RUNS_DIR, and OUTBOX_DIR."""
    if report_kind(job.name).page is not None:
        _try_temporary()
        if out is not None:
            ensure_folder(out, "--out")
        elif not dry_run:
            ensure_folder(settings.runs_dir, "RUNS_DIR")
    if not dry_run and job.needs_outbox and settings.email_host is None:
        ensure_folder(settings.outbox_dir, "OUTBOX_DIR")


def _try_temporary() -> None:
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise InputError(
            "TMPDIR: no folder for temporary files is writable; set TMPDIR to a writable folder"
        ) from error
