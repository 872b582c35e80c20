"""Attaching a platform from a notebook: what its data propose as a mapping, and how well a mapping reproduces the wallets."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from mlm_audit.analysis.answer import Answer
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.reads.inspection import inspect_platform, proposed
from mlm_audit.database.reads.mapped_rows import prove_mapping
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import grouped, plural
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.platforms.mapping import Mapping, load_mapping
from mlm_audit.platforms.proof import MappingProof
from mlm_audit.platforms.proposal import ProposedMapping, ProposedTable, mapping_text
from mlm_audit.reporting.core.story import ChartSpec, Story, Table, columns
from mlm_audit.reporting.core.svg_charts import bars

Progress = Callable[[str, int, int], None]
MOVES = {1: "as stored", -1: "with the opposite sign", 0: "not at all"}
KINDS = columns(
    ("table", "Table"),
    ("kind", "Kind"),
    ("moves", "Moves the wallet"),
    ("reproduced", "Wallets reproduced", "count"),
    ("otherwise", "Reproduced if it counted otherwise", "count"),
    ("role", "Role"),
)
COLUMNS = columns(("table", "Table"), ("column", "Column of the toolkit"), ("named", "Column of the platform"))
DECISIONS = columns(("number", "Number", "count"), ("question", "Question"))
PROVEN = columns(
    ("table", "Table"),
    ("kind", "Kind"),
    ("role", "Role"),
    ("rows", "Rows", "count"),
    ("amount", "Sum"),
    ("moves", "Moves wallets"),
)
GAPS = columns(("member", "Member"), ("wallet", "Wallet"), ("ledger", "Ledger"), ("difference", "Difference"))


class ProposalAnswer(Answer):
    """What the data of an unknown platform propose. `text` is the mapping file, which a person completes."""

    def __init__(self, story: Story, text: str) -> None:
        super().__init__(story)
        self.text = text

    def write(self, path: str | Path) -> Path:
        """Write the proposed mapping to a file. Raise InputError when the file exists, since it may have been edited."""
        file = Path(path)
        if file.exists():
            raise InputError(f"{file}: the file exists, and may have been edited; choose another name or delete it")
        file.write_text(self.text, encoding="utf-8")
        return file


def inspect(url: str | None = None, progress: Progress = lambda *_: None) -> ProposalAnswer:
    """Propose a mapping of the platform at an address, DATABASE_URL by default, which is only read.

    Raise InputError when the database cannot be reached, or has no members with wallets.
    """
    engine = open_engine(_url(url), read_only=True)
    try:
        found = proposed(inspect_platform(engine, progress))
    finally:
        engine.dispose()
    return ProposalAnswer(_proposal_story(found), mapping_text("", found))


def prove(platform: str | Path, url: str | None = None, progress: Progress = lambda *_: None) -> Answer:
    """Compare the wallets with the ledger, both read through a mapping: a shipped one by its name, or a file.

    Raise InputError when the mapping is not valid, has open decisions, or does not fit the database.
    """
    mapping = load_mapping(str(platform))
    engine = open_engine(_url(url), read_only=True)
    try:
        found = prove_mapping(engine, mapping, progress)
    finally:
        engine.dispose()
    return Answer(_proof_story(mapping, found))


def _url(url: str | None) -> str:
    settings: Settings = load_settings()
    secret = settings.database_url if url is None else SecretStr(url)
    if secret is None:
        raise InputError("no database is configured; give a URL, or set DATABASE_URL")
    return secret.get_secret_value()


def _proposal_story(found: ProposedMapping) -> Story:
    kinds = [(table, kind) for table in found.ledger for kind in table.kinds]
    rows = tuple(
        {
            "table": table.name,
            "kind": kind.word,
            "moves": "names no member" if kind.is_silent else MOVES[kind.sign],
            "reproduced": found.agreeing,
            "otherwise": None if kind.is_silent else kind.without,
            "role": kind.role,
        }
        for table, kind in kinds
    )
    deciding = [(table, kind) for table, kind in kinds if not kind.is_silent]
    shown = [("as proposed", found.agreeing), *((f"{kind.word} otherwise", kind.without) for _, kind in deciding)]
    picture = bars(shown)
    words = ", ".join(f"{label} {grouped(count)}" for label, count in shown)
    decisions = found.decisions
    return Story(
        title="Proposed mapping",
        conclusion=f"{grouped(found.agreeing)} of {plural(found.members, 'wallet')} that were compared are reproduced by "
        f"{found.users.name} and {', '.join(table.name for table in found.ledger)}.",
        first=f"Answer {plural(len(decisions), 'question')}, then prove the mapping."
        if decisions
        else "Prove the mapping.",
        tables=(
            Table(
                "kinds",
                "Wallets that each choice of kinds reproduces",
                KINDS,
                rows,
                "A kind that matters reproduces far fewer wallets when it counts otherwise.",
                picture=picture,
                picture_words=words,
                drawn=ChartSpec("bars", "kind", ("reproduced", "otherwise")),
            ),
            Table("columns", "Columns that were found", COLUMNS, _columns_of(found)),
            Table(
                "decisions",
                "What a person has to decide",
                DECISIONS,
                tuple({"number": number, "question": text} for number, text in enumerate(decisions, start=1)),
            ),
        ),
    )


def _columns_of(found: ProposedMapping) -> tuple[dict[str, str], ...]:
    def of(table: ProposedTable) -> list[dict[str, str]]:
        return [{"table": table.name, "column": name, "named": column} for name, column in table.columns.items()]

    return tuple(row for table in (found.users, *found.ledger) for row in of(table))


def _proof_story(mapping: Mapping, found: MappingProof) -> Story:
    kinds = tuple(
        {
            "table": one.table,
            "kind": one.kind,
            "role": one.role or "unknown",
            "rows": one.rows,
            "amount": mapping.amount(one.amount),
            "moves": "yes" if one.moves_wallet else "no",
        }
        for one in found.kinds
    )
    gaps = tuple(
        {
            "member": one.member,
            "wallet": mapping.amount(one.wallet),
            "ledger": mapping.amount(one.ledger),
            "difference": mapping.amount(one.difference),
        }
        for one in found.gaps[:1_000]
    )
    left = tuple(
        f"left out of {one.table}: {plural(one.rows, 'row')} of {mapping.amount(one.amount)}: {one.why}"
        for one in found.left_out
    )
    return Story(
        title=f"Proof of the mapping {mapping.name}",
        conclusion=f"The ledger gives exactly the wallet of {grouped(found.agreeing)} of {plural(found.members, 'member')}.",
        first="Correct the mapping, or explain the differences."
        if found.gaps
        else "Run `mlm-audit platform check`, which stores the proof.",
        tables=(
            Table("kinds", "Kinds of ledger row", PROVEN, kinds),
            Table("gaps", "Wallets that differ", GAPS, gaps, of=len(found.gaps)),
        ),
        notes=(*found.not_proven, *left),
        verdict=found.verdict.value,
    )
