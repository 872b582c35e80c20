"""The summary of a monthly sweep: its sentence and its key figures."""

from mlm_audit.domain.counts import SweepCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import format_money, grouped, plural


def sweep_sentence(result: RunResult) -> str:
    """Return a sentence that says what was decided, or would be decided in a dry run."""
    counts = SweepCounts.of(result.counts)
    done = "would be" if result.dry_run else "was"
    of_this_run = "" if result.dry_run or counts.decided == counts.members else " in this run"
    are = "is" if counts.eligible == 1 else "are"
    return (
        f"{counts.month}: {plural(counts.eligible, 'member')} {are} eligible and {grouped(counts.ineligible)} not; "
        f"{format_money(counts.released_paisa)} {done} released and {format_money(counts.rolled_up_paisa)} {done} rolled up"
        f"{of_this_run}."
    )


def sweep_figures(result: RunResult) -> tuple[tuple[str, str], ...]:
    """Return the key figures, then the number of members for each unmet condition."""
    counts = SweepCounts.of(result.counts)
    plain = (
        ("members", "Members evaluated"),
        ("eligible", "Eligible"),
        ("ineligible", "Not eligible"),
        ("newly_eligible", "Newly eligible"),
        ("lost", "Lost eligibility"),
        ("unchanged", "Unchanged since the previous month"),
        ("near_misses", "Near misses (one condition unmet)"),
        ("differs_from_stored", "Different from the stored decision"),
        ("already_decided", "Decided before this run"),
    )
    money = (("released_paisa", "Released"), ("rolled_up_paisa", "Rolled up"), ("left_paisa", "Left pending"))
    figures = [(label, grouped(getattr(counts, name))) for name, label in plain]
    figures += [(label, format_money(getattr(counts, name))) for name, label in money]
    figures += [(f"  {UNMET[reason]}", grouped(count)) for reason, count in counts.by_reason.items()]
    return tuple(figures)


UNMET = {
    "active": "not active",
    "purchase": "purchases too small",
    "kyc": "KYC not approved",
    "three_three": "3-3 rule not met",
}
