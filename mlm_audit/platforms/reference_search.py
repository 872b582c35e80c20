"""The search for references that are part of a text: which number in it is the id of another row, and which is a level."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mlm_audit.platforms.sections import GROUP

NUMBER = re.compile(r"[0-9]+")
LARGEST_LEVEL = 50
TARGETS = {
    "withdrawal": "withdrawals",
    "self_payout": "payout_schedule",
    **dict.fromkeys(
        ("sponsor_commission", "repurchase_commission", "company_share", "rollup_to_company", "remainder"), "orders"
    ),
}
"""Role of a ledger row → the input whose rows it names."""
LEVELS = ("sponsor_commission", "repurchase_commission", "rollup_to_company")
"""The roles whose rows name a level."""


@dataclass(frozen=True)
class FoundPattern:
    """A pattern, and the number of the texts that it reads."""

    column: str
    pattern: str
    texts: int
    roles: tuple[str, ...] = ()
    """The roles of the ledger rows whose texts it reads."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the columns that the pattern gives."""
        return tuple(GROUP.findall(self.pattern))


def find_patterns(
    texts: Mapping[str, Iterable[tuple[str, str]]], ids: Mapping[str, AbstractSet[str]]
) -> list[FoundPattern]:
    """Return the patterns that find the reference and the level in the texts of a ledger.

    `texts` has pairs of a row's role and its text, by column. `ids` are the ids of each input as texts. A number counts as
    a reference if it is an id in every text of its form.
    """
    found: dict[tuple[str, str], int] = defaultdict(int)
    read: dict[tuple[str, str], set[str]] = defaultdict(set)
    for column, pairs in texts.items():
        forms: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
        for role, text in pairs:
            forms[NUMBER.sub("#", text), role].append(NUMBER.findall(text))
        for (form, role), numbers in forms.items():
            if (written := _pattern(form, role, numbers, ids)) is not None:
                found[column, written] += len(numbers)
                read[column, written].add(role)
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [
        FoundPattern(column, written, count, tuple(sorted(read[column, written])))
        for (column, written), count in ranked
    ]


def _pattern(form: str, role: str, numbers: list[list[str]], ids: Mapping[str, AbstractSet[str]]) -> str | None:
    """Return the pattern of the texts of one form; None when no number of them is a reference."""
    known = ids.get(TARGETS.get(role, ""), frozenset())
    places = range(len(numbers[0]))
    reference = next((place for place in places if known and all(row[place] in known for row in numbers)), None)
    if reference is None or set("^]\\") & set(form):
        return None
    level = None
    if role in LEVELS:
        others = (place for place in places if place != reference)
        level = next((place for place in others if all(0 < int(row[place]) <= LARGEST_LEVEL for row in numbers)), None)
    groups = {reference: "(?<reference_id>[0-9]+)", level: "(?<level_depth>[0-9]+)"}
    first, *rest = form.split("#")
    parts = (groups.get(place, "[0-9]+") + _literal(text) for place, text in enumerate(rest))
    return f"^{_literal(first)}{''.join(parts)}$"


def _literal(text: str) -> str:
    """Return a pattern of exactly this text."""
    return "".join(f"[{one}]" if one in ".*+?()[{}|$" else one for one in text)
