"""The location of the rows of a snapshot's inputs: `<input>.parquet`, or the files that `<input>.parts` lists."""

import json
from collections.abc import Iterable
from pathlib import Path


def list_parts(snapshot: Path, name: str, files: Iterable[Path]) -> None:
    """Make an input of a snapshot consist of these files, wherever they are."""
    (snapshot / f"{name}.parts").write_text(json.dumps([str(file.absolute()) for file in files]), encoding="utf-8")


def parts_of(snapshot: Path, name: str) -> list[Path]:
    """Return the Parquet files of an input; none if the snapshot does not have it."""
    whole, listed = snapshot / f"{name}.parquet", snapshot / f"{name}.parts"
    if whole.exists():
        return [whole]
    return [Path(path) for path in json.loads(listed.read_text(encoding="utf-8"))] if listed.exists() else []


def folders_of(snapshot: Path) -> set[Path]:
    """Return the folders outside the snapshot that hold parts of it."""
    return {path.parent for listed in snapshot.glob("*.parts") for path in parts_of(snapshot, listed.stem)}


def relation(snapshot: Path, name: str) -> str:
    """Return an input's rows as SQL to select from."""
    return rows_in(parts_of(snapshot, name))


def rows_in(files: Iterable[Path]) -> str:
    """Return the rows of Parquet files as SQL to select from."""
    return f"read_parquet([{', '.join(map(quoted, files))}])"


def quoted(path: Path) -> str:
    """Return a path as quoted SQL text."""
    return "'" + str(path).replace("'", "''") + "'"
