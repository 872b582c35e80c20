"""The report of a monthly sweep: released and rolled-up amounts, changed members, near misses, and differences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from mlm_audit.domain.counts import SweepCounts
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.items import SweepItem
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.reporting.core.parts import LARGEST, FigureRow, FindingRow, Page, ReportContext, common, shown
from mlm_audit.reporting.core.trend_chart import trend_of, turned
from mlm_audit.reporting.sweep.summary import UNMET, sweep_figures, sweep_sentence

NEAR, DIFFER = 100, 100
COVERED = (
    "A PASS of this run means that a decision was made for every member who counts for the month, and that every posting is in "
    "the ledger. It does not mean that the books agree; only a reconciliation checks that."
)


@dataclass(frozen=True, kw_only=True)
class SweepReport(Page):
    """Everything the template prints."""

    TEMPLATE = "eligibility.html.j2"

    month: str
    done: str
    """`was`, or `would be` for a dry run."""
    money: tuple[FigureRow, ...]
    unmet: tuple[FigureRow, ...]
    changed: tuple[dict[str, Any], ...]
    changed_of: int
    near: tuple[dict[str, Any], ...]
    near_of: int
    findings: tuple[FindingRow, ...]
    findings_of: int


def sweep_report(result: RunResult, tz: ZoneInfo, rerun: str) -> SweepReport:
    """Return the report of monthly-eligibility-sweep. `rerun` is the command for a dry run."""
    counts = SweepCounts.of(result.counts)
    items = SweepItem.all_of(result.items)
    changed = [item for item in items if item.change != "unchanged"]
    near = [item for item in items if item.is_near_miss]
    page = common(result, ReportContext(tz, rerun, "items.csv", {"Month": counts.month}), len(result.items))
    return SweepReport(
        **page | {"all_checked": COVERED},
        title=f"Eligibility of {counts.month}",
        sentence=sweep_sentence(result),
        first=_first(result, near),
        news=(
            f"Since the previous month, {plural(counts.newly_eligible, 'member')} became eligible and "
            f"{grouped(counts.lost)} lost eligibility."
        ),
        figures=tuple(pair for pair in sweep_figures(result) if not pair[0].startswith(" ")),
        trend=trend_of(
            turned(result.trend),
            "Released and rolled up, month by month",
            ("rolled up", "released"),
            shown=format_money,
        ),
        month=counts.month,
        done="would be" if result.dry_run else "was",
        money=_money(counts, dry=result.dry_run),
        unmet=_unmet(counts.by_reason),
        changed=tuple(_shown(item) for item in _by_money(changed)[:LARGEST]),
        changed_of=counts.newly_eligible + counts.lost,
        near=tuple(_shown(item) for item in _by_money(near)[:NEAR]),
        near_of=counts.near_misses,
        findings=tuple(shown(finding) for finding in result.findings[:DIFFER]),
        findings_of=len(result.findings),
    )


def _first(result: RunResult, near: list[SweepItem]) -> str:
    counts = SweepCounts.of(result.counts)
    if counts.left:
        undecided = f"{plural(counts.left, 'member')} could not be decided"
        return f"{undecided}, and {format_money(counts.left_paisa)} stays pending; the findings below give the reasons."
    if counts.differs_from_stored:
        differing = plural(counts.differs_from_stored, "stored decision")
        return f"{differing} would differ with today's data; the findings below give the reasons."
    if result.dry_run and result.verdict is Verdict.PASS:
        return f"If these decisions are correct, run the job: mlm-audit run monthly-sweep --month {counts.month}"
    if not near:
        return "No action is needed."
    if len(near) == 1:
        return "Tell the 1 member who misses exactly one condition which one it is."
    return f"Tell the {plural(len(near), 'member')} who miss exactly one condition which one it is."


def _money(counts: SweepCounts, *, dry: bool) -> tuple[FigureRow, ...]:
    names = (("released", "Released to members"), ("rolled_up", "Rolled up to the company"), ("left", "Left pending"))
    rows = [(f"{label}{' (would be)' if dry and name != 'left' else ''}", *counts.total(name)) for name, label in names]
    largest = max(abs(paisa) for *_, paisa in rows) or 1
    return tuple(
        FigureRow(label, count, format_money(paisa), abs(paisa) * 100 // largest) for label, count, paisa in rows
    )


def _unmet(by_reason: Mapping[str, int]) -> tuple[FigureRow, ...]:
    largest = max(by_reason.values(), default=0) or 1
    ordered = sorted(by_reason.items(), key=lambda entry: -entry[1])
    return tuple(
        FigureRow(UNMET[name][0].upper() + UNMET[name][1:], count, "", count * 100 // largest)
        for name, count in ordered
    )


def _by_money(items: Iterable[SweepItem]) -> list[SweepItem]:
    """Return the items by the amount released or rolled up, largest first."""
    return sorted(items, key=lambda item: (-(item.released_paisa + item.rolled_up_paisa), item.member_id))


def _shown(item: SweepItem) -> dict[str, Any]:
    moved = item.released_paisa or -item.rolled_up_paisa
    return {
        "member": item.member_id,
        "change": item.change,
        "mark": "high" if item.change == "lost" else "",
        "paisa": moved,
        "money": "" if not moved else f"{format_money(abs(moved))} {'released' if moved > 0 else 'rolled up'}",
        "purchases": format_money(item.purchase_paisa),
        "purchase_paisa": item.purchase_paisa,
        "why": "; ".join(item.unmet) or "every condition is met",
    }
