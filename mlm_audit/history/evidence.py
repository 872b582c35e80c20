"""Evidence packs: sealed ledger rows with their proofs, the plan, the checks, the findings and a signature over all."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine as Database

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.database.store.runs import has_runs, previous_run
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.inputs import ORDER_LINES
from mlm_audit.domain.periods import month_label, parse_month
from mlm_audit.domain.settings import Settings, platform_file
from mlm_audit.history import evidence_verify
from mlm_audit.history.canonical import INSTANT, names_of
from mlm_audit.history.log import Seal
from mlm_audit.history.merkle import proofs
from mlm_audit.history.sealing import store_of
from mlm_audit.history.signing_key import key_of, public_of
from mlm_audit.history.store import Store, StoreState
from mlm_audit.platforms.mapping import mapping_of

Pages = Callable[[], dict[str, str]]
"""Returns the pages that explain the member or order, by file name. Personal data is masked unless it was requested."""


@dataclass(frozen=True)
class PackScope:
    """The scope of a pack: a month, and within it the rows of a member, the rows of an order, or all rows."""

    month: str
    member: int | None = None
    order: int | None = None

    @property
    def about(self) -> dict[str, int]:
        """Return the member or the order for the manifest; empty for a whole month."""
        return {name: number for name, number in (("member", self.member), ("order", self.order)) if number is not None}


def make_pack(database: Database, settings: Settings, wanted: PackScope, now: datetime, pages: Pages = dict) -> bytes:
    """Return the pack as bytes.

    Raise InputError when the month is not sealed or has no usable file, and when there are no rows or no key.
    """
    key, store = key_of(settings), store_of(settings, database)
    state, seal = _seal_of(store, wanted, settings)
    rows = _rows(store, seal, wanted)
    files = {
        "rows.jsonl": _lines(rows),
        "sums.csv": (store.folder / seal.sums).read_bytes(),
        "log.jsonl": store.chain.path.read_bytes(),
        "plan.toml": settings.plan_path.read_bytes(),
        **({} if mapping_of(settings) is None else {"mapping.toml": platform_file(settings.platform).read_bytes()}),
        "findings.json": _json(_findings(database, wanted)),
        "evidence_verify.py": Path(evidence_verify.__file__).read_bytes(),
        **{f"checks/{check.code}.sql": check.sql.encode() for check in load_checks(settings.checks_dir)},
    }
    files |= {name: page.encode() for name, page in pages().items()} | _report(database, settings, wanted)
    manifest = _json(
        {
            "format": evidence_verify.NEWEST,
            "made_at": now.isoformat(),
            "month": seal.month,
            "about": wanted.about,
            "head": state.read.head,
            "columns": names_of(seal.columns),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        }
    )
    signature = _json({"key": public_of(key), "signature": key.sign(manifest).hex()})
    return evidence_verify.archive_of(files | {"manifest.json": manifest, "signature.json": signature})


def _seal_of(store: Store, wanted: PackScope, settings: Settings) -> tuple[StoreState, Seal]:
    month, state = parse_month(wanted.month, settings.tz), store.read_state()
    label = month_label(month.key)
    if state.problems:
        raise InputError(
            f"evidence {label}: the sealed history is damaged ({state.problems[0].what}); see mlm-audit seals verify"
        )
    if month.key not in state.seals:
        known = ", ".join(month_label(one) for one in sorted(state.seals)) or "none yet"
        raise InputError(f"evidence {label}: that month is not sealed; the sealed months are: {known}")
    if month.key not in state.usable:
        raise InputError(
            f"evidence {label}: its file was deleted under the retention settings; mlm-audit seals rebuild {label} recreates it"
        )
    return state, state.seals[month.key]


def _rows(store: Store, seal: Seal, wanted: PackScope) -> list[dict[str, Any]]:
    """Return the rows in order of their ids. For a member or an order, each row has its place and its proof."""
    frame = pl.read_parquet(store.folder / seal.file).select(*names_of(seal.columns)).sort("id").with_row_index("place")
    if not wanted.about:
        return [{"row": _values(row)} for row in frame.drop("place").iter_rows()]
    rows_as = seal.row_format
    leaves = [rows_as.leaf(rows_as.canonical(row)) for row in frame.drop("place").iter_rows(named=True)]
    mine = frame.filter(
        pl.col("user_id") == wanted.member
        if wanted.member is not None
        else (pl.col("reference_id") == wanted.order) & pl.col("type").is_in(ORDER_LINES)
    )
    if not mine.height:
        kind = "member" if wanted.member is not None else "order"
        raise InputError(f"evidence {wanted.month}: {kind} {wanted.about[kind]} has no ledger row in that month")
    siblings = proofs(leaves, mine["place"].to_list())
    return [
        {"row": _values(row[1:]), "place": row[0], "proof": [one.hex() for one in siblings[row[0]]]}
        for row in mine.iter_rows()
    ]


def _values(row: tuple[Any, ...]) -> list[Any]:
    return [value.strftime(INSTANT) if isinstance(value, datetime) else value for value in row]


def _findings(database: Database, wanted: PackScope) -> dict[str, Any]:
    """Return the open breaks of the last stored run, limited to the member or order if one is given."""
    last = previous_run(database) if has_runs(database) else None
    if last is None:
        return {"run": None, "breaks": []}
    breaks = last.breaks
    for column, number in (("member_id", wanted.member), ("order_id", wanted.order)):
        breaks = breaks if number is None else breaks.filter(pl.col(column) == number)
    rows = breaks.with_columns(pl.col("first_seen_at").dt.strftime(INSTANT)).to_dicts()
    return {"run": last.job_id, "breaks": rows}


def _report(database: Database, settings: Settings, wanted: PackScope) -> dict[str, bytes]:
    """Return the filed report of the last stored run. A pack on a member or order has an explanation page instead."""
    last = previous_run(database) if has_runs(database) and not wanted.about else None
    path = settings.runs_dir / last.job_id / "report.html" if last else None
    return {"report.html": path.read_bytes()} if path and path.is_file() else {}


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()


def _json(data: object) -> bytes:
    return (json.dumps(data, sort_keys=True, indent=1, default=str) + "\n").encode()
