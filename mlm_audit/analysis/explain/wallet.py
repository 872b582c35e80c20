"""Explanation of a wallet balance: its ledger rows, where wallet and ledger differ, the cause, and what to do."""

import json
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import polars as pl

from mlm_audit.analysis.answer import Answer
from mlm_audit.analysis.explain.subsets import SubsetResult
from mlm_audit.checks.causes import describe_cause
from mlm_audit.checks.hypotheses import DifferenceContext, hypotheses
from mlm_audit.checks.remedies import remedy_of
from mlm_audit.checks.roots import FOLLOWS
from mlm_audit.checks.wallet_chain import WalletChain, wallet_chain
from mlm_audit.domain.findings import SEVERITIES, verdict_of
from mlm_audit.domain.money import format_money, plural
from mlm_audit.domain.privacy import mask_personal
from mlm_audit.domain.settings import Settings
from mlm_audit.reporting.core.story import ChartSpec, Story, Table, columns, rows_of
from mlm_audit.reporting.core.svg_charts import parting

UNPROVEN = ("unexplained", "wallet-without-ledger", "several-causes", "history-edited")
"""Causes that locate a difference between wallet and ledger without proving its reason."""
AROUND = 3
PICTURED = 2
"""A timeline of at most this many rows gets no picture."""
TIMELINE = columns(
    ("ledger_id", "Ledger row", "id"),
    ("at", "When", "instant"),
    ("type", "Kind"),
    ("reference", "Reference"),
    ("amount_paisa", "Amount", "change"),
    ("sum_paisa", "Sum of the ledger", "money"),
    ("balance_after_paisa", "Balance after", "money"),
    ("gap_paisa", "Gap", "change"),
)
BREAKS = columns(
    ("id", "Break"),
    ("severity", "Severity"),
    ("amount_paisa", "Amount", "change"),
    ("cause", "Cause"),
    ("message", "Message"),
)


class WalletExplanation(Answer):
    """An explained wallet. The amounts and gaps of `frame`, the timeline, add up to the wallet balance."""

    def __init__(self, story: Story, chain: WalletChain) -> None:
        super().__init__(story)
        self.chain = chain

    @property
    def frame(self) -> pl.DataFrame:
        """Return the timeline: every ledger row, then the wallet as the last row."""
        return self.story.table("timeline").frame

    @property
    def difference_paisa(self) -> int:
        """Return wallet minus ledger, in paisa."""
        return self.chain.difference_paisa


def explain_wallet(
    member: int,
    subset: SubsetResult,
    settings: Settings,
    others: Sequence[tuple[int, int, str]] = (),
    beyond: tuple[str, int] | None = None,
) -> WalletExplanation:
    """Explain a member's wallet.

    `others` are members whose wallets differ from the ledger in a run: (member_id, amount_paisa, cause). `beyond` is
    the id of that run and the number of its other breaks about the member; None when no run is stored.
    """
    chain = wallet_chain(subset.rows["ledger"], subset.rows["users"]["wallet_balance_paisa"][0])
    timeline = _timeline(chain)
    marked = [number for number, row in enumerate(timeline) if row["gap_paisa"]]
    picture = _picture(timeline, settings)
    wrong = subset.breaks.filter(pl.col("code") == "wallet-balance")
    cause = wrong["cause"][0] if wrong.height else root_cause(subset.breaks)
    parts = bool(chain.difference_paisa or marked)
    tables = [
        _near(timeline, marked, picture),
        breaks_table(subset.breaks) if subset.breaks.height else None,
        *_guesses(member, chain, subset, cause, others),
        Table(
            "by_kind", "Ledger by kind", BY_KIND, _by_kind(chain), about="The amounts add up to the sum of the ledger."
        ),
        Table(
            "timeline",
            "All ledger rows and the wallet",
            TIMELINE,
            tuple(timeline),
            TIMELINE_ABOUT,
            marked=frozenset(marked),
            picture="" if marked else picture,
            picture_words="The ledger and the running balance agree at every row.",
            drawn=ChartSpec("lines", "at", ("sum_paisa", "balance_after_paisa")),
        ),
    ]
    story = Story(
        title=f"Wallet of member {member}",
        verdict=verdict_of(is_broken=bool(subset.breaks.height or parts), not_checked=subset.notes).value,
        is_complete=not subset.notes,
        conclusion=_conclusion(chain, timeline, marked, cause) + _beyond(beyond),
        first=_first(subset, parts=parts),
        facts=_facts(chain, cause, timeline, marked, others),
        tables=tuple(table for table in tables if table is not None),
        notes=subset.notes if beyond else (*subset.notes, NO_RUN),
        timezone=settings.timezone,
        data={
            "member_id": member,
            "wallet_paisa": chain.wallet_paisa,
            "ledger_paisa": chain.ledger_paisa,
            "difference_paisa": chain.difference_paisa,
            "cause": cause,
        },
    )
    return WalletExplanation(story, chain)


TIMELINE_ABOUT = (
    "The amounts add up to the ledger. The amounts and the gaps together add up to the wallet, to the paisa."
)
BY_KIND = columns(("type", "Kind"), ("rows", "Rows", "count"), ("amount_paisa", "Amount", "change"))
GUESSES = columns(
    ("what", "Possible cause"),
    ("confirm", "How to confirm it"),
    ("weight", "Fit, out of 100", "count"),
    ("rows", "Evidence"),
)


def _timeline(chain: WalletChain) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "ledger_id": row["id"],
            "at": row["created_at"],
            "type": row["type"],
            "reference": mask_personal(row["ref"] or "")
            or ("" if row["reference_id"] is None else str(row["reference_id"])),
            "amount_paisa": row["amount_paisa"],
            "sum_paisa": row["sum_paisa"],
            "balance_after_paisa": row["balance_after_paisa"],
            "gap_paisa": row["gap_paisa"] or None,
        }
        for row in chain.rows.iter_rows(named=True)
    ]
    end = {"type": "current wallet", "balance_after_paisa": chain.wallet_paisa, "sum_paisa": chain.ledger_paisa}
    return [
        *rows,
        end
        | {
            "gap_paisa": chain.end_gap_paisa or None,
            "ledger_id": None,
            "at": None,
            "reference": "",
            "amount_paisa": None,
        },
    ]


def _picture(timeline: list[dict[str, Any]], settings: Settings) -> str:
    """Draw the ledger and the wallet over all rows; return an empty string when there are at most PICTURED rows."""
    if len(timeline) <= PICTURED:
        return ""
    points = [(row["sum_paisa"], row["balance_after_paisa"], bool(row["gap_paisa"])) for row in timeline]
    days = [f"{row['at'].replace(tzinfo=UTC).astimezone(settings.tz):%d %b %Y}" for row in timeline if row["at"]] or [
        ""
    ]
    return parting(points, days[0], days[-1])


def _near(timeline: list[dict[str, Any]], marked: list[int], picture: str) -> Table | None:
    """Return the rows around the first and the largest gap, with a picture of all rows; None when there is no gap."""
    if not marked:
        return None
    centres = {marked[0], max(marked, key=lambda number: abs(timeline[number]["gap_paisa"]))}
    shown = sorted({i for c in centres for i in range(c - AROUND, c + AROUND + 1) if 0 <= i < len(timeline)})
    rows = tuple(timeline[number] for number in shown)
    return Table(
        "parts",
        "Gaps between the ledger and the running balance",
        TIMELINE,
        rows,
        "The blue line is the sum of the ledger. The red line is the running balance, up to the wallet. "
        "The table shows the first gap and the largest gap, with the rows around them.",
        marked=frozenset(i for i, n in enumerate(shown) if n in marked),
        picture=picture,
        picture_words=f"Ledger and running balance over {plural(len(timeline) - 1, 'row')}; they differ {_where(timeline, marked)}.",
    )


def breaks_table(breaks: pl.DataFrame) -> Table:
    """Return the breaks that the checks found as a table, the most severe first, with their causes in words."""
    worst = breaks.sort(pl.col("severity").replace_strict({s: i for i, s in enumerate(SEVERITIES)}), descending=True)
    rows = tuple(
        row | {"cause": describe_cause(row["cause"]), "message": row["message"] + _evidence(row["evidence"])}
        for row in worst.iter_rows(named=True)
    )
    return Table("breaks", "Breaks found by the checks", BREAKS, rows)


def _evidence(text: str) -> str:
    rows = [f"{row.get('table')} {row.get('id')}" for row in json.loads(text)]
    return f" Evidence: {', '.join(rows)}." if rows else ""


def _guesses(
    member: int, chain: WalletChain, subset: SubsetResult, cause: str, others: Sequence[tuple[int, int, str]]
) -> list[Table]:
    if not chain.difference_paisa or cause not in UNPROVEN:
        return []
    rows = subset.rows
    open_requests = rows["withdrawals"].filter(pl.col("status") != "approved")
    waiting = rows["payout_schedule"].filter(pl.col("status") != "paid")
    pending = rows["commissions"].filter((pl.col("status") == "pending") & (pl.col("type") == "repurchase"))
    around = DifferenceContext(
        chain.difference_paisa,
        ledger=chain.rows.select("id", "amount_paisa").rows(),
        open_withdrawals=open_requests.select("id", "amount_paisa").rows(),
        pending_commission=[("the pending months", int(pending["amount_paisa"].cast(pl.Int128).sum()))]
        if pending.height
        else [],
        due_instalments=waiting.select("id", "amount_paisa").rows(),
        other_members=[(other, paisa) for other, paisa, _ in others if other != member],
    )
    found = tuple(guess._asdict() for guess in hypotheses(around))
    about = "No record proves the cause. These possible causes fit the amount; each is unproven until it is confirmed."
    return [Table("hypotheses", "Possible causes", GUESSES, found, about)]


def _by_kind(chain: WalletChain) -> tuple[dict[str, Any], ...]:
    kinds = (
        chain.rows.group_by("type")
        .agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("amount_paisa").sum())
        .sort("type")
    )
    return rows_of(kinds, BY_KIND)


def root_break(breaks: pl.DataFrame) -> dict[str, Any] | None:
    """Return the most severe break, preferring breaks that do not follow from another; None when there is no break."""
    rows = breaks.iter_rows(named=True)
    return min(rows, key=lambda row: (row["cause"] == FOLLOWS, -SEVERITIES.index(row["severity"])), default=None)


def root_cause(breaks: pl.DataFrame) -> str:
    """Return the cause of the `root_break`; empty when there is no break."""
    root = root_break(breaks)
    return "" if root is None else str(root["cause"])


def first_of(row: dict[str, Any]) -> str:
    """Return what to do first about a break: its remedy in words, with the remedy's notes."""
    remedy = remedy_of(row)
    return " ".join((remedy.sentence, *remedy.notes))


def to_be_read(notes: Sequence[str]) -> str:
    """Return the first step when something could not be read; empty when everything was read."""
    return f"Resolve what could not be checked: {notes[0]}." if notes else ""


NO_RUN = "The member's orders and months are not checked here, and no run is stored. Run: mlm-audit run reconciliation."


def _beyond(beyond: tuple[str, int] | None) -> str:
    if beyond is None or not beyond[1]:
        return ""
    return f" This member appears in {plural(beyond[1], 'other break')} of {beyond[0]}."


def _first(subset: SubsetResult, *, parts: bool) -> str:
    wrong = subset.breaks.filter(pl.col("code") == "wallet-balance")
    root = wrong.row(0, named=True) if wrong.height else root_break(subset.breaks)
    if root is not None:
        return first_of(root)
    if parts:
        return "No check identifies a cause. Review the rows with gaps."
    return to_be_read(subset.notes) or "Nothing to do."


def _conclusion(chain: WalletChain, timeline: list[dict[str, Any]], marked: list[int], cause: str) -> str:
    holds = (
        f"The wallet holds {format_money(chain.wallet_paisa)}, the ledger adds up to {format_money(chain.ledger_paisa)}"
    )
    if not chain.difference_paisa:
        return f"{holds}: they agree." + (f" {describe_cause(cause)}." if cause else "")
    much = "more than the ledger" if chain.difference_paisa > 0 else "less than the ledger"
    where = _where(timeline, marked)
    return f"{holds}: {format_money(abs(chain.difference_paisa))} {much}, {where}. {describe_cause(cause)}."


def _where(timeline: list[dict[str, Any]], marked: list[int]) -> str:
    if not marked:
        return "with no gap at any row"
    first = timeline[marked[0]]
    places = f"; {len(marked)} gaps in total" if len(marked) > 1 else ""
    return (
        "after the last ledger row" if first["ledger_id"] is None else f"since ledger row {first['ledger_id']}"
    ) + places


def _facts(
    chain: WalletChain,
    cause: str,
    timeline: list[dict[str, Any]],
    marked: list[int],
    others: Sequence[tuple[int, int, str]],
) -> tuple[tuple[str, str], ...]:
    facts = [
        ("Wallet", format_money(chain.wallet_paisa)),
        ("Ledger", format_money(chain.ledger_paisa)),
        ("Difference", format_money(chain.difference_paisa, sign=True)),
    ]
    if marked:
        facts.append(("Gaps", _where(timeline, marked)))
    if cause:
        facts.append(("Cause", describe_cause(cause)))
    if same := [other for other in others if other[2] == cause]:
        facts.append(
            (
                "Others with this cause",
                f"{plural(len(same), 'member')}: {', '.join(str(o[0]) for o in same[:5])}{' …' * (len(same) > 5)}",
            )
        )
    return tuple(facts)
