"""The local mirror of the platform's inputs: Parquet pieces by id, and a manifest of the pieces of a run's inputs.

A manifest is named by its own SHA-256, and a stored run names its manifest. A run that was killed therefore changes
nothing. Its pieces are in no manifest that a stored run names, and the next run deletes them.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

FORMAT = 3
LOWEST = -(2**63)


@dataclass(frozen=True)
class Piece:
    """The rows of an input from the id `low` up to the next piece, in a file of `size` bytes.

    `figures` are what the platform computed from these rows.
    """

    low: int
    file: str
    size: int
    rows: int
    figures: tuple[int, ...] = ()
    is_open: bool = False
    """Whether some of its rows are still to be decided."""


@dataclass(frozen=True)
class Manifest:
    """The inputs of one run: input → its pieces in the order of their ids. Instants are ISO 8601 in UTC.

    `full_at` is when every row was last read. `fingerprint` is that of the rules that the run used.
    """

    read_at: str
    full_at: str
    fingerprint: str
    inputs: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)
    is_checked: bool = False
    """Whether every check ran.

    What a check would have found that did not run is unknown to the next incremental run.
    """

    def rows(self) -> dict[str, int]:
        """Map each input to the number of its rows."""
        return {name: sum(piece.rows for piece in pieces) for name, pieces in self.inputs.items()}

    def text(self) -> str:
        """Return the manifest as it is written."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True)

    @cached_property
    def name(self) -> str:
        """Return the name by which a stored run refers to the manifest."""
        return hashlib.sha256(self.text().encode()).hexdigest()


class Mirror:
    """The mirror of one database, in a folder.

    Files that are taken in stay in `scratch` until `settle` moves them, when the run is to be stored.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch

    def load(self, name: str | None) -> Manifest | None:
        """Return the manifest of that name; None when it, or a piece that it names, is missing or was altered."""
        path = self.folder / f"{name}.json"
        if not name or not path.is_file():
            return None
        text = path.read_bytes()
        if hashlib.sha256(text).hexdigest() != name:
            return None
        manifest = _manifest(json.loads(text))
        if manifest is None or not all(
            self._is_there(piece) for pieces in manifest.inputs.values() for piece in pieces
        ):
            return None
        return manifest

    def _is_there(self, piece: Piece) -> bool:
        path = self.folder / piece.file
        return path.is_file() and path.stat().st_size == piece.size

    def take(self, file: Path) -> tuple[str, int]:
        """Take a file in. Return its name in the mirror, and its size in bytes."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
        name = f"{file.stem.split('.')[0]}-{digest.hexdigest()[:24]}.parquet"
        file.replace(self.scratch / name)
        return name, (self.scratch / name).stat().st_size

    def settle(self, manifest: Manifest) -> None:
        """Move the files that were taken in to their place, and write the manifest when all of them are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.scratch.glob("*.parquet") if self.scratch.is_dir() else ():
            partial = self.folder / f"{file.name}.partial"
            shutil.move(file, partial)
            partial.replace(self.folder / file.name)
        partial = self.folder / f"{manifest.name}.partial"
        partial.write_text(manifest.text(), encoding="utf-8")
        partial.replace(self.folder / f"{manifest.name}.json")

    def keep_only(self, manifest: Manifest | None) -> None:
        """Delete everything that this manifest does not name."""
        if not self.folder.is_dir():
            return
        named = {piece.file for pieces in manifest.inputs.values() for piece in pieces} if manifest else set()
        for path in self.folder.iterdir():
            if path.name not in named and (manifest is None or path.name != f"{manifest.name}.json"):
                path.unlink()

    def files(self, pieces: Iterable[Piece]) -> list[Path]:
        """Return the files of pieces."""
        fresh = {file.name for file in self.scratch.glob("*.parquet")} if self.scratch.is_dir() else set()
        return [(self.scratch if piece.file in fresh else self.folder) / piece.file for piece in pieces]


def _manifest(data: dict[str, Any]) -> Manifest | None:
    if data.pop("format", None) != FORMAT:
        return None
    pieces = {
        name: tuple(Piece(**{**piece, "figures": tuple(piece["figures"])}) for piece in some)
        for name, some in data.pop("inputs").items()
    }
    return Manifest(**data, inputs=pieces)
