"""The mutation scorecard: how many mutations of each column were tried, found and excused, and what the checks lack."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlm_audit.demo.mutations.blind_spots import BlindSpot, blind_spots
from mlm_audit.demo.mutations.case import Case, Consistency
from mlm_audit.demo.mutations.trial import TrialOutcome
from mlm_audit.demo.mutations.true_causes import true_causes


@dataclass
class Line:
    """The counts of one column of one table.

    `decidable` counts the found mutations with a known true cause, and `caused` those whose breaks name it. `remedies`
    counts the mutations that have steps to take, and `closed` those whose steps fix everything.
    """

    tried: int = 0
    found: int = 0
    decidable: int = 0
    caused: int = 0
    excused: int = 0
    missed: int = 0
    remedies: int = 0
    closed: int = 0
    checks: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class MutationScorecard:
    """The result of the trials.

    `missed` are mutations that were not found and are not declared. `stale` are declarations of mutations that were
    found. `miscaused` are mutations that were found without a true cause. `left_open` are mutations with a remedy that
    did not close, and what was wrong with it.
    """

    lines: dict[tuple[str, str], Line]
    missed: tuple[Case, ...]
    stale: tuple[str, ...]
    miscaused: tuple[tuple[Case, tuple[str, ...]], ...]
    left_open: tuple[tuple[Case, tuple[str, ...]], ...] = ()

    @property
    def is_perfect(self) -> bool:
        """Return whether every mutation was found or is declared, and every declaration is true."""
        return not self.missed and not self.stale


def build_scorecard(outcomes: Iterable[TrialOutcome], declared: Sequence[BlindSpot] | None = None) -> MutationScorecard:
    """Count the outcomes and compare them with the declarations."""
    declared = blind_spots() if declared is None else declared
    lines: dict[tuple[str, str], Line] = defaultdict(Line)
    missed: list[Case] = []
    stale: list[str] = []
    miscaused: list[tuple[Case, tuple[str, ...]]] = []
    left_open: list[tuple[Case, tuple[str, ...]]] = []
    for outcome in outcomes:
        case = outcome.edit.case
        line = lines[case.table, case.column]
        spots = [spot for spot in declared if spot.covers(case)]
        line.tried += 1
        line.remedies += bool(outcome.taken.ways)
        line.closed += bool(outcome.taken.ways and not outcome.taken.faults)
        if outcome.taken.faults:
            left_open.append((case, outcome.taken.faults))
        if outcome.found_by:
            _count_found(line, outcome, miscaused)
            stale += [
                f"{case}: declared as a blind spot, but found by {outcome.found_by[0][0]}"
                for spot in spots[:1]
                if not spot.partly
            ]
        elif spots:
            line.excused += 1
        else:
            line.missed += 1
            missed.append(case)
    return MutationScorecard(dict(lines), tuple(missed), tuple(stale), tuple(miscaused), tuple(left_open))


def _count_found(line: Line, outcome: TrialOutcome, miscaused: list[tuple[Case, tuple[str, ...]]]) -> None:
    line.found += 1
    line.checks |= {code for code, _ in outcome.found_by}
    named = tuple(cause for _, cause in outcome.found_by)
    if truth := true_causes(outcome.edit.case):
        line.decidable += 1
        line.caused += bool(truth & set(named))
        if not truth & set(named):
            miscaused.append((outcome.edit.case, named))


def markdown(result: MutationScorecard, *, seeds: int, members: int, share: float) -> str:
    """Return the scorecard as a page of the documentation."""
    total = sum(line.tried for line in result.lines.values())
    head = (
        "# Mutation scorecard\n\n"
        f"`make coverage` tried {total:,} mutations of clean platforms of {members:,} members ({seeds} seeds, {share:.0%} of all "
        "cases). It changes every column of every table, for each kind of row and status, in every way that the type allows, and it "
        "deletes, repeats and forges the row itself. *Plain* mutations change the row alone. *Settled* mutations also recompute "
        f"running balances and the wallet. *{Consistency.MIRRORED.capitalize()}* mutations also change the records that belong to "
        "the row.\n\n"
        "*Found*: a break names the row, its order or its member. *Cause*: the number of mutations whose break names the true "
        "cause, where that is known. *Blind*: the mutation is not found, and [coverage.md](reference/coverage.md) declares the reason. "
        "*Missed*: the mutation is neither found nor declared. *Remedies*: the number of mutations with remedy steps, and the "
        "number of those that closed. To test this, each alternative is applied to a copy, and the audit is run again. A remedy "
        "closed if nothing is open after at most two runs, no unrelated wallet changed and nothing was paid twice. For the other "
        "mutations, a person must first establish the correct data.\n\n"
        "| table | column | tried | found | cause | blind | missed | remedies that closed |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|\n"
    )
    rows = [
        f"| {table} | {column} | {x.tried} | {x.found} | {f'{x.caused} of {x.decidable}' if x.decidable else ''} "
        f"| {x.excused or ''} | {x.missed or ''} | {f'{x.closed} of {x.remedies}' if x.remedies else ''} |"
        for (table, column), x in sorted(result.lines.items())
    ]
    return head + "\n".join(rows) + "\n" + _left_open(result)


def _left_open(result: MutationScorecard) -> str:
    """Return the section on remedies that did not close, each with the first fault that was found."""
    total = sum(line.remedies for line in result.lines.values())
    closed = sum(line.closed for line in result.lines.values())
    twice = sum(any(fault.endswith(" again") for fault in faults) for _, faults in result.left_open)
    head = (
        f"\n## Remedies that leave something open\n\n{closed:,} of {total:,} remedies closed. The others leave a break that the "
        "next run shows, either with steps of its own or for a person to investigate. When the steps were applied twice, a "
        f"wallet moved again for {twice or 'none'} of them.\n\n| change | open afterwards |\n|---|---|\n"
    )
    return head + "".join(f"| {case} | {faults[0].partition(': ')[0]} |\n" for case, faults in sorted(result.left_open))
