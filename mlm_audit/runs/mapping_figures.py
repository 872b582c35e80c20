"""What a mapping gives on a database beyond the wallets: queries that work, references that resolve, orders that agree."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sqlalchemy import Engine as Database

from mlm_audit.database.core.platform_engines import platform_of
from mlm_audit.database.core.values import Unread
from mlm_audit.database.probe import failing_reads
from mlm_audit.database.reads.control_totals import read_control_totals
from mlm_audit.database.reads.snapshot import read_snapshot
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.ports import Progress
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.duck import Engine
from mlm_audit.platforms.mapping import mapping_of

HEADER = re.compile(r"-- (what|needs|next): (.+)")


@dataclass(frozen=True)
class ProofFigure:
    """One figure of a proof: `good` of `total`, and the next step where they differ."""

    what: str
    good: int
    total: int
    next: str


@dataclass(frozen=True)
class MappingFigures:
    """The figures of a mapping on a database, the queries that fail, and the values that could not be read."""

    figures: tuple[ProofFigure, ...]
    failing: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]


def figures_of_mapping(
    database: Database, settings: Settings, absent: dict[str, str], progress: Progress
) -> MappingFigures:
    """Read the platform through its mapping and count what resolves and agrees. Nothing is written."""
    failing = failing_reads(platform_of(database))
    if failing:
        return MappingFigures((), tuple(failing), ())
    unread = Unread()
    with tempfile.TemporaryDirectory(prefix="mlm-audit-") as folder:
        read_snapshot(database, Path(folder), unread=unread, progress=progress)
        with Engine(Path(folder), load_plan(settings.plan_path), settings) as engine:
            engine.prepare(progress)
            figures = [
                ProofFigure(about["what"], good, total, "" if good == total else about["next"])
                for about, query in _questions()
                if not absent.keys() & set(about["needs"].split(", "))
                for total, good in engine.con.execute(query).fetchall()
            ]
    totals = read_control_totals(database, mapping_of(settings))
    if totals is not None:
        equal = int(totals["is_equal"].sum())
        step = "" if equal == totals.height else "a reconciliation reports each that differs, with both figures"
        figures.append(ProofFigure("control totals that are equal", equal, totals.height, step))
    return MappingFigures(tuple(figures), (), unread.lines())


def _questions() -> Iterator[tuple[dict[str, str], str]]:
    """Yield what is counted, the inputs that it needs and the next step, and the query of the total and of what is good."""
    folder = resources.files(__package__).joinpath("sql", "mapping_figures")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        text = file.read_text(encoding="utf-8")
        yield dict(HEADER.findall(text)), HEADER.sub("", text)
