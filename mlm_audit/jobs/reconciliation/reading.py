"""Reads the inputs of a reconciliation into the local mirror.

A full run reads every row. On a large platform an incremental run reads only what changed since the last run.
"""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import Engine as Database

from mlm_audit.checks.applicability import checks_for
from mlm_audit.checks.catalogue import Check, load_views
from mlm_audit.database.core.platform_engines import database_key
from mlm_audit.database.core.values import Unread
from mlm_audit.database.reads.mirror import figures, read_pieces
from mlm_audit.database.reads.snapshot import one_instant
from mlm_audit.domain.inputs import INPUTS, STATES
from mlm_audit.domain.plan import Plan
from mlm_audit.domain.ports import Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.incremental.carry_forward import KEPT_FILES
from mlm_audit.engine.incremental.changes import IncrementalFiles
from mlm_audit.engine.incremental.mirror import LOWEST, Manifest, Mirror, Piece
from mlm_audit.engine.parquet_parts import list_parts
from mlm_audit.platforms.mapping import conventions_of, mapping_of
from mlm_audit.runs.process import is_gone, this_process

log = logging.getLogger(__name__)


def mirror_of(settings: Settings, database: Database, scratch: Path) -> Mirror:
    """Return the mirror of a database. What a run reads stays in `scratch` until it is stored."""
    folder = settings.history_dir
    return Mirror(folder / database_key(database) / "mirror", scratch)


@contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """Create a folder for a run's files, which is removed when the run ends.

    It is a temporary folder of this machine, or for Spark one that Spark's workers can read. Folders that killed runs
    have left behind are removed, since they may hold gigabytes.
    """
    where = Path(tempfile.gettempdir())
    if settings.engine != "duckdb":
        where = settings.history_dir
        where.mkdir(parents=True, exist_ok=True)
    for owner in where.glob("mlm-audit-run-*/owner"):
        with suppress(OSError):  # the folder may belong to another account
            if is_gone(owner.read_text(encoding="utf-8")):
                shutil.rmtree(owner.parent)
    with tempfile.TemporaryDirectory(prefix="mlm-audit-run-", dir=where) as folder:
        (Path(folder) / "owner").write_text(this_process(), encoding="utf-8")
        yield Path(folder)


@dataclass(frozen=True)
class Reading:
    """The result of reading the inputs. `unread` are the values that could not be read.

    `incremental` holds what changed since the last run when only that was read; it is None when everything was read. `before`
    is the manifest of the last run.
    """

    manifest: Manifest
    incremental: IncrementalFiles | None
    before: Manifest | None
    unread: Unread


def fingerprint(plan: Plan, settings: Settings, checks: Sequence[Check]) -> str:
    """Return a digest of the rules that a run applies. Findings made under other rules are not reused."""
    mapping = mapping_of(settings)
    rules = [
        version("mlm-audit"),
        "" if mapping is None else mapping.digest,
        repr(plan),
        settings.timezone,
        settings.critical_wallet_paisa,
        settings.correction_max_paisa,
    ]
    rules += [(check.code, check.severity, check.sql, check.message) for check in checks]
    rules += [view.sql for view in load_views()]
    rules += [(name, list(spec.columns.items())) for name, spec in INPUTS.items()]
    return hashlib.sha256(repr(rules).encode()).hexdigest()


def is_incremental(
    before: Manifest | None, rules: str, settings: Settings, now: datetime, checks: Sequence[Check]
) -> bool:
    """Return whether a run may read only what changed since `before`."""
    if before is None or before.fingerprint != rules or before.inputs.keys() != {*INPUTS, *KEPT_FILES}:
        return False
    mapping = mapping_of(settings)
    if not before.is_checked or not all(check.is_local for check in checks_for(checks, mapping)):
        return False
    if conventions_of(settings).three_three_applies == "per_order":
        # A new member may change what the uplines of an older order are due.
        return False
    age = now - datetime.fromisoformat(before.full_at)
    is_due = not timedelta(0) <= age < timedelta(days=settings.full_every_days)
    return not is_due and before.rows()["ledger"] >= settings.nightly_from_rows


class InputReader:
    """Reads the platform into the mirror, in one consistent read."""

    def __init__(
        self,
        mirror: Mirror,
        folder: Path,
        missing: Sequence[str],
        progress: Progress,
        *,
        nights: int = 1,
        today: int = 0,
    ) -> None:
        """Compare each piece with the platform once in `nights` days, and open pieces and the newest one in every run.

        `today` is the number of the day, which decides which pieces are compared.
        """
        self.mirror, self.folder, self.progress = mirror, folder, progress
        self.nights, self.turn = nights, today % nights
        self.names = [name for name in INPUTS if name not in missing]
        self.unread = Unread()

    def read(
        self, database: Database, last: Manifest | None, now: datetime, rules: str, *, is_incremental: bool
    ) -> Reading:
        """Read everything, or with `is_incremental` what changed since the `last` run. List the parts of the inputs."""
        inputs, again = {}, {}
        with one_instant(database) as connection:
            for number, name in enumerate(self.names):
                self.progress(f"reading {name}", number, len(self.names))
                old = last.inputs[name] if last is not None and is_incremental else ()
                same, fresh = self._pieces(connection, name, old)
                inputs[name] = tuple(sorted([*same, *fresh], key=lambda piece: piece.low))
                log.info(
                    "read %d rows of %s, in %d of %d pieces",
                    sum(p.rows for p in fresh),
                    name,
                    len(fresh),
                    len(inputs[name]),
                )
                again[name] = [piece for piece in old if piece not in same], fresh
        self.progress("read", len(self.names), len(self.names))
        moment = now.astimezone(UTC).isoformat()
        manifest = Manifest(moment, last.full_at if last and is_incremental else moment, rules, inputs)
        for name in self.names:
            list_parts(self.folder, name, self.mirror.files(inputs[name]))
        return Reading(
            manifest,
            self._incremental_files(last, inputs, again) if last and is_incremental else None,
            last,
            self.unread,
        )

    def _incremental_files(self, last: Manifest, inputs: dict[str, Any], again: dict[str, Any]) -> IncrementalFiles:
        files = self.mirror.files
        return IncrementalFiles(
            now={name: files(pieces) for name, pieces in inputs.items()},
            before={name: files(old) for name, (old, _) in again.items()},
            after={name: files(new) for name, (_, new) in again.items()},
            kept={name: files(last.inputs[name])[0] for name in KEPT_FILES},
        )

    def _pieces(self, connection: Connection, name: str, old: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
        """Return the pieces that did not change, and those that were read again."""
        if name in STATES or not old:
            return [], self._read(connection, name, LOWEST, None)
        same, fresh, last = [], [], len(old) - 1
        for number, (piece, end) in enumerate(zip(old, [*(after.low for after in old[1:]), None], strict=True)):
            is_asked = piece.is_open or number == last or number % self.nights == self.turn
            if not is_asked or figures(connection, name, piece.low, end) == piece.figures:
                same.append(piece)
            else:
                fresh += self._read(connection, name, piece.low, end)
        return same, fresh

    def _read(self, connection: Connection, name: str, low: int, high: int | None) -> list[Piece]:
        reads = list(read_pieces(connection, name, self.folder, low=low, high=high, unread=self.unread))
        pieces = []
        for read, end in zip(reads, [*(after.low for after in reads[1:]), high], strict=True):
            said = () if name in STATES else figures(connection, name, read.low, end)
            file, size = self.mirror.take(read.file)
            pieces.append(Piece(read.low, file, size, read.rows, said, read.is_open))
        return pieces
