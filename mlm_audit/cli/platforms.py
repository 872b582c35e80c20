"""`mlm-audit platform`: list and show mappings, and prove one on a database."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape
from sqlalchemy import Engine

from mlm_audit.cli.common import (
    COLOURS,
    NO_DATABASE,
    Db,
    Json,
    Platform,
    clock,
    progress_bar,
    refuse_unwritable,
    settings_with,
)
from mlm_audit.cli.output import EXIT_FINDINGS, EXIT_INCOMPLETE, out, print_json
from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.database.core.platform_engines import platform_of, structure_of
from mlm_audit.database.reads.inspection import inspect_platform, proposed
from mlm_audit.database.reads.mapped_rows import prove_mapping
from mlm_audit.database.reads.text_keys import rows_with_number
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.keys import number_of_key
from mlm_audit.domain.money import grouped, plural
from mlm_audit.domain.ports import Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.platforms.mapping import Mapping, load_mapping, shipped_mappings
from mlm_audit.platforms.proof import MappingProof
from mlm_audit.platforms.proposal import mapping_text
from mlm_audit.runs.mapping_figures import MappingFigures, figures_of_mapping
from mlm_audit.runs.mapping_proof import ProofRecord, store_proof

app = App(name="platform")
Name = Annotated[
    str, Parameter(help="The name of a shipped mapping, or the path of a mapping file, which ends in .toml.")
]
EXIT_OF = {Verdict.PASS: 0, Verdict.FAIL: EXIT_FINDINGS, Verdict.INCOMPLETE: EXIT_INCOMPLETE}
GAPS_SHOWN = 10


def _document(mapping: Mapping) -> dict[str, Any]:
    return {
        "name": mapping.name,
        "title": mapping.title,
        "currency": mapping.currency,
        "path": str(mapping.path),
        "sha256": mapping.digest,
        "operate": [] if mapping.operate is None else list(mapping.operate.allowed),
    }


@app.command(name="list")
def list_mappings(*, json: Json = False) -> None:
    """List the mappings that the package contains."""
    mappings = shipped_mappings()
    if json:
        print_json([_document(mapping) for mapping in mappings])
        return
    for mapping in mappings:
        out.print(f"[bold]{mapping.name:24}[/] {escape(mapping.title)}")


@app.command
def show(name: Name, /, *, json: Json = False) -> None:
    """Show a mapping: the tables that it reads, and what each kind of ledger row means."""
    mapping = load_mapping(name)
    if json:
        print_json(_document(mapping) | {"text": mapping.path.read_text(encoding="utf-8")})
        return
    out.print(mapping.path.read_text(encoding="utf-8"), markup=False)


@app.command
def inspect(
    *,
    db: Db = None,
    file: Annotated[Path | None, Parameter(name=["--file", "-o"], help="File to write. The default is stdout.")] = None,
    json: Json = False,
) -> None:
    """Propose a mapping for an unknown platform: the tables and kinds of row that reproduce most wallets.

    The database is only read. The file says what each line rests on, and lists what a person has to decide; a mapping
    with an open decision is not used. With --json, print what was found and the text of the mapping.
    """
    settings = settings_with(db)
    if file is not None and file.suffix != ".toml":
        raise InputError(f"--file {file}: the name of a mapping file ends in .toml; choose such a name")
    refuse_unwritable("--file", file)
    if file is not None and file.exists():
        raise InputError(f"--file {file}: the file exists, and may have been edited; choose another name or delete it")
    engine = _reader(settings)
    try:
        with progress_bar(quiet=json) as progress:
            found = proposed(inspect_platform(engine, progress))
    finally:
        engine.dispose()
    text = mapping_text(re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:60] if file else "", found)
    if file is not None:
        file.write_text(text, encoding="utf-8")
    if json:
        print_json(asdict(found) | {"decisions": found.decisions, "text": text})
        return
    if file is None:
        out.print(text, markup=False, end="")
        return
    out.print(f"{grouped(found.agreeing)} of {plural(found.members, 'wallet')} that were compared are reproduced.")
    for decision in found.decisions:
        out.print(f"      [yellow]Decide:[/] {escape(decision)}")
    out.print(f"The proposed mapping is in {escape(str(file))}. Next: mlm-audit platform check {escape(str(file))}")


@app.command
def check(name: Name | None = None, /, *, db: Db = None, json: Json = False) -> int:
    """Prove a mapping on a database: whether the ledger, read through it, gives exactly the members' wallets.

    Without a name, the mapping that PLATFORM selects is proven. The database is only read. Rows that the mapping leaves out, and kinds that move no wallet, are listed with their
    amounts. Exit code 3 when a wallet differs, 4 when none does and something is not known, such as a kind of row.
    """
    settings = settings_with(db, platform=name)
    mapping = load_mapping(settings.platform)
    engine = _reader(settings)
    try:
        with progress_bar(quiet=json) as progress:
            proof = prove_mapping(engine, mapping, progress)
            figures = None if mapping.not_mapped else _figures(settings, mapping, progress)
    finally:
        engine.dispose()
    verdict = _verdict(mapping, proof, figures)
    if figures is not None:
        database = open_platform(settings)
        moment = clock().isoformat(timespec="seconds")
        structure = structure_of(platform_of(database))
        store_proof(
            settings,
            database,
            ProofRecord(mapping.name, mapping.digest, structure, verdict.value, proof.members, proof.agreeing, moment),
        )
        database.dispose()
    if json:
        print_json(_proof_document(mapping, proof) | _more_document(mapping, verdict, figures))
    else:
        _print(mapping, proof, verdict)
        _print_figures(mapping, figures)
    return EXIT_OF[verdict]


@app.command
def key(
    value: Annotated[str, Parameter(help="A number from a report, or a key of the platform.")],
    /,
    *,
    platform: Platform = None,
    db: Db = None,
    json: Json = False,
) -> None:
    """Find the rows that a number in a report stands for, on a platform whose keys are texts, such as UUIDs.

    A key of the platform is found by its text as well, and its number is printed. Exit code 2 when there is no such row.
    """
    settings = settings_with(db, platform=platform)
    mapping, engine = load_mapping(settings.platform), _reader(settings)
    try:
        rows = rows_with_number(engine, mapping, number_of_key(value.strip()))
    finally:
        engine.dispose()
    if not rows:
        raise InputError(
            f"platform key {value}: no row of the mapped tables has this key or this number; copy the number from the report"
        )
    if json:
        print_json([one._asdict() for one in rows])
        return
    for one in rows:
        out.print(f"{escape(one.table):28} {escape(one.key):40} {one.number}")


def _figures(settings: Settings, mapping: Mapping, progress: Progress) -> MappingFigures:
    database = open_platform(settings)
    try:
        return figures_of_mapping(database, settings, mapping.absent, progress)
    finally:
        database.dispose()


def _verdict(mapping: Mapping, proof: MappingProof, figures: MappingFigures | None) -> Verdict:
    """Return the verdict of the whole proof. What the jobs need and the mapping lacks makes it INCOMPLETE."""
    lacks = bool(mapping.not_mapped) or (figures is not None and bool(figures.failing or figures.unread))
    return Verdict.INCOMPLETE if lacks and proof.verdict is Verdict.PASS else proof.verdict


def _more_document(mapping: Mapping, verdict: Verdict, figures: MappingFigures | None) -> dict[str, Any]:
    return {
        "verdict": verdict.value,
        "not_mapped": mapping.not_mapped,
        "absent": mapping.absent,
        "conventions": mapping.conventions.model_dump(mode="json"),
        "figures": [asdict(one) for one in figures.figures] if figures else [],
        "failing": [list(one) for one in figures.failing] if figures else [],
        "unreadable_values": list(figures.unread) if figures else [],
    }


def _print_figures(mapping: Mapping, figures: MappingFigures | None) -> None:
    for section, why in mapping.not_mapped.items():
        out.print(
            f"      [yellow]Not mapped:[/] {escape(section)}: {escape(why)}; the jobs cannot use this mapping yet"
        )
    for section, why in mapping.absent.items():
        out.print(f"      Not kept by the platform: {escape(section)}: {escape(why)}")
    if figures is None:
        return
    for name, why in figures.failing:
        out.print(f"      [red]A query of the jobs fails:[/] {escape(name)}: {escape(why)}")
    for line in figures.unread:
        out.print(f"      [yellow]Not readable:[/] {escape(line)}")
    for one in figures.figures:
        step = f"; {one.next}" if one.next else ""
        out.print(f"      {grouped(one.good)} of {grouped(one.total)} {escape(one.what)}{escape(step)}")


def _reader(settings: Settings) -> Engine:
    if settings.database_url is None:
        raise InputError(NO_DATABASE)
    return open_engine(settings.database_url.get_secret_value(), read_only=True)


def _proof_document(mapping: Mapping, proof: MappingProof) -> dict[str, Any]:
    return {
        "mapping": _document(mapping),
        "verdict": proof.verdict.value,
        "members": proof.members,
        "agreeing": proof.agreeing,
        "gap_total_minor": proof.gap_total,
        "gaps": [
            {
                "member": gap.member,
                "wallet_minor": gap.wallet,
                "ledger_minor": gap.ledger,
                "difference_minor": gap.difference,
            }
            for gap in proof.gaps
        ],
        "without_member": [{"member": member, "ledger_minor": amount} for member, amount in proof.without_member],
        "kinds": [
            {
                "table": kind.table,
                "kind": kind.kind,
                "role": kind.role,
                "moves_wallet": kind.moves_wallet,
                "rows": kind.rows,
                "amount_minor": kind.amount,
                "rows_of_members": kind.of_members,
            }
            for kind in proof.kinds
        ],
        "left_out": [
            {"table": one.table, "where": one.where, "why": one.why, "rows": one.rows, "amount_minor": one.amount}
            for one in proof.left_out
        ],
        "rows_read": dict(proof.rows),
        "unread": [{"table": one.table, "row": one.row, "column": one.column, "why": one.why} for one in proof.unread],
        "unread_count": proof.unread_count,
        "not_proven": list(proof.not_proven),
    }


def _print(mapping: Mapping, proof: MappingProof, verdict: Verdict) -> None:
    out.print(
        f"[bold {COLOURS[verdict]}]{verdict.value}[/]  The ledger gives exactly the wallet of {grouped(proof.agreeing)} of "
        f"{plural(proof.members, 'member')}."
    )
    out.print(f"      mapping {mapping.name}, sha256 {mapping.digest[:12]}")
    for table, rows in proof.rows.items():
        out.print(f"      {plural(rows, 'row')} of {escape(table)} read")
    for reason in proof.not_proven:
        out.print(f"      [yellow]Not proven:[/] {escape(reason)}")
    _print_kinds(mapping, proof)
    for one in proof.left_out:
        out.print(
            f"Left out of {escape(one.table)}: {plural(one.rows, 'row')}, {mapping.amount(one.amount)}: {escape(one.why)}."
        )
    _print_gaps(mapping, proof)
    for value in proof.unread:
        out.print(f"Could not be read: {escape(value.table)} {escape(value.row)}, {value.column}: {escape(value.why)}")


def _print_kinds(mapping: Mapping, proof: MappingProof) -> None:
    out.print(f"{'Table':20} {'Kind':24} {'Role':24} {'Rows':>10} {'Sum':>16}  Moves wallets")
    for kind in proof.kinds:
        moves = "no" if not kind.moves_wallet else "yes" if kind.of_members else "no, names no member"
        names = f"{kind.table:20} {kind.kind:24} {kind.role or 'not known':24}"
        out.print(f"{escape(names)} {grouped(kind.rows):>10} {mapping.amount(kind.amount):>16}  {moves}")


def _print_gaps(mapping: Mapping, proof: MappingProof) -> None:
    if proof.gaps:
        out.print(
            f"{plural(len(proof.gaps), 'wallet')} {'differs' if len(proof.gaps) == 1 else 'differ'} by "
            f"{mapping.amount(proof.gap_total)} in total:"
        )
    for gap in proof.gaps[:GAPS_SHOWN]:
        out.print(
            f"  member {escape(gap.member)}: the wallet has {mapping.amount(gap.wallet)}, the ledger gives "
            f"{mapping.amount(gap.ledger)}"
        )
    if len(proof.gaps) > GAPS_SHOWN:
        out.print(f"  … and {grouped(len(proof.gaps) - GAPS_SHOWN)} more; --json lists all")
    for member, amount in proof.without_member[:GAPS_SHOWN]:
        out.print(f"  member {escape(member)} does not exist, and the ledger gives {mapping.amount(amount)}")
