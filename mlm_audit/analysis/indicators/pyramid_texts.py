"""Texts of the pyramid indicators: meaning, customary threshold and limits. Full sentences, written for a regulator."""

from typing import NamedTuple


class IndicatorText(NamedTuple):
    """One indicator: its name, what it means, the customary threshold if there is one, and what it does not prove."""

    name: str
    means: str
    customary: str
    not_proof: str


NO_THRESHOLD = "none"
INDICATORS: dict[str, IndicatorText] = {
    "recruiting": IndicatorText(
        "Commission from recruiting",
        "Share of level commission that came from joining orders; every purchase of a member counts as a retail sale.",
        "more than half is commonly taken as a warning",
        "A young or fast growing platform has many joining orders without being a pyramid.",
    ),
    "recruiting_strict": IndicatorText(
        "Commission not from customers",
        "The same share when purchases of builders (members who have sponsored or earned) do not count as sales: only commission on "
        "repurchases of members who only buy counts as commission from products.",
        "more than half is commonly taken as a warning",
        "Builders may buy because they want the goods; the books do not show why a member buys.",
    ),
    "sales_to_customers": IndicatorText(
        "Sales to customers",
        "Share of sales, at full price, that went to members who only buy.",
        "the 70 % rule of some jurisdictions requires that goods are resold to people outside",
        "These books do not contain sales to people who are not members.",
    ),
    "gini": IndicatorText(
        "Gini coefficient of income",
        "How unequal income is among all members: 0 % when all earn the same, near 100 % when one earns everything.",
        NO_THRESHOLD,
        "Income is unequal in honest sales organisations too, since most members sell nothing.",
    ),
    "top_1": IndicatorText(
        "Income of the top 1 %",
        "Share of all income that went to the 1 % of members who earned most, at least one member.",
        NO_THRESHOLD,
        "It does not say whether they earned it by selling or by recruiting.",
    ),
    "top_10": IndicatorText(
        "Income of the top 10 %",
        "Share of all income that went to the 10 % of members who earned most.",
        NO_THRESHOLD,
        "It does not say whether they earned it by selling or by recruiting.",
    ),
    "in_loss": IndicatorText(
        "Members in loss",
        "Share of members whose own purchases of the period exceed their income of the period.",
        NO_THRESHOLD,
        "A member who wanted the goods has lost nothing; other costs are not in these books.",
    ),
    "break_even": IndicatorText(
        "Months to break-even",
        "Median number of months from the first purchase until income covered all purchases, among the members who reached it.",
        NO_THRESHOLD,
        "A member may fall behind again later; members who joined recently had little time.",
    ),
    "never_even": IndicatorText(
        "Never broke even",
        "Share of members with purchases whose income never covered them, from their first purchase to the end of the period.",
        NO_THRESHOLD,
        "A member who wanted the goods has lost nothing; members who joined recently had little time.",
    ),
}
