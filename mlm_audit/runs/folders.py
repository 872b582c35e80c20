"""The folders that a run writes to, each tried before it starts: a fault there costs a line, not a run half done."""

import tempfile
from pathlib import Path

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.jobs import HEALTH_PING, RECONCILIATION, STATUS_REPORT, WEEKLY_SUMMARY
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.run_folder import ensure_folder

WITHOUT_FILES = (STATUS_REPORT, WEEKLY_SUMMARY, HEALTH_PING)


def refuse_unwritable(job: str, settings: Settings, *, dry_run: bool, out: Path | None) -> None:
    """InputError when one of the folders that this run needs cannot be written: --out or RUNS_DIR, SNAPSHOTS_DIR, OUTBOX_DIR.

    The health ping is not held up by a full outbox: it is what finds such faults.
    """
    if job not in WITHOUT_FILES:
        _try_temporary()
        if out is not None:
            ensure_folder(out, "--out")
        elif not dry_run:
            ensure_folder(settings.runs_dir, "RUNS_DIR")
    if job == RECONCILIATION and (not dry_run or settings.engine != "duckdb"):
        ensure_folder(settings.snapshots_dir or settings.runs_dir.parent / "snapshots", "SNAPSHOTS_DIR")
    if not dry_run and job != HEALTH_PING and settings.email_host is None:
        ensure_folder(settings.outbox_dir, "OUTBOX_DIR")


def _try_temporary() -> None:
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise InputError("TMPDIR: no folder for temporary files can be written; set TMPDIR to one") from error
