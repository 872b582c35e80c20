"""The stored proof of a mapping on one database, and what a run says when there is none or when something changed since.

`mlm-audit platform check` stores it beside the sealed history. It holds for the text of the mapping and for the structure
of the tables that the mapping reads.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from mlm_audit.database.core.platform_engines import database_key, platform_of, structure_of
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.periods import format_local
from mlm_audit.domain.settings import STANDARD_PLATFORM, Settings
from mlm_audit.platforms.mapping import Mapping, mapping_of


@dataclass(frozen=True)
class ProofRecord:
    """The result of a proof: the digests of the mapping and of the structure, the verdict, and when it was made."""

    mapping: str
    sha256: str
    structure: str
    verdict: str
    members: int
    agreeing: int
    at: str


def store_proof(settings: Settings, database: Engine, record: ProofRecord) -> Path:
    """Store the proof of the mapping on a database, in place of an earlier one."""
    path = _path(settings, database)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def why_unproven(settings: Settings, database: Engine) -> tuple[str, ...]:
    """Return what a run under the selected mapping cannot rely on, as one sentence; nothing when the proof holds."""
    mapping = mapping_of(settings)
    if mapping is None:
        return ()
    again = f"run `mlm-audit platform check {settings.platform}`"
    record = _read(settings, database)
    if record is None:
        return (f"the mapping {mapping.name} has not been checked on this database; {again}",)
    when = format_local(datetime.fromisoformat(record.at), settings.tz)
    if record.sha256 != mapping.digest:
        return (f"the mapping {mapping.name} has changed since it was checked on {when}; {again}",)
    if record.structure != structure_of(platform_of(database)):
        return (f"the platform's tables have changed since the mapping {mapping.name} was checked on {when}; {again}",)
    if record.verdict == Verdict.INCOMPLETE:
        return (f"the check of the mapping {mapping.name} on {when} was INCOMPLETE; {again}, and follow what it says",)
    return ()


def require_proven(settings: Settings, database: Engine, what: str) -> None:
    """Raise InputError unless the selected mapping has been checked on this database and nothing has changed since."""
    if why := why_unproven(settings, database):
        raise InputError(f"{what}: {why[0]}; nothing was written")


def platform_name(settings: Settings) -> str:
    """Return the platform of a run as results name it: the mapping with its digest."""
    mapping: Mapping | None = mapping_of(settings)
    return STANDARD_PLATFORM if mapping is None else mapping.in_words


def _path(settings: Settings, database: Engine) -> Path:
    return settings.history_dir / database_key(database) / "mapping-proof.json"


def _read(settings: Settings, database: Engine) -> ProofRecord | None:
    path = _path(settings, database)
    try:
        return ProofRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: the stored proof of the mapping cannot be read ({error}); delete the file, and run `mlm-audit platform check`"
        ) from error
