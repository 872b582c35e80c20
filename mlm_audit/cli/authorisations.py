"""`mlm-audit authorisations`: record and list approved adjustments, bonuses and wallet corrections."""

from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from mlm_audit.cli.common import Db, Id, Json, clock, database, settings_with
from mlm_audit.cli.output import out, print_json
from mlm_audit.database.core.own_tables import Authorisation
from mlm_audit.database.core.schema import require
from mlm_audit.database.store.authorisations import Grant, add_authorisation, list_authorisations
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import CURRENCIES, format_money, parse_amount
from mlm_audit.domain.privacy import one_line
from mlm_audit.domain.settings import Settings
from mlm_audit.platforms.mapping import mapping_of

LONGEST_REFERENCE, LONGEST_NAME, LONGEST_REASON = 191, 100, 1_000

app = App(name="authorisations")


@app.command
def add(
    kind: Literal["adjustment", "bonus", "wallet_correction"],
    /,
    *,
    member: Annotated[Id, Parameter(help="The member who owns the ledger row or the wallet.")],
    amount: Annotated[
        str,
        Parameter(
            help="The amount by which the wallet changes, such as 250.00 or -312.50.",
            allow_leading_hyphen=True,
        ),
    ],
    reference: Annotated[
        str,
        Parameter(
            help="The key of the ledger row (its column ref), or LEDGER_<id> for a row without a key. "
            "For a wallet_correction, AFTER_<id> with the id of the member's last ledger row when the wallet was set."
        ),
    ],
    by: Annotated[str, Parameter(help="Who approved it.")],
    reason: Annotated[str, Parameter(help="Why it was approved.")],
    db: Db = None,
    json: Json = False,
) -> None:
    """Record who approved an adjustment, a bonus or a wallet's correction.

    An authorisation is never changed or removed.
    """
    settings = settings_with(db)
    grant = Grant(
        kind,
        member,
        _amount(amount, settings),
        _text("--reference", reference, LONGEST_REFERENCE),
        _text("--by", by, LONGEST_NAME),
        _text("--reason", reason, LONGEST_REASON),
    )
    engine = database(settings)
    require(engine, {Authorisation: None})
    number = add_authorisation(engine, grant, clock())
    if json:
        print_json({"id": number, **grant._asdict()})
        return
    out.print(
        f"Authorisation {number}: {grant.kind} of {format_money(grant.amount_paisa)} for member {grant.member_id}, "
        f"{escape(grant.reference)}, approved by {escape(grant.approved_by)}."
    )


@app.command(name="list")
def list_all(*, db: Db = None, json: Json = False) -> None:
    """List the authorisations, the newest first."""
    engine = database(settings_with(db))
    require(engine, {Authorisation: None})
    rows = list_authorisations(engine)
    if json:
        print_json(rows)
        return
    for row in rows:
        out.print(
            f"{row['id']:>6}  {row['approved_at']} UTC  {row['kind']:17}  {format_money(row['amount_paisa']):>16}  member {row['member_id']}, "
            f"{escape(row['reference'])}, by {escape(row['approved_by'])}: {escape(row['reason'])}"
        )
    if not rows:
        out.print("There are no authorisations.")


def _amount(text: str, settings: Settings) -> int:
    mapping = mapping_of(settings)
    currency = CURRENCIES["INR" if mapping is None else mapping.currency]
    try:
        paisa = parse_amount(text, currency.digits)
    except ValueError as error:
        raise InputError(
            f"authorisations add --amount {text}: give an amount in {currency.code} with at most {currency.digits} decimals, such as "
            f"{format_money(250 * currency.minor_per_major, currency=currency).removeprefix(currency.symbol)}"
        ) from error
    if not 0 < abs(paisa) < 2**63:
        raise InputError(f"authorisations add --amount {text}: give an amount other than zero that fits the ledger")
    return paisa


def _text(name: str, text: str, longest: int) -> str:
    clean = one_line(text).strip()
    if not clean or len(clean) > longest or clean != text.strip():
        raise InputError(f"authorisations add {name}: give one line of text of 1 to {longest} characters")
    return clean
