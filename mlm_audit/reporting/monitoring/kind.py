"""The kinds of report of `daily-status-report`, `weekly-summary` and `health-ping`. They write no files."""

from mlm_audit.domain.counts import DayCounts, HealthCounts, WeekCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.reporting.core.kind import ReportKind


def _day_sentence(result: RunResult) -> str:
    counts = DayCounts.of(result.counts)
    if not counts.runs:
        return "No job ran in the last 24 hours."
    if not result.findings:
        return f"{plural(counts.runs, 'run')} in the last 24 hours without a problem; no alert is sent."
    return f"{plural(counts.runs, 'run')} in the last 24 hours: {grouped(counts.failed)} failed, {grouped(counts.missed)} missed."


def _day_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    counts = DayCounts.of(result.counts)
    return tuple((name.capitalize(), grouped(getattr(counts, name))) for name in ("runs", "good", "failed", "missed"))


def _week_sentence(result: RunResult) -> str:
    counts = WeekCounts.of(result.counts)
    return f"{plural(counts.runs, 'run')} in the last week, {grouped(counts.failed)} failed; {format_money(counts.paid_paisa)} paid."


def _week_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    counts = WeekCounts.of(result.counts)
    before = counts.before
    plain = (("runs", "Runs"), ("failed", "Failed"), ("paid", "Payouts"), ("members", "Members decided"))
    money = (("paid_paisa", "Paid"), ("released_paisa", "Released"), ("rolled_up_paisa", "Rolled up"))
    figures = [
        (label, f"{grouped(getattr(counts, name))} (previous week {grouped(getattr(before, name))})")
        for name, label in plain
    ]
    figures += [
        (label, f"{format_money(getattr(counts, name))} (previous week {format_money(getattr(before, name))})")
        for name, label in money
    ]
    figures += [(b.name, f"{b.new} new, {b.cleared} cleared, {b.open} open") for b in counts.breaks]
    return tuple(figures)


def _health_sentence(result: RunResult) -> str:
    problems = len(result.findings)
    need = "needs" if problems == 1 else "need"
    return (
        f"{problems} of {plural(HealthCounts.of(result.counts).parts, 'component')} {need} attention."
        if problems
        else "No component needs attention."
    )


def _health_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    counts = HealthCounts.of(result.counts)
    return tuple(
        (name.capitalize(), grouped(getattr(counts, name))) for name in ("ok", "unknown", "warning", "failing")
    )


DAY = ReportKind(sentence=_day_sentence, figures=_day_figures)
WEEK = ReportKind(sentence=_week_sentence, figures=_week_figures)
HEALTH = ReportKind(sentence=_health_sentence, figures=_health_figures)
