"""A reconciliation for analysts: its verdict, its breaks as a frame, how it shows itself."""

import json
from typing import Any

import polars as pl
from markupsafe import escape
from sqlalchemy import Engine

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.issue import explain_issue, find_issue
from mlm_audit.analysis.order import explain_order
from mlm_audit.analysis.wallet import explain_wallet
from mlm_audit.database.runs import PREVIOUS_COLUMNS, PreviousRun
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult, open_findings
from mlm_audit.domain.money import format_inr
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.slices import Looked, look_at_order, look_at_wallet

COLUMNS = tuple(name for name in PREVIOUS_COLUMNS if name != "first_seen_at")
SHOWN = 20


class Run:
    """A run, made now or stored.

    `breaks`: one row per open break, columns id, code, severity, member_id, order_id, amount_paisa (what is there minus what
    should be), cause, evidence (JSON), message.
    """

    def __init__(
        self, job_id: str, verdict: str, breaks: pl.DataFrame, notes: list[str], database: Engine, settings: Settings
    ) -> None:
        self.job_id, self.verdict, self.breaks, self.notes = job_id, verdict, breaks, notes
        self._database, self._settings = database, settings

    def explain(self, member: int | None = None, *, order: int | None = None, issue: str | None = None) -> Answer:
        """Why a member's wallet is off, an order, or one break or tree issue by its id; InputError for an unknown id.

        A wallet's explanation says who else has the same cause in this run.
        """
        if sum(one is not None for one in (member, order, issue)) != 1:
            raise InputError("explain: give one of member=42, order=991, issue='wallet-balance/42'")
        if issue is not None:
            return explain_issue(find_issue(self.breaks, issue), self._database, self._settings)
        if order is not None:
            return explain_order(order, look_at_order(self._database, self._settings, order), self._settings)
        number = int(member or 0)
        off = self.breaks.filter((pl.col("code") == "wallet-balance") & (pl.col("member_id") != number))
        looked = look_at_wallet(self._database, self._settings, number)
        # What the run has beyond the wallet itself, such as orders of which this member got too little.
        more = self.breaks.filter((pl.col("member_id") == number) & ~pl.col("id").is_in(looked.breaks["id"].implode()))
        both = pl.concat([looked.breaks.select(COLUMNS), more.select(COLUMNS)])
        seen = Looked(looked.rows, both, looked.plan, looked.notes)
        return explain_wallet(number, seen, self._settings, off.select("member_id", "amount_paisa", "cause").rows())

    @property
    def frame(self) -> pl.DataFrame:
        """The breaks."""
        return self.breaks

    @property
    def gross_paisa(self) -> int:
        """How far wallets are off in all, in paisa, each by its absolute value."""
        wallets = self.breaks.filter(pl.col("code") == "wallet-balance")["amount_paisa"]
        return int(wallets.cast(pl.Int128).abs().sum())

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data."""
        rows = [row | {"evidence": json.loads(row["evidence"])} for row in self.breaks.to_dicts()]
        return {"job_id": self.job_id, "verdict": self.verdict, "notes": self.notes, "breaks": rows}

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.breaks.height} breaks open, wallets off by {format_inr(self.gross_paisa)} gross ({self.job_id})"

    def _repr_html_(self) -> str:
        rows = self.breaks.head(SHOWN).select("id", "severity", "amount_paisa", "message").iter_rows()
        lines = "".join(
            f"<tr><td><code>{escape(key)}</code></td><td>{escape(severity)}</td><td>{format_inr(paisa or 0, sign=True)}</td>"
            f"<td>{escape(message)}</td></tr>"
            for key, severity, paisa, message in rows
        )
        notes = "".join(f"<p>Not checked: {escape(note)}</p>" for note in self.notes)
        head = "<tr><th>Break</th><th>Severity</th><th>Amount</th><th></th></tr>"
        return f"<p><strong>{escape(repr(self))}</strong></p>{notes}<table>{head}{lines}</table>"


def run_of(result: RunResult, database: Engine, settings: Settings) -> Run:
    """A run that has just been made."""
    rows = [{name: finding[name] for name in COLUMNS} for finding in open_findings(result)]
    for row in rows:
        row["evidence"] = json.dumps(row["evidence"], ensure_ascii=False, default=str)
    schema = {name: PREVIOUS_COLUMNS[name] for name in COLUMNS}
    return Run(
        result.job_id,
        result.verdict.value,
        pl.DataFrame(rows, schema=schema, orient="row"),
        list(result.notes),
        database,
        settings,
    )


def run_stored(stored: PreviousRun, database: Engine, settings: Settings) -> Run:
    """A run as the database has it."""
    return Run(
        stored.job_id,
        stored.data["verdict"],
        stored.breaks.select(COLUMNS),
        list(stored.data.get("notes", ())),
        database,
        settings,
    )
