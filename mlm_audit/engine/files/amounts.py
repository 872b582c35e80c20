"""Parses amounts from text to exact paisa, in the number formats that a user may name.

An amount that is not exact becomes null, and is never rounded.
"""

from typing import get_args

import polars as pl

from mlm_audit.engine.files.format import Numbers

BODIES: dict[str, str] = {
    "thousands": r"[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?|[0-9]+(?:[.][0-9]+)?",
    "indian": r"[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}(?:[.][0-9]+)?|[0-9]+(?:[.][0-9]+)?",
    "decimal-comma": (
        r"[0-9]{1,3}(?:[.][0-9]{3})+(?:,[0-9]+)?|[0-9]{1,3}(?:[ \x{a0}\x{202f}][0-9]{3})+(?:,[0-9]+)?|[0-9]+(?:,[0-9]+)?"
    ),
}
CURRENCY = r"(?:₹|(?i:rs[.]?|inr|usd|eur|gbp)|[$€£])"
SIGN = "[-+\u2212]"
GAP = r"[ \x{a0}\x{202f}]*"
MINUS = ("-", "\u2212")


def plain_pattern(digits: int) -> str:
    """Return the pattern of a plain amount with so many decimal places. Zeros beyond them are exact; other digits are not."""
    places = rf"[0-9]{{1,{digits}}}0{{0,40}}" if digits else "0{1,40}"
    lone = f"|[.]{places}" if digits else ""
    return rf"^[+-]?([0-9]{{1,24}}([.]{places})?{lone})$"


def paisa_of(texts: pl.Series, numbers: Numbers, digits: int = 2) -> pl.Series:
    """Return the minor units of each text as Int64, or as Decimal if one is too large; null for text that is not exact.

    `digits` is the number of decimal places of the currency: 2 gives paisa.
    """
    plain = texts if numbers == "plain" else _as_plain(texts, BODIES[numbers])
    frame = pl.DataFrame({"text": plain}).with_columns(
        pl.col("text").str.contains(plain_pattern(digits)).fill_null(value=False).alias("exact")
    )
    text = pl.when("exact").then(pl.col("text"))
    unsigned = text.str.strip_chars_start("+-")
    point = unsigned.str.split_exact(".", 1)
    whole, fraction = point.struct.field("field_0"), point.struct.field("field_1").fill_null("")
    # The digits after the point are cut to the decimal places. Digits are concatenated, so that no arithmetic can round.
    joined = frame.select(
        (whole + fraction.str.slice(0, digits).str.pad_end(digits, "0")).alias("digits"),
        text.str.starts_with("-").alias("is_debit"),
    )
    wide = joined["digits"].str.len_bytes().max()
    kind: pl.DataType = pl.Decimal(38, 0) if isinstance(wide, int) and wide > 18 else pl.Int64()
    size = pl.col("digits").cast(kind)
    return joined.select(pl.when("is_debit").then(-size).otherwise(size).cast(kind).alias("paisa"))["paisa"]


def formats_for(text: str, digits: int = 2) -> list[str]:
    """Return the number formats other than plain that read a text as an exact amount."""
    one = pl.Series([text], dtype=pl.String)
    return [name for name in get_args(Numbers) if name != "plain" and paisa_of(one, name, digits)[0] is not None]


def _as_plain(texts: pl.Series, body: str) -> pl.Series:
    """Return each text as a sign and an unbroken number with a point.

    Return null for a text that does not follow the format, or that has two signs.
    """
    pattern = (
        rf"^(?P<open>[(]?){GAP}(?P<before>{SIGN}?){GAP}{CURRENCY}?{GAP}(?P<within>{SIGN}?){GAP}(?P<body>{body}){GAP}{CURRENCY}?"
        rf"{GAP}(?P<after>{SIGN}?){GAP}(?P<close>[)]?){GAP}(?:(?P<side>(?i:cr|dr))[.]?)?$"
    )
    groups = pl.col("text").str.strip_chars().str.extract_groups(pattern)
    parts = pl.DataFrame({"text": texts}).select(groups).unnest("text").with_columns(pl.col("side").fill_null(""))
    signs = [pl.col(name) for name in ("before", "within", "after", "open", "side")]
    marks = pl.sum_horizontal((sign != "").cast(pl.Int8) for sign in signs)
    is_sound = (marks <= 1) & ((pl.col("open") == "") == (pl.col("close") == ""))
    is_debit = (
        pl.any_horizontal(pl.col(name).is_in(MINUS) for name in ("before", "within", "after"))
        | (pl.col("open") != "")
        | (pl.col("side").str.to_lowercase() == "dr")
    )
    comma = body == BODIES["decimal-comma"]
    number = pl.col("body").str.replace_all(r"[. \x{a0}\x{202f}]" if comma else ",", "")
    number = number.str.replace(",", ".", literal=True) if comma else number
    sign = pl.when(is_debit).then(pl.lit("-")).otherwise(pl.lit(""))
    return parts.select(pl.when(is_sound).then(sign + number).alias("plain"))["plain"]
