"""Which rows of the files are compared: those of a time, of a currency, or of one account. All others are counted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import polars as pl

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import CURRENCIES
from mlm_audit.engine.files.format import MatchIds
from mlm_audit.engine.files.identifiers import comparable

DateForm = Literal["iso", "day-first", "month-first"]
"""How a file writes days: 2026-10-31, 31/10/2026 or 10/31/2026, each with a time behind it or none."""
FORMS: dict[DateForm, tuple[str, str]] = {
    "iso": (r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?$", "%Y-%m-%d"),
    "day-first": (r"^([0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[T ,].*)?$", "%d/%m/%Y"),
    "month-first": (r"^([0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[T ,].*)?$", "%m/%d/%Y"),
}

EXAMPLES: dict[DateForm, str] = {"iso": "2026-10-31", "day-first": "31/10/2026", "month-first": "10/31/2026"}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is compared. Without any choice it is every row."""

    since: date | None = None
    until: date | None = None
    """The first and the last day of the ledger rows that are compared."""
    dates: DateForm = "iso"
    currency: str | None = None
    account: str | None = None
    """The account whose statement the ledger is. Its rows name no account."""

    @property
    def digits(self) -> int:
        """Return the number of decimals of the currency's minor unit: 2, unless a currency with others is named."""
        return CURRENCIES[self.currency].digits if self.currency else 2

    @property
    def has_days(self) -> bool:
        """Return whether a row's day decides whether it is compared."""
        return self.since is not None or self.until is not None


def selection_of(
    *,
    since: str | None = None,
    until: str | None = None,
    dates: str = "iso",
    currency: str | None = None,
    account: str | None = None,
    match_ids: Collection[MatchIds] = (),
) -> Selection:
    """Return the selection that the options describe, with the account in the form in which ids are compared.

    Raise InputError for an option that cannot be used.
    """
    if dates not in get_args(DateForm):
        raise InputError(f"--dates {dates!r}: give one of {', '.join(get_args(DateForm))}")
    if currency is not None and currency.upper() not in CURRENCIES:
        raise InputError(f"--currency {currency!r}: give one of {', '.join(CURRENCIES)}")
    if account is not None and not account.strip():
        raise InputError("--account '': give the account whose statement the ledger is")
    first, last = _day("since", since), _day("until", until)
    if first and last and first > last:
        raise InputError(f"--since {first} is after --until {last}; no row could be compared")
    return Selection(
        since=first,
        until=last,
        dates=dates,  # type: ignore[arg-type]
        currency=currency.upper() if currency else None,
        account=comparable(pl.Series([account.strip()]), match_ids)[0] if account else None,
    )


def days_of(texts: pl.Series, form: DateForm) -> pl.Series:
    """Return the day of each text; null for a text that does not have this form, or is no day of the calendar."""
    pattern, written = FORMS[form]
    day = (
        pl.col("text").str.strip_chars().str.extract(pattern, 1).str.replace_all(r"[-.]", "-" if form == "iso" else "/")
    )
    return pl.DataFrame({"text": texts.cast(pl.String)}).select(day.str.to_date(written, strict=False).alias("day"))[
        "day"
    ]


def left_out(selection: Selection, ids: pl.Series, days: pl.Series | None, currencies: pl.Series | None) -> pl.Series:
    """Return for each row why it is not compared; null for a row that is."""
    columns = {"id": ids, "day": days, "currency": currencies}
    frame = pl.DataFrame([values.alias(name) for name, values in columns.items() if values is not None])
    reason = pl.lit(None, dtype=pl.String)
    if selection.account:
        reason = pl.when(pl.col("id") != selection.account).then(pl.lit("of other accounts")).otherwise(reason)
    if days is not None and selection.until:
        reason = pl.when(pl.col("day") > selection.until).then(pl.lit(f"after {selection.until}")).otherwise(reason)
    if days is not None and selection.since:
        reason = pl.when(pl.col("day") < selection.since).then(pl.lit(f"before {selection.since}")).otherwise(reason)
    if currencies is not None:
        other = pl.concat_str(pl.lit("in "), "currency")
        reason = pl.when(pl.col("currency") != selection.currency).then(other).otherwise(reason)
    return frame.with_columns(reason.alias("left_out"))["left_out"]


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--{option} {text!r}: give a day, such as 2026-10-31") from None
