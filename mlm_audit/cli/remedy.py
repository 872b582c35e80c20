"""`mlm-audit remedy`: show the exact steps that correct a break, or the decision that a person must take."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from mlm_audit.analysis.audit import Audit
from mlm_audit.analysis.audit import connect as connect_to
from mlm_audit.checks.remedies import Remedy, Step
from mlm_audit.cli.common import NO_DATABASE, Db, Json, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.domain.errors import InputError

app = App(name="remedy")
RunId = Annotated[
    str | None, Parameter(name="--run", help="The id of a run. The default is the last run that can have such a break.")
]


@app.command
def show(break_id: str, /, *, run: RunId = None, db: Db = None, json: Json = False) -> None:
    """Show the remedy of a break of a stored run. Nothing is posted: the steps are for the operator of the platform.

    Parameters
    ----------
    break_id
        The break's id, such as payout-ledger/17.
    """
    if settings_with(db).database_url is None:
        raise InputError(NO_DATABASE)
    audit = connect_to(db)
    try:
        remedy = _remedy(audit, break_id, run)
    finally:
        audit.close()
    if json:
        print_json(remedy.to_dict())
        return
    _print(remedy)


def _remedy(audit: Audit, break_id: str, run: str | None) -> Remedy:
    return audit.run(run).remedy(break_id) if run is not None else audit.remedy(break_id)


def _print(remedy: Remedy) -> None:
    out.print(f"[bold]{escape(remedy.break_id)}[/]")
    for place, step in enumerate(remedy.steps, start=1):
        out.print(f"  {place}. {_line(step)}")
    if remedy.alternatives:
        out.print("A person must decide between:")
    for letter, way in zip("abcdefgh", remedy.alternatives, strict=False):
        out.print(f"  ({letter}) If {escape(way.when)}:")
        for place, step in enumerate(way.steps, start=1):
            out.print(f"      {place}. {_line(step)}")
    if not remedy.steps and not remedy.alternatives:
        out.print(f"  {escape(remedy.sentence)}")
    for note in remedy.notes:
        out.print(f"  [dim]{escape(note)}[/]")


def _line(step: Step) -> str:
    return f"{escape(str(step))}. [dim](based on {escape(str(step.rests_on))})[/]"
