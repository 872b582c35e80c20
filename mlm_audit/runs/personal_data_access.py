"""Who looked at personal data, and at whose: logged, and kept in RUNS_DIR/revealed.jsonl, since the door itself cannot write."""

import json
import logging

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.clock import now
from mlm_audit.runs.process import user

log = logging.getLogger(__name__)
FILE = "revealed.jsonl"


def note_reveal(settings: Settings, what: str) -> None:
    """Note it before it is shown. InputError when it cannot be noted: then it is not shown either."""
    log.warning("revealed to %s: %s", user(), what)
    line = json.dumps({"at": now().isoformat(timespec="seconds"), "by": user(), "what": what})
    try:
        settings.runs_dir.mkdir(parents=True, exist_ok=True)
        with (settings.runs_dir / FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise InputError(
            f"reveal: who looks must be noted in {settings.runs_dir / FILE}, and it cannot be written: {error}"
        ) from error
