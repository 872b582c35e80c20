"""Facts of a month that cannot be read or interpreted, and the members whom they concern."""

from typing import NamedTuple

import polars as pl


class UncertainFacts(NamedTuple):
    """What the facts of a month leave open, because a word is not known or a value cannot be read.

    `people` gives the reason for each member who may or may not count. `rows` gives the reason for each member whose
    own commission is in doubt. `orders` (member_id, paid_orders, purchase_paisa) holds what each buyer would have in
    addition to their purchases if every doubt were decided in their favour.
    """

    people: dict[int, str]
    rows: dict[int, str]
    orders: pl.DataFrame
