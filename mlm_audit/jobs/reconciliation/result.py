"""Builds the parts of a reconciliation's result: counts, what was not checked, notes, alerts and the stored data."""

from dataclasses import asdict
from typing import Any

import polars as pl

from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.figures import Figures
from mlm_audit.domain.findings import CheckRun, CheckStatus, RunResult, accuracy_percent
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import OF_HISTORY, EngineResult
from mlm_audit.reporting.reconciliation.report import report_sentence


def counts_of(
    found: EngineResult, figures: Figures, corrections: int, rows_changed: int | None
) -> ReconciliationCounts:
    """Return the counts that are stored with the run.

    `corrections` is the number of wallets that it corrected. `rows_changed` is None for a full run.
    """
    users = found.rows.get("users", 0)
    accuracy = accuracy_percent(users - found.broken_members, users)
    is_full = rows_changed is None
    return ReconciliationCounts(
        users_checked=users,
        discrepancies_found=figures.before.breaks,
        auto_corrections=corrections,
        total_discrepancy_paisa=figures.before.wallet_difference_gross_paisa,
        accuracy=min(accuracy, 99.99) if figures.before.breaks else accuracy,
        residual_paisa=found.bridge.residual_paisa,
        undecided_lines=found.undecided_lines if is_full else None,
        undecided_paisa=found.undecided_paisa if is_full else None,
        rows_changed=rows_changed,
    )


def not_checked_of(found: EngineResult, missing: dict[str, str]) -> tuple[str, ...]:
    """Return what was not checked: inputs that were not read, checks that did not run, and a residual in the bridge."""
    notes = [f"{name}: {reason}" for name, reason in sorted(missing.items())]
    notes += [
        f"check {run.code} did not run: {run.reason}" for run in found.checks if run.status is CheckStatus.NOT_RUN
    ]
    if found.bridge.residual_paisa:
        notes.append(
            f"the proof failed: no cause explains {format_money(found.bridge.residual_paisa)} of the difference "
            "between ledger and wallets"
        )
    return tuple(notes)


def notes_of(found: EngineResult, missing: dict[str, str]) -> tuple[str, ...]:
    """Return what was not checked, and the checks that do not apply."""
    return (*not_checked_of(found, missing), *_not_applicable(found))


def _not_applicable(found: EngineResult) -> list[str]:
    """Return one note for each reason why checks do not apply."""
    by_reason: dict[str, list[str]] = {}
    for run in found.checks:
        if run.status is CheckStatus.NOT_APPLICABLE:
            by_reason.setdefault(str(run.reason), []).append(run.code)
    return [
        f"{'' if reason in OF_HISTORY.values() else 'not checkable on this platform: '}"
        f"{'check' if len(codes) == 1 else 'checks'} {', '.join(codes)}: {reason}"
        for reason, codes in by_reason.items()
    ]


def undecided_note(found: EngineResult, *, is_full: bool) -> tuple[str, ...]:
    """Return a note on the order lines for which the platform's data allow either posting.

    The note is left out unless every order was checked.
    """
    if not is_full or not found.undecided_lines:
        return ()
    lines = plural(found.undecided_lines, "order line")
    note = (
        f"{lines} of {format_money(found.undecided_paisa)} in total may be posted to the upline or to the company: it is not "
        "recorded whether the upline was active when the order was paid, so either posting was accepted"
    )
    return (note,)


def alerts_of(settings: Settings, still_open: pl.DataFrame, figures: Figures, *, capped: bool) -> tuple[str, ...]:
    """Return the reasons for an alert, one sentence each; without a reason no alert is sent."""
    alerts = []
    critical = still_open.filter(pl.col("severity") == "critical").height
    if critical:
        alerts.append(f"{plural(critical, 'critical break')} {'is' if critical == 1 else 'are'} open")
    if still_open.height > settings.alert_breaks:
        are = "is" if still_open.height == 1 else "are"
        alerts.append(f"{plural(still_open.height, 'break')} {are} open; the alert limit is {settings.alert_breaks}")
    if (off := figures.after.wallet_difference_gross_paisa) > settings.alert_total_paisa:
        alerts.append(
            f"the wallet difference is {format_money(off)} gross, more than {format_money(settings.alert_total_paisa)}"
        )
    if capped:
        cap = format_money(settings.correction_run_cap_paisa)
        alerts.append(f"corrections stopped at the cap of {cap}: many small differences often have one common cause")
    return tuple(alerts)


def stored_data(result: RunResult) -> dict[str, Any]:
    """Return what the stored report holds of a run, ready for JSON."""
    bridge = asdict(result.bridge) if result.bridge else None
    return {
        "verdict": result.verdict.value,
        "is_complete": result.is_complete,
        "not_checked": list(result.not_checked),
        "figures": result.figures.to_dict() if result.figures else {},
        "sentence": report_sentence(result),
        "as_of": result.as_of.isoformat(),
        "bridge": bridge,
        "notes": list(result.notes),
        "alerts": list(result.alerts),
        "rows_read": result.rows_read,
        "plan": result.plan,
        "platform": result.platform,
        "checks": [_check_data(check) for check in result.checks],
    }


def _check_data(check: CheckRun) -> dict[str, Any]:
    return {"code": check.code, "status": check.status.value, "breaks": check.breaks, "reason": check.reason}
