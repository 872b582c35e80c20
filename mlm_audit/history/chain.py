"""The append-only log of the sealed history: one line of JSON per entry, each with the hash of the entry before it.

An entry that was only partly written, because a process was killed or the disk was full, has no end of line. It counts
as never written, and the next entry replaces it. docs/operators/history.md says which changes to the log can only be
detected with a copy of its head that is held elsewhere.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

START = "0" * 64
"""The previous hash that the first entry names."""


@dataclass(frozen=True)
class Entry:
    """A log entry: its number from 1, time (ISO 8601, UTC), kind and content, the previous hash and its own hash."""

    number: int
    at: str
    kind: str
    body: dict[str, Any]
    before: str
    hash: str


@dataclass(frozen=True)
class LogRead:
    """The entries before the first one that cannot be trusted. `problem` is the reason, or empty."""

    entries: tuple[Entry, ...]
    problem: str = ""

    @property
    def head(self) -> str:
        """Return the hash of the last entry."""
        return self.entries[-1].hash if self.entries else START

    def knows(self, number: int, head: str) -> bool:
        """Return whether the log had this head after `number` entries.

        The result is False for another log and for an older copy of this one.
        """
        if number == 0:
            return True
        return number <= len(self.entries) and self.entries[number - 1].hash == head


class ChainedLog:
    """The log, stored in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> LogRead:
        """Return every entry, each verified against the one before."""
        if not self.path.exists():
            return LogRead(())
        entries: list[Entry] = []
        for line in self.path.read_bytes().split(b"\n")[:-1]:
            before = entries[-1].hash if entries else START
            if why := _doubt(line, len(entries) + 1, before):
                return LogRead(tuple(entries), f"entry {len(entries) + 1} of {self.path.name}: {why}")
            entries.append(Entry(**json.loads(line)))
        return LogRead(tuple(entries))

    def append(self, kind: str, body: dict[str, Any], at: datetime) -> Entry:
        """Append an entry and sync it to disk. Raise ValueError when the existing log cannot be trusted."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone() as file:
            seen = self.read()
            if seen.problem:
                raise ValueError(seen.problem)
            fields = {
                "number": len(seen.entries) + 1,
                "at": at.isoformat(),
                "kind": kind,
                "body": body,
                "before": seen.head,
            }
            entry = Entry(**fields, hash=hash_of(fields))  # type: ignore[arg-type]
            file.truncate(_whole_lines(self.path))
            file.seek(0, os.SEEK_END)
            file.write(_line(fields | {"hash": entry.hash}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)
        return entry

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """Lock the file, so that no other process appends to it, and yield it."""
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def hash_of(fields: dict[str, Any]) -> str:
    """Return the hash of an entry's fields without its own hash: of ASCII JSON with sorted keys and no spaces."""
    return hashlib.sha256(_line({name: value for name, value in fields.items() if name != "hash"})).hexdigest()


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _doubt(line: bytes, number: int, before: str) -> str:
    """Return why a line cannot be the entry with this number after the given hash; empty when it can."""
    try:
        fields = json.loads(line)
    except ValueError:
        return "it is not valid JSON"
    if not isinstance(fields, dict) or set(fields) != set(Entry.__dataclass_fields__):
        return "it is not a log entry"
    if fields["number"] != number:
        return f"its number is {fields['number']}"
    if fields["before"] != before:
        return "it does not follow from the entry before it"
    return "" if fields["hash"] == hash_of(fields) else "its content does not match its hash"


def _whole_lines(path: Path) -> int:
    """Return the number of bytes up to and including the last end of line."""
    return path.read_bytes().rfind(b"\n") + 1


def sync_folder(folder: Path) -> None:
    """Sync the file names of a folder to disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
