"""What a file says according to Python's `csv` and `decimal`: slow, obvious, and written without a look at the reader."""

import csv
import io
import re
from decimal import Decimal, InvalidOperation

from mlm_audit.engine.files.format import FileFormat


class Refused(Exception):  # noqa: N818
    """The oracle finds no exact reading."""


def oracle_records(data: bytes, chosen: FileFormat) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and each record with the physical line on which it starts."""
    try:
        text = data.decode("utf-8-sig" if chosen.encoding == "utf-8" else chosen.encoding)
    except UnicodeError as error:
        raise Refused from error
    lines = list(io.StringIO(text, newline=""))
    if chosen.skip_footer:
        filled = [number for number, line in enumerate(lines) if line.strip("\r\n")]
        lines = lines[: filled[-chosen.skip_footer]] if len(filled) >= chosen.skip_footer else []
    reader = csv.reader(
        lines[chosen.skip_lines :],
        delimiter=chosen.delimiter,
        quotechar=chosen.quote or None,
        quoting=csv.QUOTE_MINIMAL if chosen.quote else csv.QUOTE_NONE,
    )
    records, end = [], chosen.skip_lines
    try:
        for fields in reader:
            if fields:
                records.append((end + 1, fields))
            end = chosen.skip_lines + reader.line_num
    except csv.Error as error:
        raise Refused from error
    if not records:
        raise Refused
    (_, header), *rows = records
    if any(len(fields) != len(header) for _, fields in rows):
        raise Refused
    return [name.strip() for name in header], rows


def oracle_rows(data: bytes, chosen: FileFormat, roles: list[str]) -> list[tuple[int, str, int]]:
    """(line, id, paisa) of each record; `roles` is [amount] or [debit, credit]."""
    header, records = oracle_records(data, chosen)
    try:
        member, *amounts = (header.index(name) for name in ["account_id", *roles])
    except ValueError as error:
        raise Refused from error
    return [
        (line, _id(fields[member]), _total([fields[at] for at in amounts], chosen.numbers)) for line, fields in records
    ]


def _id(text: str) -> str:
    if not text.strip(" \t"):
        raise Refused
    return text.strip(" \t")


def _total(texts: list[str], numbers: str) -> int:
    if len(texts) == 1:
        return oracle_paisa(texts[0], numbers)
    debit, credit = (oracle_paisa(text, numbers) if text.strip() else 0 for text in texts)
    if not any(text.strip() for text in texts):
        raise Refused
    return credit - debit


def oracle_paisa(text: str, numbers: str) -> int:
    """Paisa by `decimal`, after what a person would cross out."""
    text = text.strip()
    negative = False
    if numbers != "plain":
        text = re.sub(r"₹|(?i:rs\.?(?=\s*\d)|inr|usd|eur|gbp)|[$€£]", "", text).strip()
        if side := re.search(r"(?i)\s*(cr|dr)\.?$", text):
            negative = side[1].lower() == "dr"
            text = text[: side.start()].strip()
        if text.startswith("(") and text.endswith(")"):
            negative, text = True, text[1:-1].strip()
        if text[-1:] in ("-", "−", "+"):
            negative, text = text[-1] != "+", text[:-1].strip()
        text = text.replace("−", "-")
        if numbers == "decimal-comma":
            text = re.sub(r"(?<=\d)[. \xa0\u202f](?=\d{3}(\D|$))", "", text).replace(",", ".")
        else:
            text = text.replace(",", "")
    if not re.fullmatch(r"[+-]?\s*[0-9]*\.?[0-9]+", text):
        raise Refused
    try:
        paisa = Decimal(re.sub(r"[ \xa0\u202f]", "", text)).scaleb(2)
    except InvalidOperation as error:
        raise Refused from error
    if paisa != paisa.to_integral_value():
        raise Refused
    return -int(paisa) if negative else int(paisa)
