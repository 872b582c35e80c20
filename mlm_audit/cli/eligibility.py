"""`mlm-audit eligibility`: why a member was eligible for a month, or was not."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Id, Json, clock, database, out, print_json, settings_with
from mlm_audit.database.check import require
from mlm_audit.domain.money import format_inr
from mlm_audit.jobs.eligibility import explain_eligibility
from mlm_audit.jobs.sweep import NEEDED

app = App(name="eligibility", help="Why a member was eligible for a month, or was not.")
TITLES = {"active": "Active member", "purchase": "Purchases", "kyc": "KYC", "three_three": "3-3 rule"}


@app.command
def explain(
    member: Id, /, *, month: Annotated[str, Parameter(help="The month, YYYY-MM.")], db: Db = None, json: Json = False
) -> None:
    """Explain every condition, with the orders and directs behind it, what was missing and by how much."""
    settings = settings_with(db)
    engine = database(settings)
    require(engine, NEEDED)
    explained = explain_eligibility(engine, settings, member, month, clock)
    if json:
        print_json(asdict(explained))
        return
    verdict = "[bold green]eligible[/]" if explained.is_eligible else "[bold red]not eligible[/]"
    out.print(f"[bold]Member {explained.member_id}, {explained.month}[/]: {verdict}")
    for condition in explained.conditions:
        mark = "[green]met[/]  " if condition.is_met else "[red]unmet[/]"
        money = condition.condition == "purchase"
        shown = [format_inr(n) if money else str(n) for n in (condition.found, condition.needed)]
        out.print(
            f"  {mark} {TITLES[condition.condition]}: {shown[0]} of {shown[1]}"
            + ("" if condition.is_met else f"; {escape(condition.words)}")
        )
        for row in condition.rows:
            out.print(f"          {escape(row)}")
    if explained.stored is not None:
        word = "eligible" if explained.stored["isEligible"] else "not eligible"
        out.print(f"  Decided: {word}, by {escape(str(explained.stored['jobId']))} at {explained.stored['createdAt']} UTC")
    for posting in explained.postings:
        paisa = posting.get("amount", posting.get("rolledUpAmount", 0))
        out.print(f"  Posted: {posting['table']} {posting['id']}, {format_inr(paisa)}")
    if explained.pending_paisa:
        out.print(f"  Waiting for a decision: {format_inr(explained.pending_paisa)}")
    for note in explained.notes:
        out.print(f"  [dim]Note: {escape(note)}[/]")
