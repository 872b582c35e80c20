"""`mlm-audit reconcile-files`: reconcile a ledger export with a balance export."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mlm_audit.cli.common import Json, clock
from mlm_audit.cli.file_options import (
    CREDIT_WORDS,
    DEBIT_WORDS,
    DELIMITER,
    ENCODING,
    FORMAT,
    MATCH_IDS,
    QUOTE,
    SHEET,
    SIGN,
    SKIP_FOOTER,
    SKIP_LINES,
    UNITS,
    WholeIds,
)
from mlm_audit.cli.run import FAIL_ON, Severity, show_result
from mlm_audit.domain.money import show_currency
from mlm_audit.domain.settings import load_settings
from mlm_audit.engine.files.selection import DateForm, selection_of
from mlm_audit.jobs.reconciliation import files as file_job
from mlm_audit.jobs.reconciliation.file_options import books_of, mapped_files, read_options
from mlm_audit.reporting.core.run_folder import ensure_folder, write_run

KINDS = "CSV, JSON lines, each also .gz, Parquet or Excel"
COMPARED = "What is compared"


def reconcile_files(
    *,
    ledger: Annotated[Path, Parameter(help=f"Ledger export, one row per posting: {KINDS}.")],
    wallets: Annotated[Path | None, Parameter(help=f"Balance export, one row per account: {KINDS}.")] = None,
    opening: Annotated[
        Path | None,
        Parameter(
            help="Balances before the first row of the ledger, such as last month's export. The default is zero."
        ),
    ] = None,
    map: Annotated[
        list[str],
        Parameter(
            name="--map",
            negative="",
            help="ROLE=COLUMN. ROLE is member_id, amount or balance, or debit and credit where each of these has its own column. "
            "A ledger may also have direction, a word that says which of the two an amount is; transaction_id, which may occur once; "
            "running_balance, the balance after the row; date; and currency.",
        ),
    ] = [],  # noqa: B006
    options: Annotated[
        Path | None, Parameter(help="TOML file with a table for each file that holds its --map and its options.")
    ] = None,
    since: Annotated[str | None, Parameter(group=COMPARED, help="First day of the ledger rows to compare.")] = None,
    until: Annotated[str | None, Parameter(group=COMPARED, help="Last day of the ledger rows to compare.")] = None,
    dates: Annotated[
        DateForm, Parameter(group=COMPARED, help="How the ledger writes days: 2026-10-31, 31/10/2026 or 10/31/2026.")
    ] = "iso",
    currency: Annotated[
        str | None,
        Parameter(group=COMPARED, help="Currency to compare, such as INR. It also decides how amounts are shown."),
    ] = None,
    account: Annotated[
        str | None,
        Parameter(
            group=COMPARED,
            help="Account to compare. The ledger may then be its statement, without a column of accounts.",
        ),
    ] = None,
    balance: Annotated[
        str | None, Parameter(group=COMPARED, help="Balance of the account, instead of --wallets.")
    ] = None,
    opening_balance: Annotated[
        str | None, Parameter(group=COMPARED, help="Opening balance of the account, instead of --opening.")
    ] = None,
    row_order: Annotated[
        Literal["oldest-first", "newest-first"],
        Parameter(group=COMPARED, help="Order of the ledger rows, on which running balances depend."),
    ] = "oldest-first",
    number_format: Annotated[
        list[str],
        Parameter(
            negative="",
            group=FORMAT,
            help="Number format: plain (1234.50, the default), thousands (1,234,567.50), indian (12,34,567.50) or decimal-comma (1.234.567,50). "
            "All but plain also read currency signs, Cr and Dr, and (500.00) as a debit.",
        ),
    ] = [],  # noqa: B006
    units: Annotated[list[str], Parameter(negative="", group=FORMAT, help=UNITS)] = [],  # noqa: B006
    sign: Annotated[list[str], Parameter(negative="", group=FORMAT, help=SIGN)] = [],  # noqa: B006
    credit_words: Annotated[list[str], Parameter(negative="", group=FORMAT, help=CREDIT_WORDS)] = [],  # noqa: B006
    debit_words: Annotated[list[str], Parameter(negative="", group=FORMAT, help=DEBIT_WORDS)] = [],  # noqa: B006
    delimiter: Annotated[list[str], Parameter(negative="", group=FORMAT, help=DELIMITER)] = [],  # noqa: B006
    quote: Annotated[list[str], Parameter(negative="", group=FORMAT, help=QUOTE)] = [],  # noqa: B006
    encoding: Annotated[list[str], Parameter(negative="", group=FORMAT, help=ENCODING)] = [],  # noqa: B006
    skip_lines: Annotated[list[str], Parameter(negative="", group=FORMAT, help=SKIP_LINES)] = [],  # noqa: B006
    skip_footer: Annotated[list[str], Parameter(negative="", group=FORMAT, help=SKIP_FOOTER)] = [],  # noqa: B006
    sheet: Annotated[list[str], Parameter(negative="", group=FORMAT, help=SHEET)] = [],  # noqa: B006
    whole_ids: WholeIds = False,
    match_ids: Annotated[str | None, Parameter(group=FORMAT, help=MATCH_IDS)] = None,
    json: Json = False,
    out_dir: Annotated[
        Path | None, Parameter(name="--out", help="Folder for the report. The default is reconcile-files-report.")
    ] = None,
    fail_on: Annotated[Severity | None, Parameter(help=FAIL_ON)] = None,
) -> int:
    """Reconcile any ledger export against any balance export. Credits are positive, debits negative.

    If a record cannot be read, the whole file is refused, and the message gives the line number and the solution. The
    format is never guessed: use the options for a file that is not plain CSV. An option applies to every file, or to
    one of them when its value starts with `ledger:`, `wallets:` or `opening:`:
    `--delimiter ledger:semicolon --map wallets:balance=closing`.
    """
    settings = load_settings()
    paths = {"ledger": ledger, "wallets": wallets, "opening": opening}
    formats = {
        "number-format": number_format,
        "units": units,
        "sign": sign,
        "credit-words": credit_words,
        "debit-words": debit_words,
        "delimiter": delimiter,
        "quote": quote,
        "encoding": encoding,
        "skip-lines": skip_lines,
        "skip-footer": skip_footer,
        "sheet": sheet,
    }
    single = {
        "options": options,
        "since": since,
        "until": until,
        "dates": None if dates == "iso" else dates,
        "currency": currency,
        "account": account,
        "balance": balance,
        "opening-balance": opening_balance,
        "row-order": None if row_order == "oldest-first" else row_order,
        "match-ids": match_ids,
    }
    pairs, more = read_options(options) if options else ([], {})
    files = mapped_files(
        {name: path for name, path in paths.items() if path is not None},
        [*pairs, *map],
        {name: [*more.get(name, []), *texts] for name, texts in formats.items()},
        whole_ids=whole_ids,
        match_ids=match_ids,
    )
    selection = selection_of(
        since=since,
        until=until,
        dates=dates,
        currency=currency,
        account=account,
        match_ids=files["ledger"].source.format.match_ids,
    )
    if selection.currency:
        show_currency(selection.currency)
    books = books_of(
        files,
        selection,
        balance=balance,
        opening_balance=opening_balance,
        newest_first=row_order == "newest-first",
    )
    folder = out_dir or (None if json else Path("reconcile-files-report"))
    if folder:
        ensure_folder(folder, "--out")
    result = file_job.reconcile_files(books, settings, clock)
    if folder:
        given = [(name, str(path)) for name, path in paths.items() if path is not None]
        given += [("map", pair) for pair in map]
        given += [(name, text) for name, texts in formats.items() for text in texts]
        given += [(name, str(value)) for name, value in single.items() if value is not None]
        words = ["mlm-audit", "reconcile-files", *(word for name, text in given for word in (f"--{name}", text))]
        result = write_run(result, folder, settings.tz, shlex.join([*words, "--whole-ids"] if whole_ids else words))
    return show_result(result, settings, json=json, fail_on=fail_on)
