"""The data of remedies: postings, corrections, insertions, removals, and the decisions that a person makes.

Tables and columns have the names of the canonical model. Amounts are integer paisa.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlm_audit.domain.money import format_money

FACTS = "facts"
"""The key in a break's first evidence row under which its check passes the facts that the remedy needs."""

NOW = "now"
"""Placeholder for the time at which a step is taken."""
ADDED = "added"
"""Placeholder for the id of the row that the previous step adds."""

REVERSAL, RECOVERY, REPOSTING = "REVERSAL", "RECOVERY", "REPOST"
"""The prefixes of the keys of correcting ledger rows. The id of the row that is corrected follows."""


def reversal_key(ledger_id: int) -> str:
    """Return the key of a row that reverses ledger row `ledger_id`.

    The reversal has the same member, kind, reference and level, and the opposite amount.
    """
    return f"{REVERSAL}_{ledger_id}"


def recovery_key(ledger_id: int) -> str:
    """Return the key of an `adjustment` that recovers ledger row `ledger_id`, in part or in full."""
    return f"{RECOVERY}_{ledger_id}"


def reposting_key(ledger_id: int) -> str:
    """Return the key of a row that replaces ledger row `ledger_id` under another member, level or kind."""
    return f"{REPOSTING}_{ledger_id}"


@dataclass(frozen=True)
class RowReference:
    """The row that a step rests on."""

    table: str
    id: int

    def __str__(self) -> str:
        return f"{self.table} {self.id}"


@dataclass(frozen=True)
class RemedyPosting:
    """A ledger row to be posted.

    A `member_id` of None is the company. Without `moves_wallet` the wallet already has the amount.
    """

    member_id: int | None
    kind: str
    amount_paisa: int
    reference_id: int | str | None
    level: int | None
    key: str
    moves_wallet: bool
    rests_on: RowReference

    def __str__(self) -> str:
        to = "the company" if self.member_id is None else f"member {self.member_id}"
        verb, side = ("Post", "to") if self.amount_paisa >= 0 else ("Take", "from")
        level = "" if self.level is None else f", level {self.level}"
        reference = "the id of the row just added" if self.reference_id == ADDED else str(self.reference_id or "none")
        text = f"{verb} {format_money(abs(self.amount_paisa))} {side} {to} as {self.kind}, reference {reference}{level}, key {self.key}"
        return text if self.moves_wallet or self.member_id is None else f"{text}; leave the wallet as it is"


@dataclass(frozen=True)
class FieldCorrection:
    """A column of a record to be set from one value to another."""

    table: str
    id: int
    column: str
    before: Any
    after: Any
    rests_on: RowReference

    def __str__(self) -> str:
        before, after = (_shown(self.column, value) for value in (self.before, self.after))
        return f"Set {self.column} of {self.table} {self.id} from {before} to {after}"


@dataclass(frozen=True)
class Insertion:
    """A record to be added."""

    table: str
    values: Mapping[str, Any]
    rests_on: RowReference

    def __str__(self) -> str:
        values = ", ".join(f"{name} {_shown(name, value)}" for name, value in self.values.items() if value is not None)
        return f"Add a row to {self.table}: {values}"


@dataclass(frozen=True)
class Removal:
    """A record to be removed."""

    table: str
    id: int
    rests_on: RowReference

    def __str__(self) -> str:
        return f"Remove {self.table} {self.id}"


@dataclass(frozen=True)
class WalletCorrection:
    """A wallet to be set from one balance to another, with no ledger row.

    An approval of kind wallet_correction records it.
    """

    member_id: int
    before_paisa: int
    after_paisa: int
    rests_on: RowReference

    def __str__(self) -> str:
        return (
            f"Set the wallet of member {self.member_id} from {format_money(self.before_paisa)} to {format_money(self.after_paisa)}, "
            "and record the approval with mlm-audit authorisations add wallet_correction"
        )


Step = RemedyPosting | FieldCorrection | Insertion | Removal | WalletCorrection

WORDS: dict[type, str] = {
    RemedyPosting: "post",
    FieldCorrection: "correct",
    Insertion: "insert",
    Removal: "remove",
    WalletCorrection: "set wallet",
}


@dataclass(frozen=True)
class Alternative:
    """One of the options that a person chooses from: the condition under which it is right, and its steps."""

    when: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Remedy:
    """The correction of a break: steps that the data prove, or alternatives that a person chooses from; never both.

    `follows` names the break whose remedy clears this one too. If a remedy has none of the three, `first` says what to
    find out.
    """

    break_id: str
    steps: tuple[Step, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    follows: str = ""
    first: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> str:
        """Return `steps`, `decision`, `follows` or `investigation`."""
        if self.steps:
            return "steps"
        if self.alternatives:
            return "decision"
        return "follows" if self.follows else "investigation"

    @property
    def sentence(self) -> str:
        """Return the remedy in one or more sentences."""
        if self.steps:
            return ". ".join(map(str, self.steps)) + "."
        if self.alternatives:
            ways = " ".join(
                f"({chr(97 + place)}) {way.when}: {'; '.join(map(str, way.steps))}."
                for place, way in enumerate(self.alternatives)
            )
            return f"A person must decide. {ways}"
        if self.follows:
            return f"Take the steps of {self.follows}; they also clear this break."
        return f"{self.first}."

    def to_dict(self) -> dict[str, Any]:
        """Return the remedy as JSON-ready data."""
        return {
            "break_id": self.break_id,
            "kind": self.kind,
            "sentence": self.sentence,
            "steps": [step_data(step) for step in self.steps],
            "alternatives": [
                {"when": way.when, "steps": [step_data(step) for step in way.steps]} for way in self.alternatives
            ],
            "follows": self.follows or None,
            "notes": list(self.notes),
        }


def step_data(step: Step) -> dict[str, Any]:
    """Return a step as JSON-ready data. `do` names the type of the step."""
    data = {name: value for name, value in vars(step).items() if name != "rests_on"}
    if isinstance(step, Insertion):
        data["values"] = dict(step.values)
    return {"do": WORDS[type(step)], **data, "rests_on": {"table": step.rests_on.table, "id": step.rests_on.id}}


def remedy_from(data: Mapping[str, Any]) -> Remedy:
    """Return the remedy in a document of `Remedy.to_dict`."""
    return Remedy(
        data["break_id"],
        tuple(map(_step_from, data["steps"])),
        tuple(Alternative(way["when"], tuple(map(_step_from, way["steps"]))) for way in data["alternatives"]),
        data["follows"] or "",
        data["sentence"].removesuffix(".") if data["kind"] == "investigation" else "",
        tuple(data["notes"]),
    )


def _step_from(data: Mapping[str, Any]) -> Step:
    kind = next(kind for kind, word in WORDS.items() if word == data["do"])
    values = {name: value for name, value in data.items() if name not in ("do", "rests_on")}
    step: Step = kind(**values, rests_on=RowReference(**data["rests_on"]))
    return step


def _shown(column: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and ("mount" in column or "alance" in column):
        return format_money(value)
    return str(value)
