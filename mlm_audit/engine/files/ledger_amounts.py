"""The amounts of the rows of a file, in whichever of the known shapes they are written."""

from collections.abc import Mapping

import polars as pl

from mlm_audit.engine.files.amounts import formats_for, paisa_of
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.identifiers import IdentifierFault, fault_where
from mlm_audit.engine.files.roles import SIDES

AMOUNTS = ("amount", *SIDES, "direction", "balance", "running_balance")
PLACES = {
    0: ("without decimal places", "-1234"),
    2: ("with at most two decimal places", "-1234.50"),
    3: ("with at most three decimal places", "-1234.500"),
}
"""How many decimal places a currency has, in words and as an example."""
ONE_SIDE = "a row is either a debit or a credit"


class LedgerAmounts:
    """The amounts of a chunk: one column, or a debit and a credit column, of which each row fills one.

    `columns` are the names and values by role, of which those without amounts are ignored. Rows that are not `is_ours`
    are not read, and have no amount.
    """

    def __init__(
        self,
        source: InputFile,
        lines: pl.Series,
        columns: Mapping[str, tuple[str, pl.Series]],
        digits: int,
        is_ours: pl.Series,
    ) -> None:
        self.source, self.lines, self.digits, self.is_ours = source, lines, digits, is_ours
        used = {role: column for role, column in columns.items() if role in AMOUNTS}
        self.names = {role: name for role, (name, _) in used.items()}
        self.texts = {role: values.cast(pl.String).str.strip_chars() for role, (_, values) in used.items()}
        self.words = self.texts.pop("direction", None)
        places = 0 if source.format.units == "minor" else digits
        self.exact = {role: paisa_of(text, source.format.numbers, places) for role, text in self.texts.items()}
        self.running = self.exact.pop("running_balance", None)

    def faults(self) -> list[IdentifierFault | None]:
        """Return the first fault of each kind."""
        faults = []
        if self.running is not None:
            faults.append(self._unreadable("running_balance", self.running.is_null()))
        if "debit" not in self.exact:
            faults += [self._unreadable(role, exact.is_null()) for role, exact in self.exact.items()]
            return faults if self.words is None else [*faults, *self._direction_faults(self.words)]
        filled = {role: self.texts[role].fill_null("") != "" for role in SIDES}
        faults += [self._unreadable(role, filled[role] & self.exact[role].is_null()) for role in SIDES]
        for role in SIDES:
            signed = "has a sign; a debit and a credit are written without one, each in its own column"
            faults.append(self._fault(role, (self.exact[role] < 0).fill_null(value=False), signed))
        moved = {role: self.exact[role].fill_null(0) != 0 for role in SIDES}
        faults.append(
            self._fault(
                "debit", moved["debit"] & moved["credit"], f"is given, and there is a credit as well; {ONE_SIDE}"
            )
        )
        faults.append(
            self._fault(
                "debit", ~filled["debit"] & ~filled["credit"], f"is given, and there is no credit either; {ONE_SIDE}"
            )
        )
        return faults

    def paisa(self) -> pl.Series:
        """Return credits less debits, in paisa."""
        if "debit" in self.exact:
            moved = self.exact["credit"].fill_null(0) - self.exact["debit"].fill_null(0)
        else:
            [moved] = self.exact.values()
        if self.words is not None:
            moved = pl.select(
                pl.when(self._has(self.words, self.source.format.debit_words)).then(-moved).otherwise(moved)
            ).to_series()
        return self._seen(moved)

    def running_paisa(self) -> pl.Series:
        """Return the balances after the rows, in paisa; null where no column has them."""
        return (
            pl.repeat(None, len(self.lines), dtype=pl.Int64, eager=True)
            if self.running is None
            else self._seen(self.running)
        )

    def _seen(self, paisa: pl.Series) -> pl.Series:
        """Return amounts with the sign of a credit as positive; null for rows that are not read."""
        seen = -paisa if self.source.format.sign == "reversed" else paisa
        return pl.select(pl.when(self.is_ours).then(seen)).to_series()

    def _has(self, words: pl.Series, wanted: tuple[str, ...]) -> pl.Series:
        """Return which rows have one of these words, in upper or lower case."""
        return words.str.to_lowercase().is_in(list(wanted)).fill_null(value=False)

    def _direction_faults(self, words: pl.Series) -> list[IdentifierFault | None]:
        chosen = self.source.format
        is_known = self._has(words, chosen.credit_words) | self._has(words, chosen.debit_words)
        known = ", ".join((*chosen.credit_words, *chosen.debit_words))
        unknown = f"is not a known direction ({known}); name the words with --credit-words and --debit-words"
        [role] = self.exact
        signed = "has a sign; beside a direction, an amount is written without one"
        return [
            fault_where(self.source, self.lines, ~is_known & self.is_ours, words, (self.names["direction"], unknown)),
            self._fault(role, (self.exact[role] < 0).fill_null(value=False), signed),
        ]

    def _fault(self, role: str, bad: pl.Series, words: str) -> IdentifierFault | None:
        return fault_where(self.source, self.lines, bad & self.is_ours, self.texts[role], (self.names[role], words))

    def _unreadable(self, role: str, bad: pl.Series) -> IdentifierFault | None:
        bad = bad & self.is_ours
        if not bad.any():
            return None
        text = self.texts[role][int(bad.arg_max() or 0)]
        return self._fault(role, bad, f"is not usable; {self._cure(text)}")

    def _cure(self, text: str | None) -> str:
        chosen = self.source.format
        if chosen.units == "minor":
            return "with --units minor, an amount is a whole number"
        places, example = PLACES[self.digits]
        if chosen.numbers != "plain":
            return f"it is not an exact amount {places} in the format --number-format {chosen.numbers}"
        others = formats_for(text, self.digits) if text else []
        reads = (
            f"; if this file uses another number format, give --number-format {' or '.join(others)}" if others else ""
        )
        return f"write amounts as plain decimals {places}, such as {example}{reads}"
