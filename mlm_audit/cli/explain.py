"""`mlm-audit explain`: why a wallet, an order or a payout is what it is, in the terminal, as JSON, or as an HTML page."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.audit import Audit, connect
from mlm_audit.cli.common import Db, Id, Json, out, print_json
from mlm_audit.domain.errors import InputError
from mlm_audit.reporting.story_shown import to_page

app = App(name="explain", help="Why a figure is what it is: the rows that lead to it, and where expectation and fact part.")
Html = Annotated[Path | None, Parameter(name="--html", help="Write it as one HTML page that loads nothing, instead.")]


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
def payout(number: Id, /, *, db: Db = None, json: Json = False, html: Html = None) -> None:
    """An instalment, from its order to the wallet.

    Parameters
    ----------
    number
        The instalment's id.
    """
    audit = connect(db)
    _show(audit, lambda: audit.payout(number), json=json, html=html)


def _show(audit: Audit, ask: Callable[[], Answer], *, json: bool, html: Path | None) -> None:
    try:
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
