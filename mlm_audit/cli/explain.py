"""`mlm-audit explain`: explain a wallet, an order, a payout, a month or a break, as text, JSON or an HTML page."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.audit import Audit
from mlm_audit.analysis.audit import connect as connect_to
from mlm_audit.cli.common import NO_DATABASE, Db, Id, Json, refuse_unwritable, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.reporting.core.story_rendering import to_page

app = App(name="explain")
Month = Annotated[str | None, Parameter(help="The month, YYYY-MM; it must be named.")]
RunId = Annotated[str | None, Parameter(name="--run", help="A run's id; the last run that can have such a break when left out.")]
Html = Annotated[Path | None, Parameter(name="--html", help="Write it as one HTML page that loads nothing, and print one line.")]


def connect(db: str | None) -> Audit:
    """Open the database that the command names, for reading. Raise InputError when no database is named."""
    if settings_with(db).database_url is None:
        raise InputError(NO_DATABASE)
    return connect_to(db)


@app.command
def member(number: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """A member's wallet: every ledger row, where wallet and ledger part, the cause, what to do.

    Parameters
    ----------
    number
        The member's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.member(number).explain(), json=json, html=html)


@app.command
def order(number: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """An order's commission: every line of the plan, who got what and why, or did not.

    Parameters
    ----------
    number
        The order's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.order(number).explain(), json=json, html=html)


@app.command
def payout(schedule_id: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """An instalment, from its order to the wallet.

    Parameters
    ----------
    schedule_id
        The instalment's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.payout(schedule_id), json=json, html=html)


@app.command
def eligibility(member_id: Id, /, *, month: Month = None, db: Db = None, json: Json = False, html: Html = None) -> None:
    """A member's month: every condition, with the orders and directs behind it, what was missing and by how much.

    Parameters
    ----------
    member_id
        The member's id.
    """
    if month is None:
        raise InputError(f"explain eligibility {member_id}: name the month, such as --month 2026-10")
    audit = connect(db)
    _show(audit, lambda: audit.member(member_id).eligibility(month), json=json, html=html)


@app.command
def issue(key: str, /, *, run: RunId = None, db: Db = None, json: Json = False, html: Html = None) -> None:
    """One break or tree issue of a stored run: what it means, the rows that it rests on, its place in the tree, what to do.

    Parameters
    ----------
    key
        The break's id, such as wallet-balance/42.
    """
    audit = connect(db)
    _show(audit, lambda: audit.issue(key) if run is None else audit.run(run).explain(issue=key), json=json, html=html)


def _show(audit: Audit, ask: Callable[[], Answer], *, json: bool, html: Path | None) -> None:
    try:
        refuse_unwritable("--html", html)
        answer = ask()
    finally:
        audit.close()
    if html is not None:
        try:
            html.write_text(to_page(answer.story), encoding="utf-8")
        except OSError as error:
            raise InputError(f"--html {html}: cannot be written ({error.strerror}); choose another file") from error
    if json:
        print_json(answer.to_dict())
    elif html is None:
        out.print(answer)
    else:
        out.print(f"{answer.story.verdict}  {answer.conclusion}\n      html: {html}", markup=False)
