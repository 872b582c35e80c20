"""`mlm-audit seals`: list and verify the sealed months, rebuild their files, and acknowledge changes."""

from typing import Annotated, Any

import polars as pl
from cyclopts import App, Parameter

from mlm_audit.cli.common import Db, Json, clock, database, progress_bar, settings_with
from mlm_audit.cli.output import EXIT_FINDINGS, out, print_json
from mlm_audit.domain.money import format_money, grouped, plural
from mlm_audit.domain.periods import month_label
from mlm_audit.history.acknowledgement import AcknowledgementRequest, as_data
from mlm_audit.history.acknowledgement import acknowledge as write_down
from mlm_audit.history.sealing import rebuild as make_anew
from mlm_audit.history.sealing import restart as begin_anew
from mlm_audit.history.sealing import store_of
from mlm_audit.history.sealing import verify as verify_all
from mlm_audit.history.store import StoreState

app = App(name="seals")
SHOWN = 20


@app.command
def show(*, db: Db = None, json: Json = False) -> None:
    """List the sealed months and the head of the log.

    Keep the head in a place that no user of this machine can write to.
    """
    settings = settings_with(db)
    store = store_of(settings, database(settings))
    state = store.read_state()
    if json:
        print_json(_data(state) | {"folder": str(store.folder)})
        return
    for month in sorted(state.seals):
        seal = state.seals[month]
        file = "as sealed" if month in state.usable else "expired" if month in state.expired else "NOT AS SEALED"
        out.print(
            f"  {month_label(month)}  {grouped(seal.rows):>12} rows  {format_money(seal.sum_paisa):>20}  root {seal.root[:16]}  {file}"
        )
    out.print(
        f"{plural(len(state.seals), 'month')} sealed in {store.folder}; log entries: {len(state.read.entries)}, head {state.read.head}",
        markup=False,
    )
    for one in state.content.acknowledged:
        out.print(f"  {one.sentence}", markup=False)
    for problem in state.problems:
        out.print(f"  [bold red]{problem.what}[/]")


@app.command
def verify(*, db: Db = None, json: Json = False) -> int:
    """Compare every sealed row with the platform, and the store with its log.

    Exit code 3 unless the verdict is PASS.
    """
    settings = settings_with(db)
    with progress_bar(quiet=json) as progress:
        found = verify_all(database(settings), settings, progress)
    word = "FAIL" if found.problems or found.moved.height else "INCOMPLETE" if found.notes else "PASS"
    if json:
        more = {
            "verdict": word,
            "problems": list(found.problems),
            "moved": found.moved.to_dicts(),
            "notes": list(found.notes),
        }
        print_json(_data(found.state) | more)
    else:
        _print_state(word, found.state, [*found.problems, *_words(found.moved)], found.notes)
    return 0 if word == "PASS" else EXIT_FINDINGS


@app.command
def rebuild(month: str, /, *, db: Db = None, json: Json = False) -> None:
    """Rebuild a sealed month's files from the platform, if it still has the rows that were sealed.

    Parameters
    ----------
    month
        The month, YYYY-MM.
    """
    settings = settings_with(db)
    seal = make_anew(database(settings), settings, month, clock())
    if json:
        print_json(seal.to_dict())
        return
    out.print(
        f"{month_label(seal.month)}: rebuilt {plural(seal.rows, 'row')} with the root that was sealed. The log records the rebuild."
    )


@app.command
def restart(
    *,
    reason: Annotated[str, Parameter(help="The reason. Every later report shows it.")] = "",
    db: Db = None,
    json: Json = False,
) -> None:
    """Start a new sealed history when the snapshots are lost or cannot be trusted.

    Old files are moved aside, not deleted.
    """
    settings = settings_with(db)
    store = begin_anew(database(settings), settings, reason, clock())
    if json:
        print_json({"folder": str(store.folder), "head": store.chain.read().head})
        return
    out.print(
        f"A new sealed history was started in {store.folder}; the next `mlm-audit run reconciliation` seals closed months.",
        markup=False,
    )


@app.command
def acknowledge(
    break_id: str,
    /,
    *,
    by: Annotated[str, Parameter(help="Your name. Every later report shows it.")] = "",
    reason: Annotated[str, Parameter(help="The reason. Every later report shows it.")] = "",
    db: Db = None,
    json: Json = False,
) -> None:
    """Acknowledge a change of a ledger row in an open month, or of stored runs, so that it is no longer open.

    Parameters
    ----------
    break_id
        The id of the break: history-changed/… or stored-run-changed/…
    """
    settings = settings_with(db)
    done = write_down(database(settings), settings, AcknowledgementRequest(break_id, by, reason), clock())
    if json:
        print_json(as_data(done))
        return
    out.print(
        f"{done.sentence}. It is entry {done.number} of the log; the next run no longer reports it as open.",
        markup=False,
    )


def _print_state(word: str, state: StoreState, wrong: list[str], notes: tuple[str, ...]) -> None:
    rows = sum(seal.rows for seal in state.seals.values())
    out.print(
        f"[bold]{word}[/]  {plural(len(state.seals), 'month')}, {plural(rows, 'row')}; head of the log {state.read.head}"
    )
    for line in wrong[:SHOWN]:
        out.print(f"  {line}", markup=False)
    if len(wrong) > SHOWN:
        out.print(f"  … and {len(wrong) - SHOWN} more; --json lists all")
    for note in notes:
        out.print(f"  Note: {note}", markup=False)


def _words(moved: pl.DataFrame) -> list[str]:
    if moved.is_empty():
        return []
    rows = moved.select("what", "before_paisa", "after_paisa").iter_rows()
    return [f"{what}: {_inr(before)} before, {_inr(after)} now" for what, before, after in rows]


def _inr(paisa: int | None) -> str:
    return "no amount" if paisa is None else format_money(paisa)


def _data(state: StoreState) -> dict[str, Any]:
    """Return the state as JSON-ready data: the seals, oldest first, and the head of the log."""
    return {
        "entries": len(state.read.entries),
        "head": state.read.head,
        "acknowledged": [as_data(one) for one in state.content.acknowledged],
        "seals": [state.seals[month].to_dict() | {"is_usable": month in state.usable} for month in sorted(state.seals)],
    }
