"""The format of a file, as its user states it: delimiter, quotes, encoding, lines to leave out, numbers.

Nothing is guessed.
"""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlm_audit.domain.errors import InputError

Numbers = Literal["plain", "thousands", "indian", "decimal-comma"]
"""The number formats: 1234.50; 1,234,567.50; 12,34,567.50; 1.234.567,50 or 1 234 567,50.

The last three also accept currency signs, Cr and Dr, parentheses and a trailing sign.
"""

Encoding = Literal[
    "utf-8", "utf-16", "cp1252", "latin-1", "iso-8859-15", "cp1250", "cp1251", "cp437", "shift_jis", "gb18030", "big5"
]
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}
QUOTES = {"double": '"', "single": "'", "none": None}
MOST_LINES = 1_000_000
MOST_NAMES, MOST_CHARACTERS = 30, 60


@dataclass(frozen=True)
class FileFormat:
    """The format of a file.

    The defaults follow RFC 4180 and UTF-8. `given` names the options that the user gave, for messages.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"
    skip_lines: int = 0
    skip_footer: int = 0
    numbers: Numbers = "plain"
    whole_ids: bool = False
    given: frozenset[str] = frozenset()

    @property
    def codec(self) -> str:
        """Return Python's name for the encoding. In UTF-8, a byte order mark is not part of the first column's name."""
        return "utf-8-sig" if self.encoding == "utf-8" else self.encoding


CSV_OPTIONS = ("delimiter", "quote", "encoding", "skip-lines", "skip-footer")


def file_format(options: Sequence[tuple[str, str]], *, whole_ids: bool = False) -> FileFormat:
    """Return a format from pairs of an option's name and its text.

    Raise InputError if an option cannot be used, and name it.
    """
    given = dict(options)
    chosen = FileFormat(
        delimiter=_delimiter(given.get("delimiter", ",")),
        quote=_quote(given.get("quote", "double")),
        encoding=_choice("encoding", given.get("encoding", "utf-8"), get_args(Encoding)),
        skip_lines=_count("skip-lines", given.get("skip-lines", "0")),
        skip_footer=_count("skip-footer", given.get("skip-footer", "0")),
        numbers=_choice("numbers", given.get("numbers", "plain"), get_args(Numbers)),  # type: ignore[arg-type]
        whole_ids=whole_ids,
        given=frozenset(given),
    )
    if chosen.delimiter == chosen.quote:
        raise InputError(f"--delimiter and --quote are both {chosen.quote!r}; they must differ")
    return chosen


def shown(text: object) -> str:
    """Return a path or a column's name for a message of one line, with control characters and line ends escaped."""
    plain = str(text)
    return plain if plain.isprintable() else repr(plain)[1:-1]


def listed(names: Iterable[str]) -> str:
    """Return the names of a file's columns; if there are very many, only the first."""
    every = [shown(name)[:MOST_CHARACTERS] for name in names]
    return ", ".join(every[:MOST_NAMES]) + (f", … ({len(every)} in all)" if len(every) > MOST_NAMES else "")


def refuse_csv_options(path: Path, chosen: FileFormat) -> None:
    """Raise InputError when an option for CSV files only is given for a Parquet file."""
    for option in CSV_OPTIONS:
        if option in chosen.given:
            raise InputError(
                f"{shown(path)}: it is a Parquet file, but --{option} applies to CSV files; omit it or give it for the other file"
            )


def _delimiter(text: str) -> str:
    character = DELIMITERS.get(text.lower(), text)
    if (
        len(character) != 1
        or character.isalnum()
        or character in " \r\n.-+\"'\\"
        or not (character.isprintable() or character == "\t")
    ):
        raise InputError(
            f"--delimiter {text!r}: give comma, semicolon, tab, pipe or one other character that is not a letter or digit"
        )
    return character


def _quote(text: str) -> str | None:
    if text.lower() not in QUOTES:
        raise InputError(f"--quote {text!r}: give one of {', '.join(QUOTES)}")
    return QUOTES[text.lower()]


def _choice(option: str, text: str, choices: tuple[str, ...]) -> str:
    if text.lower() in choices:
        return text.lower()
    try:
        name = codecs.lookup(text).name if option == "encoding" else text
    except LookupError:
        name = text
    for choice in choices:
        if option == "encoding" and codecs.lookup(choice).name == name:
            return choice
    raise InputError(f"--{option} {text!r}: give one of {', '.join(choices)}")


def _count(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 7 or int(text) > MOST_LINES:
        raise InputError(f"--{option} {text!r}: give a whole number of lines from 0 to {MOST_LINES}")
    return int(text)
