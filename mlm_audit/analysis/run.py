"""A reconciliation or tree check for analysts: its verdict, its breaks as a frame, and how it is displayed."""

import json
from typing import Any

import polars as pl
from rich.console import RenderableType
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.issue import explain_issue, find_issue
from mlm_audit.analysis.explain.order import explain_order
from mlm_audit.analysis.explain.subsets import (
    ORDER_BREAK_PREFIX,
    WALLET_CHECKS,
    check_order,
    check_wallet,
)
from mlm_audit.analysis.explain.wallet import WalletExplanation, explain_wallet
from mlm_audit.analysis.validation import guard_inputs, whole_id
from mlm_audit.checks.causes import describe_cause, first_step
from mlm_audit.checks.explain_commands import explain_command
from mlm_audit.checks.figures import at_risk_by_cause, figures_of
from mlm_audit.checks.remedies import Remedy, remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.database.core.own_tables import ReconciliationReport, TreeHealthReport
from mlm_audit.database.store.runs import PREVIOUS_COLUMNS, MemberBreaks, PreviousRun, has_runs, previous_run
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.figures import LABELS, Figures, figures_from
from mlm_audit.domain.findings import SEVERITIES, RunResult, Verdict, finding_from, open_findings, verdict_in_words
from mlm_audit.domain.money import grouped, plural
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.parts import figure_rows, figures_sentence
from mlm_audit.reporting.core.story import Story, Table, columns
from mlm_audit.reporting.core.story_rendering import to_html, to_terminal
from mlm_audit.reporting.reconciliation.report import report_sentence

COLUMNS = tuple(name for name in PREVIOUS_COLUMNS if name != "first_seen_at")
SHOWN, NAMED = 20, 5
CAUSES = columns(
    ("cause", "Cause"),
    ("worst", "Worst severity"),
    ("breaks", "Breaks", "count"),
    ("at_risk_paisa", LABELS["money_at_risk_paisa"], "money"),
    ("do", "What to do"),
    ("members", "Members"),
)
BREAKS = columns(
    ("id", "Break"), ("severity", "Severity"), ("amount_paisa", "Amount", "change"), ("message", "Message")
)


class AuditRun:
    """A run of a reconciliation or tree check, either new or stored.

    `breaks` has one row per open break, with the columns id, code, severity, member_id, order_id, amount_paisa (actual
    minus expected), cause, evidence (JSON) and message. `figures` are the amounts of the breaks before and after
    corrections, as docs/reference/glossary.md defines them. `not_checked` lists what could not be checked; a FAIL may
    be incomplete.
    """

    def __init__(
        self, job_id: str, verdict: str, breaks: pl.DataFrame, *, notes: list[str], database: Engine, settings: Settings
    ) -> None:
        self.job_id, self.verdict, self.breaks, self.notes = job_id, verdict, breaks, notes
        self.figures = figures_of(map(finding_from, breaks.iter_rows(named=True)))
        self.not_checked: tuple[str, ...] = ()
        self.sentence = ""
        self._database, self._settings = database, settings

    @guard_inputs
    def explain(self, member: int | None = None, *, order: int | None = None, issue: str | None = None) -> Answer:
        """Explain a member's wallet, an order, or one break or tree issue by its id; give exactly one of the three.

        The explanation of a wallet lists the other members with the same cause in this run. Raise InputError for an
        unknown id.
        """
        if sum(one is not None for one in (member, order, issue)) != 1:
            raise InputError("explain: give exactly one of member=42, order=991 or issue='wallet-balance/42'")
        if issue is not None:
            return explain_issue(find_issue(self.breaks, str(issue)), self._database, self._settings)
        if order is not None:
            number = whole_id("order", order)
            return explain_order(number, check_order(self._database, self._settings, number), self._settings)
        number = whole_id("member", member)
        off = self.breaks.filter(pl.col("code") == "wallet-balance").select("member_id", "amount_paisa", "cause").rows()
        known = MemberBreaks(self.job_id, self.breaks.filter(pl.col("member_id") == number), off)
        return explain_member(self._database, self._settings, number, known)

    @guard_inputs
    def remedy(self, issue: str) -> Remedy:
        """Return the remedy of a break by its id: exact steps, or alternatives for a person to choose from.

        Raise InputError for an unknown id.
        """
        return remedy_of(find_issue(self.breaks, issue))

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Return the displayed tables as frames: `causes` with what to do, and `breaks` with the most severe ones."""
        return {table.name: table.frame for table in self.story.tables}

    @property
    def frame(self) -> pl.DataFrame:
        """Return the breaks."""
        return self.breaks

    @property
    def is_complete(self) -> bool:
        """Return whether everything could be checked."""
        return not self.not_checked and self.verdict != Verdict.INCOMPLETE

    @property
    def verdict_in_words(self) -> str:
        """Return the verdict with its qualifier, such as `FAIL, incomplete`."""
        return verdict_in_words(self.verdict, is_complete=self.is_complete)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain data."""
        rows = [row | {"evidence": json.loads(row["evidence"])} for row in self.breaks.to_dicts()]
        return {
            "job_id": self.job_id,
            "verdict": self.verdict,
            "is_complete": self.is_complete,
            "not_checked": list(self.not_checked),
            "figures": self.figures.to_dict(),
            "notes": self.notes,
            "breaks": rows,
        }

    def __repr__(self) -> str:
        return f"{self.verdict_in_words}: {self.sentence} ({self.job_id})"

    def __str__(self) -> str:
        return str(Answer(self.story))

    def __rich__(self) -> RenderableType:
        return to_terminal(self.story)

    def _repr_html_(self) -> str:
        return to_html(self.story)

    @property
    def story(self) -> Story:
        """Return the run as a story: its causes and its most severe breaks."""
        return _story(self)


def explain_member(database: Engine, settings: Settings, member: int, known: MemberBreaks | None) -> WalletExplanation:
    """Explain a member's wallet as it is now, and add a run's other breaks, such as an order that underpaid the member.

    The run's findings about the wallet itself are not used, because they may have been corrected since.
    """
    subset = check_wallet(database, settings, member)
    if known is None:
        return explain_wallet(member, subset, settings)
    more = known.mine.filter(~pl.col("code").is_in(WALLET_CHECKS) | pl.col("id").str.starts_with(ORDER_BREAK_PREFIX))
    both = pl.concat([subset.breaks.select(COLUMNS), more.select(COLUMNS)])
    seen = subset.with_breaks(both)
    others = [one for one in known.off if one[0] != member]
    return explain_wallet(member, seen, settings, others, beyond=(known.job_id, more.height))


def last_run(database: Engine, settings: Settings, *, tree: bool = False) -> AuditRun | None:
    """Return the last stored reconciliation, or with `tree` the last tree check; None when none is stored yet."""
    if not has_runs(database):
        return None
    stored = previous_run(database, TreeHealthReport if tree else ReconciliationReport)
    return None if stored is None else run_stored(stored, database, settings)


def _story(run: AuditRun) -> Story:
    rank = pl.col("severity").replace_strict(
        {name: place for place, name in enumerate(SEVERITIES)}, return_dtype=pl.Int64
    )
    follows = pl.col("cause") == FOLLOWS
    ranked = run.breaks.sort(follows, -rank, -pl.col("amount_paisa").abs().fill_null(0), "id")
    at_risk = at_risk_by_cause(list(map(finding_from, run.breaks.iter_rows(named=True))))
    causes = (
        run.breaks.group_by("cause")
        .agg(
            rank.max().alias("rank"),
            pl.len().cast(pl.Int64).alias("breaks"),
            pl.col("member_id").drop_nulls().unique().sort(),
        )
        .with_columns(pl.col("cause").replace_strict(at_risk, default=0, return_dtype=pl.Int64).alias("at_risk_paisa"))
        .sort(follows, -pl.col("rank"), -pl.col("at_risk_paisa"), "cause")
    )
    rows = tuple(
        {
            "cause": describe_cause(one["cause"]),
            "worst": SEVERITIES[one["rank"]],
            "do": first_step(one["cause"]),
            "members": _named(one["member_id"]),
        }
        | {name: one[name] for name in ("breaks", "at_risk_paisa")}
        for one in causes.iter_rows(named=True)
    )
    shown = tuple(ranked.head(SHOWN).select("id", "severity", "amount_paisa", "message").iter_rows(named=True))
    return Story(
        title=run.job_id,
        verdict=run.verdict,
        is_complete=run.is_complete,
        conclusion=run.sentence,
        facts=figure_rows(run.figures) if run.breaks.height else (),
        first=f"{rows[0]['cause']}: {rows[0]['do']}. Start with: {_start(run, ranked, rows[0])}" if rows else "",
        tables=(
            Table("causes", "Breaks by cause", CAUSES, rows),
            Table("breaks", "Most severe breaks", BREAKS, shown, of=run.breaks.height),
        ),
        notes=tuple(f"{'Not checked' if note in run.not_checked else 'Note'}: {note}" for note in run.notes),
    )


def _named(members: list[int]) -> str:
    """List the first NAMED member ids and count the rest."""
    more = f" and {grouped(len(members) - NAMED)} more" if len(members) > NAMED else ""
    return ", ".join(map(str, members[:NAMED])) + more


def _start(run: AuditRun, ranked: pl.DataFrame, worst: dict[str, Any]) -> str:
    """Return the command that explains the first break of the most severe cause."""
    same = (row for row in ranked.iter_rows(named=True) if describe_cause(row["cause"]) == worst["cause"])
    return explain_command(finding_from(next(same, run.breaks.row(0, named=True))))


def run_of(result: RunResult, database: Engine, settings: Settings) -> AuditRun:
    """Build a Run from the result of a run that has just ended."""
    rows = [{name: getattr(finding, name) for name in COLUMNS} for finding in open_findings(result)]
    for row in rows:
        row["evidence"] = json.dumps([one.columns for one in row["evidence"]], ensure_ascii=False, default=str)
    schema = {name: PREVIOUS_COLUMNS[name] for name in COLUMNS}
    run = AuditRun(
        result.job_id,
        result.verdict.value,
        pl.DataFrame(rows, schema=schema, orient="row"),
        notes=list(result.notes),
        database=database,
        settings=settings,
    )
    run.not_checked, run.sentence = result.not_checked, report_sentence(result)
    run.figures = result.figures or Figures()
    return run


def run_stored(stored: PreviousRun, database: Engine, settings: Settings) -> AuditRun:
    """Build a Run from a run stored in the database."""
    run = AuditRun(
        stored.job_id,
        stored.data["verdict"],
        stored.breaks.select(COLUMNS),
        notes=list(stored.data.get("notes", ())),
        database=database,
        settings=settings,
    )
    run.not_checked = tuple(stored.data.get("not_checked", ()))
    if "figures" in stored.data:
        run.figures = figures_from(stored.data["figures"])
    count = run.breaks.height
    run.sentence = (
        stored.data.get("sentence")
        or f"{plural(count, 'break')} {'is' if count == 1 else 'are'} open. {figures_sentence(run.figures)}"
    )
    return run
