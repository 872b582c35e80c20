"""Files as hostile as they come, with what they hold: made from a seed, so that each can be made again."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from mlm_audit.engine.files.format import FileFormat, file_format

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "~": "~", ":": ":"}
NAMES = (
    "ledger.csv",
    "export[1].csv",
    "a*b.csv",
    "what?.csv",
    "{a,b}.csv",
    "account_id=7/ledger.csv",
    "year=2026/month=10/l.csv",
    "it's.csv",
    "~x.csv",
    "100%.txt",
    "naïve ₹.csv",
)
IDS = (
    "1",
    "2",
    "007",
    "7",
    "#1002",
    "#",
    "A-1",
    "x y",
    "1.0",
    "NULL",
    "0",
    "-",
    "मेरा",
    "é",
    "9223372036854775808",
    "'q",
    "=1+1",
    "\\N",
    "//c",
)
NOTES = (
    "",
    "x",
    "two words",
    "#no comment",
    "5",
    "a;b",
    "a,b",
    "a|b",
    "a\tb",
    "one\ntwo",
    "one\r\ntwo\n\nfour",
    'say "hi"',
    '"',
    "it's",
    "\\",
    "\\n",
    "é ₹",
)
ASCII_NOTES = tuple(note for note in NOTES if note.isascii())
LINE_ENDS = ("\n", "\r\n", "\r")
SPECIAL = (
    '"',
    "'",
    ",",
    ";",
    "\t",
    "|",
    "\n",
    "\r",
    "\r\n",
    "#",
    "\\",
    " ",
    "0",
    "9",
    "-",
    ".",
    "a",
    "\u00a0",
    "\ufeff",
    "\0",
    "€",
    '""',
    '",\n',
    "\n\n",
)


@dataclass
class Hostile:
    """A file: its bytes and options, the rows that it holds (line, id, paisa), and the line of a fault put into it."""

    name: str
    data: bytes
    format: FileFormat
    columns: dict[str, str]
    rows: list[tuple[int, str, int]]
    kind: str
    fault: str = ""
    fault_line: int | None = None
    options: list[tuple[str, str]] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """The file, beside others that a pattern or a folder's name would bring in."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


class Maker:
    """One file from one seed: sound, with one known fault, or damaged at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        self.delimiter_word = pick(["comma"] * 4 + list(DELIMITERS))
        self.delimiter = DELIMITERS[self.delimiter_word]
        self.quote_word = pick(["double"] * 5 + ["single", "none"])
        self.quote = {"double": '"', "single": "'", "none": ""}[self.quote_word]
        self.encoding = pick(["utf-8"] * 6 + ["utf-16", "cp1252", "latin-1", "utf-8-sig"])
        self.ends = pick([("\n",), ("\n",), ("\r\n",), ("\r",), LINE_ENDS])
        self.numbers = pick(["plain"] * 3 + ["thousands", "indian", "decimal-comma"])
        self.sides = self.random.random() < 0.2
        self.quoting = pick(["minimal", "minimal", "all", "some"])
        self.skip_lines = pick([0, 0, 0, 1, 3])
        self.footer = pick([0, 0, 0, 1, 2])
        self.blanks = self.random.random() < 0.25

    # --- fields ----------------------------------------------------------------------------------------------------

    def text(self, choices: tuple[str, ...]) -> str:
        """A field that this file can hold: without quotes there is no line end in it, and no delimiter."""
        encoding = self.encoding if self.encoding in ("cp1252", "latin-1") else "utf-8"
        usable = [text for text in choices if _fits(text, encoding)]
        if not self.quote:
            usable = [text for text in usable if not set(text) & {"\n", "\r", self.delimiter}]
        return self.random.choice(usable)

    def amount(self) -> tuple[str, int]:
        """An amount as this file writes it, and its paisa."""
        size = self.random.choice([1, 3, 5, 7, 11, 19, 24])
        paisa = self.random.randrange(0, 10**size)
        sign = self.random.random() < 0.4 and not self.sides
        return self.shown(paisa, negative=sign), -paisa if sign else paisa

    def shown(self, paisa: int, *, negative: bool) -> str:
        """Paisa in the number format of the file."""
        whole, part = divmod(paisa, 100)
        fraction = self.random.choice(
            [f"{part:02d}", f"{part:02d}00"]
            + ([""] if not part else [])
            + ([str(part // 10)] if part % 10 == 0 else [])
        )
        digits = str(whole)
        if self.numbers == "plain":
            text = digits + ("." + fraction if fraction else "")
            return ("-" if negative else self.random.choice(["", "", "+"] if not self.sides else [""])) + text
        mark, comma = (".", ",") if self.numbers == "decimal-comma" else (",", ".")
        if self.random.random() < 0.7:
            digits = _grouped(digits, mark, 2 if self.numbers == "indian" else 3)
        text = digits + (comma + fraction if fraction else "")
        currency = self.random.choice(["", "", "$", "Rs. ", "INR "])
        if negative:
            return self.random.choice(
                [
                    f"-{currency}{text}",
                    f"({currency}{text})",
                    f"{currency}{text} Dr",
                    f"{text}-",
                    f"{currency}{text} DR.",
                ]
            )
        return self.random.choice([f"{currency}{text}", text, f"{currency}{text} Cr" if not self.sides else text])

    def written(self, text: str) -> str:
        """A field with its quotes, where it needs them or likes to have them."""
        if not self.quote:
            return text
        needs = any(mark in text for mark in (self.delimiter, self.quote, "\n", "\r"))
        likes = self.quoting == "all" or (self.quoting == "some" and self.random.random() < 0.3)
        if needs or likes:
            return self.quote + text.replace(self.quote, self.quote * 2) + self.quote
        return text

    # --- files -----------------------------------------------------------------------------------------------------

    def header(self) -> list[str]:
        """The columns in any order, with others among them."""
        names = ["account_id", *(["debit", "credit"] if self.sides else ["amount"])]
        names += self.random.sample(
            ["note", "date", "ref #", "", "x;y" if self.delimiter != ";" else "x,y"], self.random.randrange(0, 4)
        )
        if not self.quote:
            names = [name.replace(self.delimiter, "_") for name in names]
        self.random.shuffle(names)
        return names

    def fields(self, names: list[str]) -> tuple[list[str], str, int]:
        """One record, with its id and its paisa."""
        member = self.text(IDS)
        text, paisa = self.amount()
        while self.delimiter in text and not self.quote:
            text, paisa = self.amount()
        values = {name: self.text(ASCII_NOTES if self.encoding != "utf-8" else NOTES) for name in names}
        values["account_id"] = self.random.choice(["", " "]) + member + self.random.choice(["", "  "])
        if self.sides:
            side = self.random.choice(["debit", "credit"])
            other = "credit" if side == "debit" else "debit"
            zero = "0,00" if self.numbers == "decimal-comma" and self.quote else "0"
            values[side], values[other] = text, self.random.choice(["", zero])
            paisa = -paisa if side == "debit" else paisa
        else:
            values["amount"] = text
        return [values[name] for name in names], member.strip(), paisa

    def make(self) -> Hostile:
        """The file."""
        names = self.header()
        lines: list[str] = [
            self.random.choice(["Statement", "", 'says "x', "1,2,3", "account_id,amount"])
            for _ in range(self.skip_lines)
        ]
        physical = self.skip_lines
        records = [self.delimiter.join(map(self.written, names))]
        physical += 1
        rows: list[tuple[int, str, int]] = []
        for _ in range(self.random.choice([1, 2, 3, 8, 40])):
            if self.blanks and self.random.random() < 0.3:
                records.append("")
                physical += 1
            fields, member, paisa = self.fields(names)
            record = self.delimiter.join(map(self.written, fields))
            rows.append((physical + 1, member, paisa))
            records.append(record)
            physical += lines_in(record) + 1
        footers = [self.random.choice(["Total,1", "(2 rows)", "end", '"']) for _ in range(self.footer)]
        made = Hostile(self.random.choice(NAMES), b"", FileFormat(), self.roles(), rows, "sound")
        chance = self.random.random()
        if chance < 0.35:
            self.fault(made, records, names)
        text = self.joined([*lines, *records, *footers])
        if self.random.random() < 0.2 and not text.endswith(("\n\n", "\r\r")) and records[-1]:
            text = text.rstrip("\r\n") if not self.footer else text
        if chance > 0.65:
            text = self.damaged(text)
            made.kind = "damaged"
        made.data = self.encoded(text)
        if made.fault == "bad byte":
            made.data = made.data[:-1] + b"\xff\xff\n"
        made.options = self.options()
        made.format = file_format(made.options)
        return made

    def joined(self, lines: list[str]) -> str:
        """The lines with their ends; an empty line after `\r` must not end with `\n`, which would be one end of two characters."""
        text = ""
        for line in lines:
            end = self.random.choice(self.ends)
            text += line + (text[-1] if not line and text.endswith("\r") and end == "\n" else end)
        return text

    def roles(self) -> dict[str, str]:
        """The columns that the amounts are in."""
        return {name: name for name in (("debit", "credit") if self.sides else ("amount",))}

    def encoded(self, text: str) -> bytes:
        """The bytes; what another encoding does not have is replaced, so that it can be damage too."""
        return text.encode(
            self.encoding, errors="replace" if self.encoding in ("cp1252", "latin-1") else "surrogatepass"
        )

    def options(self) -> list[tuple[str, str]]:
        """What the user would say about this file."""
        options = [("delimiter", self.delimiter_word), ("number-format", self.numbers)]
        if self.quote_word != "double" or self.random.random() < 0.3:
            options.append(("quote", self.quote_word))
        if self.encoding not in ("utf-8", "utf-8-sig"):
            options.append(("encoding", self.encoding))
        if self.skip_lines:
            options.append(("skip-lines", str(self.skip_lines)))
        if self.footer:
            options.append(("skip-footer", str(self.footer)))
        return options

    # --- faults ----------------------------------------------------------------------------------------------------

    def fault(self, made: Hostile, records: list[str], names: list[str]) -> None:
        """Put one known fault into the records, in the place of one that is sound."""
        filled = [place for place, record in enumerate(records) if place and record]
        place = self.random.choice(filled)
        line: int | None = self.skip_lines + 1 + sum(lines_in(record) + 1 for record in records[:place])
        good = [self.written("7") for _ in names]
        at = names.index("account_id")
        amount = names.index("debit" if self.sides else "amount")
        kinds = [
            "short",
            "long",
            "no id",
            "no amount",
            "half a paisa",
            "not a number",
            "header again",
            "another header",
            "null byte",
        ]
        kinds += ["twice"] + ([] if self.footer else ["total"]) + (["bad byte"] if self.encoding == "utf-8" else [])
        kinds += ["unclosed", "quote within"] if self.quote else []
        kind = self.random.choice(kinds)
        if self.sides:
            good[names.index("credit")] = ""
        changed = list(good)
        if kind == "short":
            changed.pop(at)
        elif kind == "long":
            changed.append("7")
        elif kind == "no id":
            changed[at] = ""
        elif kind == "no amount":
            changed[amount] = ""
        elif kind == "half a paisa":
            changed[amount] = (
                self.written("1,005" if self.numbers == "decimal-comma" else "1.005") if self.quote else "1:005"
            )
        elif kind == "not a number":
            changed[amount] = self.random.choice(["nan", "1e3", "x", "--1", "0x10", "1 2", "٣"])
        elif kind == "header again":
            changed = list(map(self.written, names))
        elif kind == "another header":
            changed = [*map(self.written, names), "more"]
        elif kind == "null byte":
            changed[at] = "7\0"
        elif kind == "total":
            changed[at] = self.random.choice(["Total", "TOTAL:", "grand total"])
        elif kind == "quote within":
            changed[at] = f"7{self.quote}7"
        elif kind == "unclosed":
            place, line = (
                filled[-1],
                self.skip_lines + 1 + sum(lines_in(record) + 1 for record in records[: filled[-1]]),
            )
            changed[at] = f"{self.quote}7"
        if kind == "twice":
            records[0] = self.delimiter.join(map(self.written, [*names, names[at]]))
            line = self.skip_lines + 1
        elif kind != "bad byte":
            records[place] = self.delimiter.join(changed)
        if kind == "bad byte":
            line = None  # at the end, wherever that is
        made.kind, made.fault, made.fault_line = "faulty", kind, line

    def damaged(self, text: str) -> str:
        """Some characters put in, taken out or doubled anywhere."""
        for _ in range(self.random.choice([1, 1, 2, 5])):
            at = self.random.randrange(len(text) + 1)
            match self.random.randrange(4):
                case 0 | 1:
                    text = text[:at] + self.random.choice(SPECIAL) + text[at:]
                case 2:
                    text = text[:at] + text[at + self.random.choice([1, 1, 2, 9]) :]
                case _:
                    end = at + self.random.choice([1, 3, 30])
                    text = text[:end] + text[at:end] + text[end:]
        return text


def lines_in(text: str) -> int:
    """Line ends inside a record."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def exact(paisa: int) -> Decimal:
    """For messages."""
    return Decimal(paisa) / 100


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _grouped(digits: str, mark: str, size: int) -> str:
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - size) : end] for end in range(len(head), 0, -size)][::-1]
    return mark.join([*groups, tail])
