"""Opens a text file that may be compressed: a name that ends in `.gz` is read as gzip, any other as it is."""

import gzip
import io
from pathlib import Path
from typing import BinaryIO, TextIO, cast

ENDING = ".gz"


def open_bytes(path: Path) -> BinaryIO:
    """Open the bytes of a file. Raise OSError when it cannot be read, or is not the gzip file that its name says."""
    if path.suffix.lower() != ENDING:
        return path.open("rb")
    return cast("BinaryIO", gzip.open(path, "rb"))


def open_text(path: Path, encoding: str) -> TextIO:
    """Open the text of a file with its own line ends."""
    if path.suffix.lower() != ENDING:
        return path.open(encoding=encoding, newline="")
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")
