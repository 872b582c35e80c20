"""Patterns of misuse: the cases found, the worst examples, what they mean and do not prove (docs/analysts/what-if.md)."""

from datetime import datetime
from typing import Any

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.indicators.misuse_patterns import PatternResult, find_all
from mlm_audit.analysis.indicators.misuse_texts import PATTERNS
from mlm_audit.database.reads.shared_numbers import SharedNumbers
from mlm_audit.domain.money import plural
from mlm_audit.engine.analyses import AnalysisQueries
from mlm_audit.reporting.core.story import Story, Table, columns

SHOWN = 10
MEMBERS_SHOWN = 10
NOTES = (
    "A pattern is a reason to investigate, not a proof. Each pattern states what it does not prove.",
    (
        "Amounts are those of the orders or withdrawals themselves; for cycles, shared numbers and bursts, they are the total that was "
        "ever credited to the members."
    ),
)


def suspicious(
    queries: AnalysisQueries, shared: dict[str, SharedNumbers], now: datetime, *, reveal: bool = False
) -> Answer:
    """Search the whole history for every pattern in PATTERNS.

    `shared` are the numbers that members share (`database.reads.shared_numbers`), masked unless they are revealed. The
    tables are `patterns` (code, result FOUND / NONE / INCOMPLETE, cases, members, amount_paisa, why), `examples` (the
    worst 10 of each) and `reading` (what each means). The verdict is INCOMPLETE when a pattern could not be checked.
    """
    found = find_all(queries, shared, now)
    ordered = {code: found[code] for code in PATTERNS}
    notes = (*NOTES, *(["Personal numbers are shown in full. Handle this answer as personal data."] if reveal else []))
    return Answer(
        Story(
            "Suspicious patterns",
            _conclusion(ordered),
            verdict="INCOMPLETE" if any(one.incomplete for one in ordered.values()) else "",
            first=_first(ordered),
            tables=(_patterns(ordered), _examples(ordered), _reading()),
            notes=notes,
            timezone=queries.duck.settings.timezone,
            data={
                "found": {code: [list(case.members) for case in one.examples[:SHOWN]] for code, one in ordered.items()}
            },
        )
    )


def result_of(found: PatternResult) -> str:
    """Return FOUND, NONE or INCOMPLETE."""
    if found.incomplete:
        return "INCOMPLETE"
    return "FOUND" if found.examples else "NONE"


def _patterns(found: dict[str, PatternResult]) -> Table:
    rows: list[dict[str, Any]] = [
        {
            "code": code,
            "pattern": PATTERNS[code].name,
            "result": result_of(one),
            "cases": None if one.incomplete else len(one.examples),
            "members": None if one.incomplete else len({member for case in one.examples for member in case.members}),
            "amount_paisa": None if one.incomplete else sum(case.amount_paisa for case in one.examples),
            "why": one.incomplete,
        }
        for code, one in found.items()
    ]
    keep = columns(
        "code",
        "pattern",
        "result",
        ("cases", "Cases", "count"),
        ("members", "Members", "count"),
        ("amount_paisa", "Amount", "money"),
        ("why", "Reason not checked"),
    )
    marked = frozenset(number for number, row in enumerate(rows) if row["result"] != "NONE")
    return Table("patterns", "Patterns checked", keep, tuple(rows), marked=marked)


def _examples(found: dict[str, PatternResult]) -> Table:
    rows = tuple(
        {"code": code, "members": _ids(case.members), "what": case.what, "amount_paisa": case.amount_paisa}
        for code, one in found.items()
        for case in one.examples[:SHOWN]
    )
    keep = columns("code", "members", "what", ("amount_paisa", "Amount", "money"))
    about = f"Up to {SHOWN} cases of each pattern, the most serious first."
    return Table(
        "examples", "Most serious cases", keep, rows, about, of=sum(len(one.examples) for one in found.values())
    )


def _ids(members: tuple[int, ...]) -> str:
    more = len(members) - MEMBERS_SHOWN
    return ", ".join(map(str, members[:MEMBERS_SHOWN])) + (f" … and {more} more" if more > 0 else "")


def _reading() -> Table:
    keep = columns("code", "means", ("not_proof", "What it does not prove"), ("next_step", "What to review next"))
    rows = tuple(
        {"code": code, "means": words.means, "not_proof": words.not_proof, "next_step": words.next_step}
        for code, words in PATTERNS.items()
    )
    return Table("reading", "Meaning of the patterns", keep, rows)


def _conclusion(found: dict[str, PatternResult]) -> str:
    there = [code for code, one in found.items() if result_of(one) == "FOUND"]
    missing = [code for code, one in found.items() if one.incomplete]
    cases = sum(len(found[code].examples) for code in there)
    counted = f"{plural(cases, 'case')} of {plural(len(there), 'pattern')}"
    said = (
        f"{counted} {'was' if cases == 1 else 'were'} found: {', '.join(there)}"
        if there
        else "None of the patterns was found"
    )
    return f"{said}." + (f" Not checked: {', '.join(missing)}." if missing else "")


def _first(found: dict[str, PatternResult]) -> str:
    worst = max(
        ((code, one.examples[0]) for code, one in found.items() if one.examples),
        key=lambda pair: pair[1].amount_paisa,
        default=None,
    )
    if worst is None:
        return ""
    code, case = worst
    return f"Review member {case.members[0]} ({PATTERNS[code].name}: {case.what})."
