"""The money of a run's breaks as a result carries it. `checks/figures.py` defines each quantity and computes it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

LABELS = {
    "breaks": "Breaks",
    "wallet_difference_gross_paisa": "Wallet difference, gross",
    "wallet_difference_net_paisa": "Wallet difference, net",
    "sum_of_findings_paisa": "Sum of findings",
    "money_at_risk_paisa": "Money at risk",
}
"""The name of each quantity in every output."""


@dataclass(frozen=True)
class Money:
    """The quantities at one moment of a run; amounts are paisa."""

    breaks: int = 0
    wallet_difference_gross_paisa: int = 0
    wallet_difference_net_paisa: int = 0
    sum_of_findings_paisa: int = 0
    money_at_risk_paisa: int = 0

    def labelled(self) -> Iterator[tuple[str, int]]:
        """Return the amounts with their names, in the order of LABELS, without the count of breaks."""
        return ((LABELS[name], value) for name, value in asdict(self).items() if name != "breaks")


@dataclass(frozen=True)
class Figures:
    """The quantities before and after the run's corrections."""

    before: Money = Money()
    after: Money = Money()

    @property
    def is_corrected(self) -> bool:
        """Return whether the run's corrections changed a figure."""
        return self.before != self.after

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a dictionary, for JSON and for storage."""
        return asdict(self)


def figures_from(data: Mapping[str, Any]) -> Figures:
    """Return the figures as they were stored. All are zero if nothing was stored."""
    return Figures(*(Money(**data[moment]) if moment in data else Money() for moment in ("before", "after")))
