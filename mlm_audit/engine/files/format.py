"""The format of a file, as its user states it: delimiter, quotes, encoding, lines to leave out, numbers.

Nothing is guessed.
"""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args

from mlm_audit.domain.errors import InputError


class FileKind(StrEnum):
    """The kinds of files that are read."""

    CSV = "CSV"
    JSON_LINES = "JSON lines"
    PARQUET = "Parquet"
    WORKBOOK = "Excel"


Numbers = Literal["plain", "thousands", "indian", "decimal-comma"]
"""The number formats: 1234.50; 1,234,567.50; 12,34,567.50; 1.234.567,50 or 1 234 567,50.

The last three also accept currency signs, Cr and Dr, parentheses and a trailing sign.
"""

Units = Literal["major", "minor"]
"""What an amount is written in: rupees, or whole paisa."""
Sign = Literal["as-stored", "reversed"]
"""Whether a credit is positive, or a debit is."""
MatchIds = Literal["case", "zeros", "unicode"]
"""Ways in which the ids of one account may differ: upper and lower case, leading zeros, and equivalent characters."""
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
    units: Units = "major"
    sign: Sign = "as-stored"
    credit_words: tuple[str, ...] = ("credit", "cr")
    debit_words: tuple[str, ...] = ("debit", "dr")
    """The words in the column of the direction, in lower case."""
    sheet: str | None = None
    """The sheet of a workbook; the only one if none is named."""
    whole_ids: bool = False
    match_ids: tuple[MatchIds, ...] = ()
    given: frozenset[str] = frozenset()

    @property
    def codec(self) -> str:
        """Return Python's name for the encoding. In UTF-8, a byte order mark is not part of the first column's name."""
        return "utf-8-sig" if self.encoding == "utf-8" else self.encoding


FORMAT_OPTIONS = {
    "delimiter": (FileKind.CSV,),
    "quote": (FileKind.CSV,),
    "encoding": (FileKind.CSV, FileKind.JSON_LINES),
    "skip-lines": (FileKind.CSV, FileKind.WORKBOOK),
    "skip-footer": (FileKind.CSV, FileKind.WORKBOOK),
    "sheet": (FileKind.WORKBOOK,),
}
"""Options that apply to some kinds of file only."""


def file_format(
    options: Sequence[tuple[str, str]], *, whole_ids: bool = False, match_ids: str | None = None
) -> FileFormat:
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
        numbers=_choice("number-format", given.get("number-format", "plain"), get_args(Numbers)),  # type: ignore[arg-type]
        units=_choice("units", given.get("units", "major"), get_args(Units)),  # type: ignore[arg-type]
        sign=_choice("sign", given.get("sign", "as-stored"), get_args(Sign)),  # type: ignore[arg-type]
        credit_words=_words("credit-words", given.get("credit-words", "credit,cr")),
        debit_words=_words("debit-words", given.get("debit-words", "debit,dr")),
        sheet=given.get("sheet"),
        whole_ids=whole_ids,
        match_ids=tuple(
            _choice("match-ids", word, get_args(MatchIds))  # type: ignore[misc]
            for word in (_words("match-ids", match_ids) if match_ids is not None else ())
        ),
        given=frozenset(given),
    )
    if chosen.delimiter == chosen.quote:
        raise InputError(f"--delimiter and --quote are both {chosen.quote!r}; they must differ")
    if both := set(chosen.credit_words) & set(chosen.debit_words):
        raise InputError(f"--credit-words and --debit-words both have {min(both)!r}; a word has one direction")
    return chosen


def shown(text: object) -> str:
    """Return a path or a column's name for a message of one line, with control characters and line ends escaped."""
    plain = str(text)
    return plain if plain.isprintable() else repr(plain)[1:-1]


def listed(names: Iterable[str]) -> str:
    """Return the names of a file's columns; if there are very many, only the first."""
    every = [shown(name)[:MOST_CHARACTERS] for name in names]
    return ", ".join(every[:MOST_NAMES]) + (f", … ({len(every)} in all)" if len(every) > MOST_NAMES else "")


def refuse_options_of_others(path: Path, chosen: FileFormat, kind: FileKind) -> None:
    """Raise InputError when an option is given for a file of a kind to which it does not apply."""
    article = "an" if kind is FileKind.WORKBOOK else "a"
    for option, kinds in FORMAT_OPTIONS.items():
        if option in chosen.given and kind not in kinds:
            raise InputError(
                f"{shown(path)}: it is {article} {kind} file, but --{option} applies to {' and '.join(kinds)} files; omit it or give it for "
                "the other file"
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


def _words(option: str, text: str) -> tuple[str, ...]:
    example = "case,zeros" if option == "match-ids" else "credit,cr"
    words = tuple(word.strip().lower() for word in text.split(","))
    if not all(words):
        raise InputError(f"--{option} {text!r}: give words separated by commas, such as {example}")
    return words


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
