"""The facts of a month that cannot be read or understood, and the members whom they concern."""

from typing import NamedTuple

import polars as pl


class Doubts(NamedTuple):
    """What a month's facts leave open: a word that is not known, or a value that cannot be read.

    `people` maps members of whom it is open whether they count to the reason, `rows` those whose own commission is in doubt. `orders`
    (member_id, paid_orders, purchase_paisa) are what the buyers would have beside their purchases, if every doubt was in their favour.
    """

    people: dict[int, str]
    rows: dict[int, str]
    orders: pl.DataFrame
