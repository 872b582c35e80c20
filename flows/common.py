"""What the flows share: settings, the database, names of runs, artifacts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from prefect import runtime, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import SecretStr
from sqlalchemy import Engine

from mlm_audit.database.connect import open_engine
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.periods import business_date, parse_instant
from mlm_audit.domain.settings import Settings, load_settings
from mlm_audit.reporting.summary import summary
from mlm_audit.reporting.write import write_items_run, write_run

LARGEST = 20
AUTO_SCHEDULED = "auto-scheduled"
"""The tag that Prefect gives to a run of a schedule."""


def settings_with(database_url: SecretStr | None) -> Settings:
    """The settings, with the database that the run names; without one, DATABASE_URL counts."""
    settings = load_settings()
    return settings if database_url is None else settings.model_copy(update={"database_url": database_url})


def now() -> datetime:
    """The only place where the flows read the time."""
    return datetime.now(UTC)


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The platform's database, closed again; InputError when none is named."""
    if settings.database_url is None:
        raise InputError("no database named; set DATABASE_URL")
    engine = open_engine(settings.database_url.get_secret_value())
    try:
        yield engine
    finally:
        engine.dispose()


def run_name(job: str) -> str:
    """`weekly-payouts 2026-11-24`: the job and the business day that the run is about."""
    settings = load_settings()
    as_of = runtime.flow_run.parameters.get("as_of")
    moment = parse_instant(as_of, settings.tz) if as_of else now()
    return f"{job} {business_date(moment, settings.tz)}"


def skipped(settings: Settings) -> State[None] | None:
    """The state in which a scheduled run ends at once, unless ENABLE_SCHEDULED_JOBS is true; None for all others."""
    if settings.enable_scheduled_jobs or AUTO_SCHEDULED not in (runtime.flow_run.tags or ()):
        return None
    return Completed(name="Skipped", message="ENABLE_SCHEDULED_JOBS is not true, so nothing runs on schedule; manual runs work")


@task(name="write reports")
def write_reports(result: RunResult, settings: Settings, folder: Path) -> dict[str, str]:
    """Report, CSV and JSON of the run."""
    return write_run(result, folder, settings.tz, f"mlm-audit run {result.job} --as-of {result.as_of.isoformat()}")


@task(name="write files")
def write_files(result: RunResult, folder: Path) -> dict[str, str]:
    """result.json and items.csv of the run."""
    return write_items_run(result, folder)


@task(name="publish artifacts")
def publish(result: RunResult, settings: Settings, key: str) -> None:
    """Verdict and figures, and the largest findings, for people who look at the run in Prefect."""
    data = summary(result, settings.tz)
    figures = "\n".join(f"| {label.strip()} | {value} |" for label, value in data.figures)
    alerts = "".join(f"\n\n**Alert:** {alert}" for alert in data.alerts)
    text = f"**{data.verdict}**: {data.sentence}{alerts}\n\n| | |\n|---|---|\n{figures}"
    create_markdown_artifact(text, key=f"{key}-verdict", description=data.subtitle)
    rows = [
        {"finding": finding["id"], "severity": finding["severity"], "message": finding["message"]}
        for finding in result.findings[:LARGEST]
    ]
    create_table_artifact(rows or [{"finding": "none"}], key=f"{key}-findings", description="The first findings")
