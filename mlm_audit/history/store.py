"""The store of sealed months: a Parquet file and a file of sums for each month, and the log of what was sealed.

A month counts as sealed when the log says so, never because a file exists: files are written first, then the entry. A
file that no entry names was left by a killed run, and the next run deletes it.
"""

import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mlm_audit.domain.periods import month_label
from mlm_audit.history.chain import ChainedLog, LogRead, sync_folder
from mlm_audit.history.log import EXPIRED, RESTARTED, SEALED, Content, Seal, UnknownEntryError

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class StoreProblem:
    """A part of the store that cannot be trusted. `month` is 0 when it is not about a month, such as for the log."""

    key: str
    what: str
    month: int = 0


@dataclass(frozen=True)
class StoreState:
    """The state of the store: month → its seal, the months with an intact file, expired months, and problems."""

    read: LogRead
    seals: Mapping[int, Seal]
    usable: frozenset[int]
    expired: frozenset[int]
    problems: tuple[StoreProblem, ...]
    content: Content
    """The combined content of the log entries."""


class Store:
    """The sealed months of one database, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chain = ChainedLog(folder / "log.jsonl")

    def read_state(self) -> StoreState:
        """Read the log and every file that it names, without changing anything."""
        state = self.logged()
        kept = {month: seal for month, seal in state.seals.items() if month not in state.expired}
        with ThreadPoolExecutor() as pool:  # gigabytes of files; hashing releases the interpreter lock
            files = pool.map(
                self._wrong, [seal.file for seal in kept.values()], [seal.sha256 for seal in kept.values()]
            )
            sums = pool.map(
                self._wrong, [seal.sums for seal in kept.values()], [seal.sums_sha256 for seal in kept.values()]
            )
            wrong = dict(zip(kept, zip(files, sums, strict=True), strict=True))
        problems = [
            StoreProblem(f"{month}/{name}", f"{month_label(month)}: {why}", month)
            for month, both in wrong.items()
            for name, why in filter(None, both)
        ]
        usable = frozenset(month for month, (file, _) in wrong.items() if file is None)
        return replace(state, usable=usable, problems=(*state.problems, *problems))

    def logged(self) -> StoreState:
        """Return the state according to the log. Files of months are not read, so no month counts as usable."""
        read, content = self.chain.read(), Content()
        doubt = read.problem
        for entry in read.entries:
            try:
                content.add(entry)
            except UnknownEntryError as error:
                doubt = f"entry {entry.number} of {self.chain.path.name}: {error}"
                break
        problems = [StoreProblem("log", f"The log of sealed months cannot be trusted: {doubt}")] if doubt else []
        read = replace(read, problem=doubt)
        return StoreState(read, content.seals, frozenset(), frozenset(content.expired), tuple(problems), content)

    def _wrong(self, name: str, digest: str) -> tuple[str, str] | None:
        path = self.folder / name
        if not path.is_file():
            return name, f"the sealed file {name} is missing"
        return None if sha256_of(path) == digest else (name, f"the sealed file {name} was changed after it was sealed")

    def adopt(self, file: Path, name: str) -> str:
        """Copy a file into the store and return its SHA-256. It is synced to disk before it gets its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{name}.partial"
        shutil.copyfile(file, partial)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        digest = sha256_of(partial)
        partial.replace(self.folder / name)
        sync_folder(self.folder)
        return digest

    def seal(self, seal: Seal, at: datetime, kind: str = SEALED) -> None:
        """Record in the log that a month is sealed. Its files must already exist."""
        self.chain.append(kind, seal.to_dict(), at)

    def expire(self, seal: Seal, at: datetime) -> None:
        """Delete a month's files. The log records this first, and its root continues to prove the platform's rows."""
        self.chain.append(EXPIRED, {"month": seal.month, "file": seal.file}, at)
        for name in (seal.file, seal.sums):
            (self.folder / name).unlink(missing_ok=True)

    def restart(self, body: dict[str, Any], at: datetime) -> None:
        """Move all files into a separate folder and start a new log, whose first entry records the restart."""
        self.folder.mkdir(parents=True, exist_ok=True)
        left = [path for path in self.folder.iterdir() if path.is_file()]
        if left:
            aside = self.folder / f"aside-{at:%Y%m%d%H%M%S}"
            aside.mkdir()
            for path in left:
                path.rename(aside / path.name)
        self.chain.append(RESTARTED, body, at)

    def tidy(self, state: StoreState, keep: Collection[str] = ()) -> list[str]:
        """Delete files left by a killed run, which no entry names or whose month has expired, and return their names.

        Do nothing while the log is in doubt. `keep` are names of files that are needed in addition to those of the
        months.
        """
        if state.read.problem or not self.folder.is_dir():
            return []
        known = {
            name for month, seal in state.seals.items() if month not in state.expired for name in (seal.file, seal.sums)
        }
        left = [
            path
            for path in self.folder.iterdir()
            if path.suffix in (".parquet", ".csv", ".partial") and path.name not in known and path.name not in keep
        ]
        for path in left:
            path.unlink()
        return [path.name for path in left]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
