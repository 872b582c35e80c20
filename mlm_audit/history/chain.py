"""The log of what was sealed: a line of JSON an entry, each with the hash of the one before. It is only ever added to.

An entry that was written in part, when a process was killed or a disk was full, has no end of line: it counts as never
written, and the next entry takes its place. What of the log can only be told by a copy of its head held elsewhere is in
docs/history.md.
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
"""What the first entry names as the hash before it."""


@dataclass(frozen=True)
class Entry:
    """An entry: its number from 1, when (ISO 8601, UTC), of what kind, its content, the hash before it and its own."""

    number: int
    at: str
    kind: str
    body: dict[str, Any]
    before: str
    hash: str


@dataclass(frozen=True)
class Read:
    """The entries up to the first that cannot be believed, and why it cannot; `problem` is empty when all can."""

    entries: tuple[Entry, ...]
    problem: str = ""

    @property
    def head(self) -> str:
        """The hash of the last entry."""
        return self.entries[-1].hash if self.entries else START

    def knows(self, number: int, head: str) -> bool:
        """Whether the log had this head after so many entries: false for another log, and for an older copy of this one."""
        if number == 0:
            return True
        return number <= len(self.entries) and self.entries[number - 1].hash == head


class Chain:
    """The log in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Read:
        """Every entry, each checked against the one before."""
        if not self.path.exists():
            return Read(())
        entries: list[Entry] = []
        for line in self.path.read_bytes().split(b"\n")[:-1]:
            before = entries[-1].hash if entries else START
            if why := _doubt(line, len(entries) + 1, before):
                return Read(tuple(entries), f"entry {len(entries) + 1} of {self.path.name}: {why}")
            entries.append(Entry(**json.loads(line)))
        return Read(tuple(entries))

    def append(self, kind: str, body: dict[str, Any], at: datetime) -> Entry:
        """Add an entry and see it safely on the disk. ValueError when the log so far cannot be believed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._alone() as file:
            seen = self.read()
            if seen.problem:
                raise ValueError(seen.problem)
            fields = {"number": len(seen.entries) + 1, "at": at.isoformat(), "kind": kind, "body": body, "before": seen.head}
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
        """The file, while no other process adds to it."""
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def hash_of(fields: dict[str, Any]) -> str:
    """The hash of an entry's fields without its own hash: of their JSON, keys sorted, nothing between them, in ASCII."""
    return hashlib.sha256(_line({name: value for name, value in fields.items() if name != "hash"})).hexdigest()


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _doubt(line: bytes, number: int, before: str) -> str:
    """Why a line cannot be the entry with this number after the one with this hash; empty when it can."""
    try:
        fields = json.loads(line)
    except ValueError:
        return "it is no JSON"
    if not isinstance(fields, dict) or set(fields) != set(Entry.__dataclass_fields__):
        return "it is no entry"
    if fields["number"] != number:
        return f"it says that it is entry {fields['number']}"
    if fields["before"] != before:
        return "it does not follow from the entry before it"
    return "" if fields["hash"] == hash_of(fields) else "its content is not what its hash was made of"


def _whole_lines(path: Path) -> int:
    """How many bytes there are up to the last end of line."""
    return path.read_bytes().rfind(b"\n") + 1


def sync_folder(folder: Path) -> None:
    """See a folder's names safely on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
