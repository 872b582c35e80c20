"""Records who viewed personal data, and whose, in the log and in RUNS_DIR/revealed.jsonl.

The notebook interface cannot write to the database, so the record is a file.
"""

import json
import logging

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.clock import now
from mlm_audit.runs.process import user

log = logging.getLogger(__name__)
FILE = "revealed.jsonl"


def note_reveal(settings: Settings, what: str) -> None:
    """Record an access before the data is shown. Raise InputError when this fails, so that the data is not shown."""
    log.warning("personal data was revealed to %s: %s", user(), what)
    line = json.dumps({"at": now().isoformat(timespec="seconds"), "by": user(), "what": what})
    try:
        settings.runs_dir.mkdir(parents=True, exist_ok=True)
        with (settings.runs_dir / FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise InputError(
            f"reveal: access to personal data must be recorded in {settings.runs_dir / FILE}, which cannot be written: {error}"
        ) from error
