"""An instalment from its order to the wallet: why so much, where it stands, what holds it back."""

from datetime import UTC
from typing import Any

from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.database.connect import consistent_read
from mlm_audit.database.payout_reads import story as read_story
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.money import BASIS_POINTS, format_inr, split_evenly
from mlm_audit.domain.payouts import Status
from mlm_audit.domain.plan import DEFAULT_PLAN, load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.story import Story, Table, columns

STEPS = columns(("step", "Step"), ("amount_paisa", "Amount", "change"), ("why", "Why"))
EVENTS = columns(("at", "When", "instant"), ("what", "What"), ("amount_paisa", "Amount", "money"), ("source", "Row"))


def explain_payout(database: Engine, schedule_id: int, settings: Settings) -> Answer:
    """The explanation of an instalment; its steps add up to its amount. InputError when there is none of that id."""
    with consistent_read(database) as connection:
        rows = read_story(connection, schedule_id)
    if rows is None:
        raise InputError(f"payout {schedule_id}: there is no such instalment; `mlm-audit payouts list` shows them")
    schedule = rows["schedule"]
    steps = _steps(rows, settings)
    planned = sum(step["amount_paisa"] for step in steps) if steps else None
    credited = sum(int(row["amount"]) for row in rows["ledger"])
    wrong = _wrong(schedule, planned, rows["ledger"], credited)
    tables = (
        Table("steps", "From the order to the instalment", STEPS, tuple(steps), "The steps add up to the instalment."),
        Table("events", "What became of it", EVENTS, tuple(_events(rows))),
    )
    story = Story(
        title=f"Instalment {schedule_id}",
        verdict=(Verdict.FAIL if wrong else Verdict.PASS if steps else Verdict.INCOMPLETE).value,
        conclusion=_conclusion(schedule, credited, wrong),
        first="Look at the order: mlm-audit explain order " + str(schedule["orderId"]) + "." if wrong else "Nothing to do.",
        facts=_facts(schedule),
        tables=tables,
        notes=() if steps else ("its order is not there or was never paid, so that its amount cannot be derived",),
        timezone=settings.timezone,
        data={
            "schedule_id": schedule_id,
            "amount_paisa": schedule["amount"],
            "planned_paisa": planned,
            "credited_paisa": credited,
        },
    )
    return Answer(story)


def _steps(rows: dict[str, Any], settings: Settings) -> list[dict[str, Any]]:
    """Commissionable amount, less the company's share, less the upline pot, less the other instalments."""
    order = rows["order"][0] if rows["order"] else None
    number = rows["schedule"]["instalment"]
    if order is None or order["paidAt"] is None or number is None:
        return []
    plan = load_plan(settings.plan_file or DEFAULT_PLAN)
    version = plan.version_at(order["paidAt"].replace(tzinfo=UTC), settings.tz)
    if version is None or not 1 <= number <= version.instalments:
        return []
    commission = order["commissionAmount"]
    company = commission * version.company_bps // BASIS_POINTS
    pot = (commission - company) * version.joining_pot_bps // BASIS_POINTS
    parts = split_evenly(commission - company - pot, version.instalments)
    others = sum(parts) - parts[number - 1]
    odd = "the odd paisa go into the first" if number == 1 else "in equal parts, the odd paisa in the first"
    return [
        _step("commissionable amount", commission, f"order {order['id']}"),
        _step("company share", -company, f"{version.company_bps / 100:g} % of it, floored, by version {version.name}"),
        _step("upline pot", -pot, f"{version.joining_pot_bps / 100:g} % of the rest, floored"),
        _step("the other instalments", -others, f"{version.instalments} instalments, {odd}"),
    ]


def _step(name: str, paisa: int, why: str) -> dict[str, Any]:
    return {"step": name, "amount_paisa": paisa, "why": why}


def _wrong(schedule: dict[str, Any], planned: int | None, ledger: list[dict[str, Any]], credited: int) -> str:
    """What is wrong with it, in words; empty when nothing is."""
    if planned is not None and schedule["amount"] != planned:
        return f"the plan gives {format_inr(planned)}"
    if schedule["status"] == Status.PAID and credited != (schedule["actualAmount"] or schedule["amount"]):
        return f"it is marked as paid, and the ledger has {format_inr(credited)} of it"
    if schedule["status"] != Status.PAID and ledger:
        return f"it is {schedule['status']}, and the ledger has {format_inr(credited)} of it: it could be paid twice"
    return ""


def _conclusion(schedule: dict[str, Any], credited: int, wrong: str) -> str:
    amount = format_inr(schedule["amount"])
    if wrong:
        return f"{amount} for member {schedule['userId']}: {wrong}."
    if schedule["status"] == Status.PAID:
        return f"{format_inr(credited)} were credited to member {schedule['userId']}, as the plan says."
    held = f": {schedule['failureReason']}" if schedule["failureReason"] else ""
    return f"{amount} for member {schedule['userId']}, {schedule['status']}{held}."


def _facts(schedule: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return (
        ("Member", str(schedule["userId"])),
        ("Order", str(schedule["orderId"] or "none")),
        ("Instalment", str(schedule["instalment"] or "")),
        ("Status", str(schedule["status"])),
        ("Amount", format_inr(schedule["amount"])),
    )


def _events(rows: dict[str, Any]) -> list[dict[str, Any]]:
    schedule = rows["schedule"]
    found: list[tuple[Any, str, Any, str]] = [
        (schedule["createdAt"], "scheduled", schedule["amount"], f"SelfPayoutSchedule {schedule['id']}")
    ]
    found.append((schedule["payoutDate"], "due", schedule["amount"], f"SelfPayoutSchedule {schedule['id']}"))
    found += [(one["createdAt"], "requeued", None, f"Repair {one['id']}") for one in rows["requeues"]]
    found += [(one["createdAt"], "credited to the wallet", one["amount"], f"ledger {one['id']}") for one in rows["ledger"]]
    found += [
        (one["createdAt"], f"in the history: {one['status']}", one["amount"], f"PayoutHistory {one['id']}")
        for one in rows["history"]
    ]
    if schedule["failureReason"]:
        found.append((schedule["processedAt"], schedule["failureReason"], None, f"SelfPayoutSchedule {schedule['id']}"))
    ordered = sorted(found, key=lambda one: (one[0] is None, one[0]))
    return [{"at": at, "what": what, "amount_paisa": paisa, "source": source} for at, what, paisa, source in ordered]
