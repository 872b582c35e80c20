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
Month = Annotated[str | None, Parameter(help="The month, YYYY-MM. This option is required.")]
RunId = Annotated[
    str | None, Parameter(name="--run", help="The id of a run. The default is the last run that can have such a break.")
]
Html = Annotated[
    Path | None,
    Parameter(
        name="--html", help="File for the explanation as one self-contained HTML page; only one line is printed."
    ),
]


def connect(db: str | None) -> Audit:
    """Open the database that the command names, for reading. Raise InputError when no database is named."""
    if settings_with(db).database_url is None:
        raise InputError(NO_DATABASE)
    return connect_to(db)


@app.command
def member(number: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """Explain a member's wallet: every ledger row, where wallet and ledger diverge, the cause, and what to do.

    Parameters
    ----------
    number
        The member's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.member(number).explain(), json=json, html=html)


@app.command
def order(number: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """Explain an order's commission: every line of the plan, who was or was not credited, how much, and why.

    Parameters
    ----------
    number
        The order's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.order(number).explain(), json=json, html=html)


@app.command
def payout(schedule_id: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """Explain an instalment, from its order to the wallet.

    Parameters
    ----------
    schedule_id
        The instalment's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.payout(schedule_id), json=json, html=html)


@app.command
def eligibility(member_id: Id, /, *, month: Month = None, db: Db = None, json: Json = False, html: Html = None) -> None:
    """Explain a member's eligibility for a month: every condition, its orders and directs, and any shortfall.

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
    """Explain a break or tree issue of a stored run: its meaning, its evidence, its place in the tree, and what to do.

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
            raise InputError(
                f"--html {html}: the file cannot be written ({error.strerror}); choose another file"
            ) from error
    if json:
        print_json(answer.to_dict())
    elif html is None:
        out.print(answer)
    else:
        out.print(f"{answer.story.verdict}  {answer.conclusion}\n      html: {html}", markup=False)
