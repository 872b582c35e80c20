"""The chain of a member's ledger rows up to the wallet, and every place where the two part."""

from typing import NamedTuple

import polars as pl


class Chain(NamedTuple):
    """The gaps, the end's gap and the ledger add up to the wallet, to the paisa.

    `rows`: the ledger rows with sum_paisa (running sum of the amounts) and gap_paisa (what the running balance moved besides
    the amounts; null where a row has no running balance).
    """

    rows: pl.DataFrame
    wallet_paisa: int
    ledger_paisa: int
    end_gap_paisa: int

    @property
    def difference_paisa(self) -> int:
        """What the wallet holds beyond the ledger."""
        return self.wallet_paisa - self.ledger_paisa

    @property
    def gaps(self) -> pl.DataFrame:
        """The rows at which the running balance parts from the amounts."""
        return self.rows.filter(pl.col("gap_paisa") != 0)


def wallet_chain(ledger: pl.DataFrame, wallet_paisa: int | None) -> Chain:
    """The chain of one member. `ledger`: columns id, amount_paisa, balance_after_paisa, in the order of their ids.

    A row without a running balance moves the next one that has it.
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
    rows = ledger.with_columns(pl.Series("sum_paisa", sums, dtype=pl.Int64), pl.Series("gap_paisa", gaps, dtype=pl.Int64))
    return Chain(rows, wallet, total, wallet - known - since)
