"""The text of the sections of a proposed mapping: what was found, what is lacking, and what a person has to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mlm_audit.domain.inputs import ABSENT_COLUMNS
from mlm_audit.domain.words import WORDS, fold
from mlm_audit.platforms.reference_search import FoundPattern
from mlm_audit.platforms.section_search import MEMBERS, ORDERS, OTHERS, FoundSection, WantedSection

SEARCHED = (ORDERS, *OTHERS)
NEVER_FOUND = ("payout_history", "commission_rollups", "eligibility_log", "monthly_stats")
"""The inputs that are the toolkit's own on the standard platform. Nothing is proposed for them."""
VALUES: dict[str, str] = {
    "users.role": '"user"',
    "users.is_active": "true",
    "users.is_blocked": "false",
    "users.is_kyc_approved": "true",
    "orders.is_joining_order": "false",
    "commissions.status": '"released"',
    "payout_schedule.retry_count": "0",
}
"""What stands in a proposal for a column that was not found."""
MEANINGS = {
    "requested": "pending",
    "scheduled": "pending",
    "due": "pending",
    "open": "pending",
    "new": "pending",
    "unpaid": "pending",
    "inprocess": "processing",
    "in_process": "processing",
    "in progress": "processing",
    "success": "approved",
    "completed": "approved",
    "done": "paid",
    "skipped": "permanently_failed",
    "cancelled": "rejected",
    "canceled": "rejected",
    "declined": "rejected",
    "member": "user",
    "customer": "user",
    "administrator": "admin",
    "superadmin": "admin",
}
"""A word of a platform → the toolkit's word that it most likely means, where the column knows that word."""
TRUE = ("approved", "active", "yes", "true", "y", "t", "1", "verified")
FALSE = ("inactive", "no", "false", "n", "f", "0", "pending", "submitted", "rejected", "under_review", "none")
"""The words of a flag, in either sense."""


@dataclass(frozen=True)
class FoundInputs:
    """The sections that were found, the patterns of each ledger table, the words of columns, and what the data decide."""

    members: FoundSection
    sections: tuple[FoundSection, ...]
    patterns: Mapping[str, tuple[FoundPattern, ...]]
    words: Mapping[str, tuple[str, ...]]
    """`section.column` → the words in use."""
    ledger_columns: Mapping[str, Mapping[str, str]]
    """Ledger table → further columns: the key and the time of a row."""
    units: Mapping[str, str | None] = field(default_factory=dict)
    """`section.column` → `major` if the values have fractions; None if they are whole and the unit is the ledger's."""
    is_hundredfold: bool = False
    """Whether the commissionable amount exceeds the total of every order, and a hundredth of it never does."""
    is_debited_on_request: bool = False
    records_from: date | None = None
    """The day from which there are commission records, if orders are much older."""

    @property
    def is_credited_at_once(self) -> bool:
        """Return whether rows of repurchase commission name an order and a level, as those of joining commission do."""
        return any(
            "repurchase_commission" in one.roles and "level_depth" in one.groups
            for found in self.patterns.values()
            for one in found
        )


def decisions_of(inputs: FoundInputs) -> list[str]:
    """Return what a person has to decide about the sections."""
    found = {one.section for one in inputs.sections}
    asked = [
        f"no table fits {wanted.name}: write its section, or confirm under [absent] that the platform keeps none"
        for wanted in SEARCHED
        if wanted.name not in found
    ]
    if NEVER_FOUND:
        asked.append(f"confirm that the platform keeps none of {', '.join(NEVER_FOUND)}")
    for one in (inputs.members, *inputs.sections):
        for name in one.lacking:
            column = f"{one.section}.{name}"
            if column in VALUES:
                asked.append(f"no column fits {column}: confirm the value {VALUES[column]} for every row")
            elif column not in ABSENT_COLUMNS and column != "payout_schedule.instalment":
                asked.append(f"no column fits {column}, which the jobs need: give one")
    asked += [
        f"no column of {table} holds the time of a row, which the jobs need: give one"
        for table, columns in inputs.ledger_columns.items()
        if "created_at" not in columns
    ]
    for name, words in inputs.words.items():
        section, _, column = name.partition(".")
        asked += [
            f"what does {word!r} mean in {section}.{column}"
            for word in words
            if _meaning(section, column, word) is None
        ]
    if inputs.is_hundredfold:
        asked.append(
            "orders.commission_amount exceeds the total of every order: confirm that it is stored 100 times too large"
        )
    asked.append(
        "no data tell the conventions three_three_applies, eligibility_flag, arithmetic and withdrawal_debit, or the plan: set "
        "them, and write the plan beside this file"
    )
    return asked


def member_lines(inputs: FoundInputs, table: str, columns: Mapping[str, str], unit: str) -> list[str]:
    """Return the section of the members, with the columns of the wallet and all others that were found."""
    found = inputs.members
    whole = FoundSection("users", table, {**columns, **found.columns}, found.lacking, found.confidence)
    return _section(inputs, whole, MEMBERS, unit, {"wallet_balance": unit})


def section_lines(inputs: FoundInputs, unit: str) -> list[str]:
    """Return the other sections, the conventions that the data decide, and what is absent."""
    lines: list[str] = []
    for one in inputs.sections:
        wanted = next(wanted for wanted in SEARCHED if wanted.name == one.section)
        lines += [
            "",
            f"# {one.table} fits {one.section}: {round(one.confidence * 100)} of 100 points.",
            f"[{one.section}]",
        ]
        lines += _section(inputs, one, wanted, unit, {})
    return [*lines, "", *_conventions(inputs), "", *_absent(inputs)]


def pattern_lines(patterns: Sequence[FoundPattern]) -> list[str]:
    """Return the patterns of a ledger table, the most frequent first."""
    if not patterns:
        return []
    lines = [
        f"    {{ column = {toml_text(one.column)}, pattern = '{one.pattern}' }},  # {one.texts} rows"
        for one in patterns
    ]
    return ["patterns = [", *lines, "]"]


def _section(
    inputs: FoundInputs, one: FoundSection, wanted: WantedSection, unit: str, units: Mapping[str, str]
) -> list[str]:
    amounts = [column.name for column in wanted.columns if column.holds == "amount" and column.name in one.columns]
    known = {name: inputs.units.get(f"{one.section}.{name}") or unit for name in amounts} | dict(units)
    is_hundredfold = one.section == "orders" and inputs.is_hundredfold
    if is_hundredfold:
        known["commission_amount"] = f"{known['commission_amount']}/100"
    pairs = ", ".join(f"{name} = {toml_text(column)}" for name, column in one.columns.items())
    lines = [f"table = {toml_text(one.table)}", f"columns = {{ {pairs} }}"]
    if known:
        lines.append(f"amounts = {{ {', '.join(f'{name} = {toml_text(value)}' for name, value in known.items())} }}")
    values = {name: VALUES[f"{one.section}.{name}"] for name in one.lacking if f"{one.section}.{name}" in VALUES}
    if values:
        lines.append(f"values = {{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}")
    if one.section == "payout_schedule" and "instalment" in one.lacking:
        lines.append('numbered = { column = "instalment", within = "order_id", by = "payout_date" }')
    if is_hundredfold:
        why = "the amount exceeds the total of every order, and a hundredth of it never does"
        lines += [
            "",
            "[[orders.misstated]]",
            'amount = "commission_amount"',
            f"meant = {toml_text(unit)}",
            f'why = "{why}"',
        ]
    for column in one.columns:
        lines += _words(inputs, one.section, column)
    return lines


def _words(inputs: FoundInputs, section: str, column: str) -> list[str]:
    meant = {word: _meaning(section, column, word) for word in inputs.words.get(f"{section}.{column}", ())}
    is_flag = (section, column) not in WORDS
    told = {word: meaning for word, meaning in meant.items() if is_flag or meaning not in (None, fold(word))}
    if not told:
        return []
    return [
        "",
        f"[{section}.words.{column}]",
        *(f"{toml_text(word)} = {_value(meaning)}" for word, meaning in told.items()),
    ]


def _value(meaning: object) -> str:
    return toml_text(meaning) if isinstance(meaning, str) else str(bool(meaning)).lower()


def _meaning(section: str, column: str, word: str) -> str | bool | None:
    """Return what a word most likely means: one of the words of its column, or for a flag true or false."""
    plain = fold(word)
    if (section, column) in WORDS:
        known = WORDS[section, column]
        meant = plain if plain in known else MEANINGS.get(plain)
        return meant if meant in known else None
    return True if plain in TRUE else False if plain in FALSE else None


def _conventions(inputs: FoundInputs) -> list[str]:
    lines = ["[conventions]", 'ledger_keys = "platform"']
    if inputs.is_debited_on_request:
        lines += ["# There are more debits than approved withdrawals.", 'withdrawal_debited = "on_request"']
    if inputs.is_credited_at_once:
        lines += ["# Rows of repurchase commission name their order.", 'repurchase_credited = "at_once"']
    if inputs.records_from is not None:
        lines += [
            "# The orders are much older than the first commission record.",
            f"commission_records_from = {inputs.records_from}",
        ]
    return lines


def _absent(inputs: FoundInputs) -> list[str]:
    found = {one.section for one in inputs.sections}
    names = [wanted.name for wanted in SEARCHED if wanted.name not in found] + list(NEVER_FOUND)
    lacking = {f"{one.section}.{name}" for one in (inputs.members, *inputs.sections) for name in one.lacking}
    given = [set(columns) for columns in inputs.ledger_columns.values()]
    groups = {group for found in inputs.patterns.values() for one in found for group in one.groups}
    if not all("balance_after" in columns for columns in given):
        lacking.add("ledger.balance_after")
    lacking |= {"ledger.ref"} if not all("ref" in columns for columns in given) else set()
    lacking |= {f"ledger.{name}" for name in ("reference_id", "level_depth") if name not in groups}
    names += [name for name in ABSENT_COLUMNS if name in lacking]
    return ["[absent]", *(f'{toml_text(name)} = "nothing in the database fits it"' for name in names)]


def toml_text(value: str) -> str:
    """Return a text as TOML writes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped) + '"'
