"""Explanation of an instalment from its order to the wallet: how the amount is derived, its status, and any hold."""

from dataclasses import asdict
from datetime import UTC
from typing import Any

import polars as pl
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.subsets import PAYOUT_CHECKS, check_order
from mlm_audit.analysis.explain.wallet import breaks_table, first_of, root_break, root_cause
from mlm_audit.checks.roots import ROOTS
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.money import BASIS_POINTS, format_money, split_evenly
from mlm_audit.domain.payouts import PayoutStatus, known_reason
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.breaks import BREAK_SCHEMA
from mlm_audit.jobs.payouts.explanation import PayoutExplanation, Step, explain_payout_history
from mlm_audit.reporting.core.story import Story, Table, columns

STEPS = columns(("step", "Step"), ("amount_paisa", "Amount", "change"), ("why", "Reason"))
EVENTS = columns(("at", "When", "instant"), ("what", "Event"), ("amount_paisa", "Amount", "money"), ("source", "Row"))


def explain_payout(database: Engine, schedule_id: int, settings: Settings, clock: Clock) -> Answer:
    """Explain an instalment; the steps add up to the amount that the plan gives.

    The reconciliation's own checks run over the rows of its order, so the two cannot disagree. Raise InputError when no
    instalment has that id.
    """
    history = explain_payout_history(database, schedule_id, clock)
    schedule = history.rows["schedule"]
    breaks, unread = _breaks(database, settings, history)
    steps, why_not = _steps(history.rows, settings)
    planned = sum(step["amount_paisa"] for step in steps) if steps else None
    wrong = "; ".join([*_off_plan(schedule, planned), *history.contradictions]) or _worst(breaks)
    found = [breaks_table(breaks)] if breaks.height else []
    tables = (
        Table(
            "steps", "From the order to the instalment", STEPS, tuple(steps), "The steps add up to the planned amount."
        ),
        *found,
        Table("events", "History of the instalment", EVENTS, tuple(_event(step) for step in history.steps)),
    )
    story = Story(
        title=f"Instalment {schedule_id}",
        verdict=(Verdict.FAIL if wrong else Verdict.PASS if steps and not unread else Verdict.INCOMPLETE).value,
        is_complete=bool(steps) and not unread,
        conclusion=_conclusion(history, wrong, planned),
        first=_first(history, wrong, breaks, why_not),
        facts=_facts(history),
        tables=tables,
        notes=tuple(filter(None, (why_not, unread))),
        timezone=settings.timezone,
        data=_data(history, planned),
    )
    return Answer(story)


def _breaks(database: Engine, settings: Settings, history: PayoutExplanation) -> tuple[pl.DataFrame, str]:
    """Return the breaks about the instalment, and why the checks could not run; both are empty without an order."""
    order, number = history.rows["schedule"]["orderId"], history.rows["schedule"]["instalment"]
    if not history.rows["order"]:
        return pl.DataFrame(schema=BREAK_SCHEMA), ""
    try:
        found = check_order(database, settings, int(order), PAYOUT_CHECKS).breaks
    except InputError as error:
        return pl.DataFrame(schema=BREAK_SCHEMA), f"the checks could not read its order: {error}"
    mine = pl.col("id").is_in([f"{code}/{history.schedule_id}" for code in ("payout-ledger", "payout-history")])
    mine |= pl.col("id").is_in([f"duplicate-credit/payout/{history.schedule_id}", f"instalments/{order}/{number}"])
    return found.filter(mine | pl.col("code").is_in((*ROOTS, "refund-not-reversed"))), ""


def _worst(breaks: pl.DataFrame) -> str:
    """Return the message of the first break with the root cause, without its full stop; empty for no break."""
    ranked = breaks.filter(pl.col("cause") == root_cause(breaks))
    return str(ranked["message"][0]).removesuffix(".") if ranked.height else ""


def _data(history: PayoutExplanation, planned: int | None) -> dict[str, Any]:
    return {
        "schedule_id": history.schedule_id,
        "member_id": history.member_id,
        "amount_paisa": history.amount_paisa,
        "status": history.status,
        "planned_paisa": planned,
        "credited_paisa": _credited(history),
        "steps": [asdict(step) for step in history.steps],
        "next": history.next,
        "contradictions": list(history.contradictions),
    }


def _steps(rows: dict[str, Any], settings: Settings) -> tuple[list[dict[str, Any]], str]:
    """Return the steps that derive the amount, and an empty reason; or no steps, and why there are none.

    The steps are the commissionable amount, less the company share, the upline pot and the other instalments.
    """
    order = rows["order"][0] if rows["order"] else None
    number, commission = rows["schedule"]["instalment"], order and order["commissionAmount"]
    if order is None:
        return [], "the amount cannot be derived: it names no order, or an order that does not exist"
    if order["paidAt"] is None:
        return [], f"the amount cannot be derived: order {order['id']} has no time of payment"
    plan = load_plan(settings.plan_path)
    version = plan.version_at(order["paidAt"].replace(tzinfo=UTC), settings.tz)
    if version is None:
        return [], "the amount cannot be derived: no version of the plan was in force when its order was paid"
    if not isinstance(number, int) or not 1 <= number <= version.instalments:
        return (
            [],
            f"the amount cannot be derived: the plan has {version.instalments} instalments, and the number of this one is out of range",
        )
    if not isinstance(commission, int) or commission < 0:
        return [], f"the amount cannot be derived: order {order['id']} has no commissionable amount in whole paisa"
    company = commission * version.company_bps // BASIS_POINTS
    pot = (commission - company) * version.joining_pot_bps // BASIS_POINTS
    parts = split_evenly(commission - company - pot, version.instalments)
    others = sum(parts) - parts[number - 1]
    odd = "the first has the remaining paisa" if number == 1 else "in equal parts, the first with the remaining paisa"
    steps = [
        _step("commissionable amount", commission, f"order {order['id']}"),
        _step(
            "company share",
            -company,
            f"{version.company_bps / 100:g} % of it, rounded down, under plan version {version.name}",
        ),
        _step("upline pot", -pot, f"{version.joining_pot_bps / 100:g} % of the rest, rounded down"),
        _step("the other instalments", -others, f"{version.instalments} instalments, {odd}"),
    ]
    return steps, ""


def _step(name: str, paisa: int, why: str) -> dict[str, Any]:
    return {"step": name, "amount_paisa": paisa, "why": why}


def _off_plan(schedule: dict[str, Any], planned: int | None) -> list[str]:
    """Return how the amount differs from the plan, in words; empty when it does not."""
    if planned is None or schedule["amount"] == planned:
        return []
    return [f"the planned amount is {format_money(planned)}"]


def _credited(history: PayoutExplanation) -> int:
    return sum(int(row["amount"]) for row in history.rows["ledger"])


def _conclusion(history: PayoutExplanation, wrong: str, planned: int | None) -> str:
    head = f"{_inr(history.amount_paisa)} for member {history.member_id}"
    if wrong:
        return f"{head}: {wrong}."
    if history.status == PayoutStatus.PAID:
        plan = ", as planned" if planned is not None else "; the planned amount could not be derived"
        return f"{format_money(_credited(history))} was credited to member {history.member_id}{plan}."
    reason = history.rows["schedule"]["failureReason"]
    return f"{head}, {history.status}" + (f": {known_reason(reason)}." if reason else ".")


def _first(history: PayoutExplanation, wrong: str, breaks: pl.DataFrame, why_not: str) -> str:
    if (root := root_break(breaks)) is not None:
        return first_of(root)
    if not wrong:
        return f"Resolve the following: {why_not}." if why_not else history.next
    order = history.rows["schedule"]["orderId"]
    return history.next if order is None else f"Review the order: mlm-audit explain order {order}."


def _inr(paisa: object) -> str:
    """Format an amount; return the repr of a value that is not a whole number of paisa."""
    return format_money(paisa) if isinstance(paisa, int) else repr(paisa)


def _facts(history: PayoutExplanation) -> tuple[tuple[str, str], ...]:
    schedule = history.rows["schedule"]
    return (
        ("Member", str(history.member_id)),
        ("Order", str(schedule["orderId"] or "none")),
        ("Instalment", str(schedule["instalment"] or "")),
        ("Status", history.status),
        ("Retries used", str(schedule["retryCount"])),
        ("Amount", _inr(history.amount_paisa)),
    )


def _event(step: Step) -> dict[str, Any]:
    amount = step.amount_paisa if isinstance(step.amount_paisa, int) else None
    return {"at": step.at, "what": step.what, "amount_paisa": amount, "source": f"{step.table} {step.row_id}"}
