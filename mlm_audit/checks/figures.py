"""The money of a run's breaks. Each quantity is defined and named once, here, for every page, mail and program.

- *Wallet difference*: what a member's wallet holds minus what the ledger adds up to. Over all members, net is the sum
  with signs, and gross is the sum of the absolute values.
- *Sum of findings*: the sum of the absolute amounts of all breaks. Money that several checks report is counted several
  times.
- *Money at risk*: the same money, counted once.

Each quantity has one value before the run's corrections and one after them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.domain.figures import Figures, Money
from mlm_audit.domain.findings import Finding

WALLET_CODES = ("wallet-balance", "balance-ledger", "account-unknown")
"""The checks that find wallets that differ from their ledger: one for a platform, two for files."""


def figures_of(findings: Iterable[Finding], corrected: Collection[str] = ()) -> Figures:
    """Return the figures of a run's findings.

    Cleared findings do not count. Findings whose id is in `corrected` count only in the figures before the corrections.
    """
    found = [finding for finding in findings if finding.state != "cleared"]
    gone = set(corrected)
    return Figures(
        _money(found), _money([finding for finding in found if finding.id not in gone]) if gone else _money(found)
    )


def _money(found: Sequence[Finding]) -> Money:
    wallets = [finding.amount_paisa or 0 for finding in found if finding.code in WALLET_CODES]
    return Money(
        len(found), sum(map(abs, wallets)), sum(wallets), sum_of_findings(found), sum(at_risk_by_cause(found).values())
    )


def sum_of_findings(found: Iterable[Finding]) -> int:
    """Return the sum of the absolute amounts of breaks, in paisa.

    Money that several breaks report is counted several times.
    """
    return sum(abs(finding.amount_paisa or 0) for finding in found)


def money_at_risk(found: Sequence[Finding]) -> int:
    """Return the money of breaks in paisa, counted once."""
    return sum(at_risk_by_cause(found).values())


def at_risk_by_cause(found: Sequence[Finding]) -> dict[str, int]:
    """Return the paisa at risk by cause, counted once. The causes add up to the money at risk.

    Breaks of one cause that share a member or an order are about the same money. Such a group counts as much as the
    check with the largest total in it. A break that follows from another is counted with that one.
    """
    sums: dict[str, int] = dict.fromkeys((finding.cause for finding in found), 0)
    for cause, mine in _by_root(found).items():
        for group in _groups(mine):
            by_code: dict[str, int] = defaultdict(int)
            for finding in group:
                by_code[finding.code] += abs(finding.amount_paisa or 0)
            sums[cause] += max(by_code.values())
    return sums


def _by_root(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return the breaks by cause.

    A break that follows from another is listed under the cause of that one, if it is among them.
    """
    causes: dict[str, str] = {finding.id: finding.cause for finding in found}
    roots = {finding.id: root for finding in found if (root := _root_of(finding)) is not None}
    by_cause: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        root = roots.get(finding.id)
        root = roots.get(root, root) if root else None  # a root may follow from another one
        cause = causes.get(root) if root else None
        by_cause[cause or finding.cause].append(finding)
    return by_cause


def _root_of(finding: Finding) -> str | None:
    """Return the id of the break that this one follows from, as its facts name it; None if it follows from none."""
    if finding.cause != FOLLOWS:
        return None
    return next((row.facts.get("root_id") for row in finding.evidence if row.facts), None)


def _groups(mine: Sequence[Finding]) -> Iterable[list[Finding]]:
    """Return groups of breaks that share a member, an order or a root.

    A break that names none of them is a group of its own.
    """
    parent: dict[Any, Any] = {}

    def top(place: Any) -> Any:
        while parent.setdefault(place, place) != place:
            parent[place] = place = parent[parent[place]]
        return place

    places = [_places(finding) for finding in mine]
    for first, *rest in places:
        for other in rest:
            parent[top(other)] = top(first)
    groups: dict[Any, list[Finding]] = defaultdict(list)
    for finding, (first, *_) in zip(mine, places, strict=True):
        groups[top(first)].append(finding)
    return groups.values()


def _places(finding: Finding) -> list[tuple[str, Any]]:
    named = [("order_id", finding.order_id), ("member_id", finding.member_id)]
    return [("id", _root_of(finding) or finding.id), *((name, number) for name, number in named if number is not None)]
