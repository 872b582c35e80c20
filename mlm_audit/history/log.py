"""The content of the log, from its entries in order: sealed months, stored runs and acknowledgements.

An entry of a kind or a format that this version does not know is not skipped. This version then cannot trust the log.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlm_audit.history.canonical import FIRST_COLUMNS, LEAF_PREFIXES, Columns, RowFormat, columns_of
from mlm_audit.history.chain import Entry

SEALED, EXPIRED, REBUILT, RESTARTED = "sealed", "expired", "rebuilt", "restarted"
RUN, STORED, ABANDONED, ACKNOWLEDGED = "run", "stored", "abandoned", "acknowledged"
ABSENT = ""
"""Replaces the digest when the acknowledged record no longer exists."""


class UnknownEntryError(ValueError):
    """This version cannot read an entry of the log."""


@dataclass(frozen=True)
class Seal:
    """The seal of one month of the ledger. `root` is over its rows by id; `file` and `sums` are names with SHA-256.

    `format` and `columns` say how its rows are written and hashed. Entries of format 1 do not name them.
    """

    month: int
    starts_at: str
    ends_at: str
    rows: int
    sum_paisa: int
    first_id: int | None
    last_id: int | None
    root: str
    file: str
    sha256: str
    sums: str
    sums_sha256: str
    job_id: str
    open_breaks: int
    format: int = 1
    columns: Columns = FIRST_COLUMNS

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Seal":
        """Return a seal from an entry's body. Raise UnknownEntryError when this version does not know its format."""
        number = body.get("format", 1)
        if number not in LEAF_PREFIXES:
            raise UnknownEntryError(f"its format is {number!r}, which this version does not know; update mlm-audit")
        columns = columns_of(body["columns"]) if number > 1 or "columns" in body else FIRST_COLUMNS
        return cls(**{**body, "columns": columns})

    @property
    def row_format(self) -> RowFormat:
        """Return the format in which its rows are written and hashed."""
        return RowFormat(self.format, self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the seal as data for the log."""
        return asdict(self) | {"columns": [[name, str(kind)] for name, kind in self.columns]}


@dataclass(frozen=True)
class StoredRunEntry:
    """A stored reconciliation in the log. It is written just before the run is committed to the platform's database.

    `records` are digests of toolkit records in that database: those of the run, and those added since the previous run
    (see `database/own_records`). The next run compares the ledger with `settled` and `mirror`. `changes` is the file
    of unacknowledged changes in open months, with its SHA-256. `acknowledged_to` is the last entry that the run
    considered.
    """

    number: int
    job_id: str
    records: Mapping[str, str]
    settled: dict[str, Any] | None
    mirror: str | None
    changes: str | None
    changes_sha256: str | None
    acknowledged_to: int
    is_confirmed: bool = False
    """Whether the transaction that stored the run was committed."""

    @classmethod
    def of(cls, entry: Entry) -> "StoredRunEntry":
        """Return a run from an entry."""
        return cls(number=entry.number, **entry.body)

    @property
    def own(self) -> dict[str, str]:
        """Return the records of the run itself."""
        return {name: digest for name, digest in self.records.items() if name.partition("/")[2] == self.job_id}


@dataclass(frozen=True)
class Acknowledgement:
    """The acknowledgement of a break by a person. `item` is the digest of a changed ledger row.

    `records` are the toolkit records that the break is about.
    """

    number: int
    at: str
    break_id: str
    by: str
    account: str
    reason: str
    item: str = ""
    records: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Return the acknowledgement as a sentence for reports."""
        account = "" if self.by == self.account else f" (account {self.account})"
        return f"{self.break_id} was acknowledged on {self.at[:16].replace('T', ' ')} UTC by {self.by}{account}: {self.reason}"


@dataclass
class Content:
    """The combined content of all entries."""

    seals: dict[int, Seal] = field(default_factory=dict)
    expired: set[int] = field(default_factory=set)
    runs: dict[str, StoredRunEntry] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    """The toolkit records that must be in the platform's database, with digests. Unconfirmed runs are left out."""
    acknowledged: list[Acknowledgement] = field(default_factory=list)
    restarts: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Add an entry. Raise UnknownEntryError when it cannot be read."""
        body = entry.body
        try:
            if entry.kind in (SEALED, REBUILT):
                self.seals[body["month"]] = Seal.of(body)
                self.expired.discard(body["month"])
            elif entry.kind == EXPIRED:
                self.expired.add(body["month"])
            elif entry.kind == RESTARTED:
                self.restarts.append(entry)
            elif entry.kind == RUN:
                self._add_run(StoredRunEntry.of(entry))
            elif entry.kind == STORED:
                self.confirm(body["job_id"])
            elif entry.kind == ABANDONED:
                del self.runs[body["job_id"]]
            elif entry.kind == ACKNOWLEDGED:
                self._add_acknowledgement(Acknowledgement(entry.number, entry.at, **body))
            else:
                raise UnknownEntryError(
                    f"its kind is {entry.kind!r}, which this version does not know; update mlm-audit"
                )
        except (KeyError, TypeError) as error:
            raise UnknownEntryError(f"its content cannot be read ({error!r})") from error

    def confirm(self, job_id: str) -> None:
        """Mark the run with this id as stored."""
        run = self.runs[job_id]
        self.runs[job_id] = StoredRunEntry(**{**vars(run), "is_confirmed": True})
        self.records |= run.own

    def _add_run(self, run: StoredRunEntry) -> None:
        self.runs[run.job_id] = run
        own = run.own
        self.records |= {name: digest for name, digest in run.records.items() if name not in own}

    def _add_acknowledgement(self, one: Acknowledgement) -> None:
        self.acknowledged.append(one)
        for name, digest in one.records.items():
            if digest == ABSENT:
                self.records.pop(name, None)
            else:
                self.records[name] = digest
