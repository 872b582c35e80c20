"""Helpers shared by the commands: printing, progress, settings and the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators
from pydantic import SecretStr
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from mlm_audit.cli.output import err, out
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.reporting.core.summary import Summary
from mlm_audit.runs.clock import now

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document and nothing else.")]
Db = Annotated[str | None, Parameter(name="--db", help="Database URL. The default is DATABASE_URL.")]
Platform = Annotated[
    str | None,
    Parameter(
        name="--platform",
        help="The platform's mapping: the name of a shipped one, or a file that ends in .toml. The default is PLATFORM.",
    ),
]
Limit = Annotated[
    int,
    Parameter(validator=validators.Number(gte=1, lte=1_000), help="Maximum number of entries to show, from 1 to 1000."),
]
Id = Annotated[int, Parameter(validator=validators.Number(gte=-(2**63), lte=2**63 - 1))]
SHOWN = 10
NO_DATABASE = "no database is named; give --db URL, or set DATABASE_URL in the environment or .env"
COLOURS = {"PASS": "green", "FAIL": "red", "INCOMPLETE": "yellow"}


def clock() -> datetime:
    """Return the current time in UTC. Commands pass this function to the jobs as their clock."""
    return now()


def print_summary(data: Summary, job_id: str, reports: dict[str, str]) -> None:
    """Print the summary of a run to the terminal, with the paths of its report files."""
    out.print(f"[bold {COLOURS[data.verdict]}]{data.in_words}[/]  {escape(data.sentence)}")
    out.print(f"      {escape(data.subtitle)}; {job_id}")
    if data.books:
        out.print(f"      {escape(data.books)}")
    for alert in data.alerts:
        out.print(f"      [bold red]Alert:[/] {escape(alert)}")
    for note in data.not_checked:
        out.print(f"      [yellow]Not checked:[/] {escape(note)}")
    for note in data.notes:
        out.print(f"      [yellow]Note:[/] {escape(note)}")
    for label, value in data.figures:
        out.print(f"      {escape(label):34} {escape(value)}")
    for line in data.lines[: data.most_lines]:
        out.print(f"  {escape(line)}")
    if len(data.lines) > data.most_lines:
        out.print(f"  … and {len(data.lines) - data.most_lines} more; --json lists all")
    for kind, path in reports.items():
        out.print(f"      {kind}: {escape(path)}")


def settings_with(db: str | None, **given: int | str | None) -> Settings:
    """Return the settings, with the database and other values that were given on the command line.

    Values that are None leave the setting unchanged.
    """
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    return settings if db is None else settings.model_copy(update={"database_url": SecretStr(db)})


_opened: list[Engine] = []


def database(settings: Settings, *, create: bool = False) -> Engine:
    """Open the platform's database, which is closed when the command ends.

    Raise InputError when no database is named.
    """
    if settings.database_url is None:
        raise InputError(NO_DATABASE)
    _opened.append(open_platform(settings, create=create))
    return _opened[-1]


def refuse_unwritable(option: str, file: Path | None) -> None:
    """Raise InputError when a file that a command is about to write cannot be written.

    The check runs before the work starts and leaves no file behind.
    """
    if file is None:
        return
    try:
        if file.is_dir():
            raise InputError(f"{option} {file}: this is a folder; name a file in it")
        if not file.parent.is_dir():
            raise InputError(
                f"{option} {file}: the file cannot be written, since the folder {file.parent} does not exist; create it first"
            )
        is_new = not file.exists()
        with file.open("ab"):
            pass
        if is_new:
            file.unlink()
    except OSError as error:
        raise InputError(
            f"{option} {file}: the file cannot be written ({error.strerror}); choose another file"
        ) from error


def close_databases() -> None:
    """Close the databases that the command opened. SQLite then merges its write-ahead log into the file."""
    while _opened:
        _opened.pop().dispose()


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on stderr, and yield the function that updates it with (description, done, total).

    Nothing is shown when `quiet` is set or stderr is not a terminal.
    """
    if quiet or not err.is_terminal:
        yield lambda *_: None
        return
    columns: tuple[Any, ...] = (TextColumn("{task.description:34}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting")
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)
