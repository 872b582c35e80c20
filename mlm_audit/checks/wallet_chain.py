"""A member's ledger rows as a chain up to the wallet, with every gap between the two."""

from typing import NamedTuple

import polars as pl


class WalletChain(NamedTuple):
    """The chain of one member. The gaps, the gap at the end and the ledger add up to the wallet, to the paisa.

    `rows` are the ledger rows with sum_paisa and gap_paisa. sum_paisa is the running sum of the amounts. gap_paisa is
    the change of the running balance that the amounts do not explain; it is null where a row has no running balance.
    """

    rows: pl.DataFrame
    wallet_paisa: int
    ledger_paisa: int
    end_gap_paisa: int

    @property
    def difference_paisa(self) -> int:
        """Return the wallet minus the ledger, in paisa."""
        return self.wallet_paisa - self.ledger_paisa

    @property
    def gaps(self) -> pl.DataFrame:
        """Return the rows at which the running balance differs from the amounts."""
        return self.rows.filter(pl.col("gap_paisa") != 0)


def wallet_chain(ledger: pl.DataFrame, wallet_paisa: int | None) -> WalletChain:
    """Return the chain of one member.

    `ledger` has the columns id, amount_paisa and balance_after_paisa, in the order of the ids. The amount of a row
    without a running balance is counted at the next row that has one.
    """
    wallet, total, known, since = wallet_paisa or 0, 0, 0, 0
    sums: list[int] = []
    gaps: list[int | None] = []
    for amount, balance in ledger.select("amount_paisa", "balance_after_paisa").iter_rows():
        total += amount or 0
        since += amount or 0
        sums.append(total)
        gaps.append(None if balance is None else balance - known - since)
        if balance is not None:
            known, since = balance, 0
    rows = ledger.with_columns(
        pl.Series("sum_paisa", sums, dtype=pl.Int64), pl.Series("gap_paisa", gaps, dtype=pl.Int64)
    )
    return WalletChain(rows, wallet, total, wallet - known - since)
