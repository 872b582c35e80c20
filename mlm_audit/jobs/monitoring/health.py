"""The health of the installation: database, clock, mail, missed and stuck runs, disk, scheduler."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine

from mlm_audit.database.core.upgrade import is_current
from mlm_audit.database.store import activity
from mlm_audit.domain.errors import JobFailedError
from mlm_audit.domain.jobs import HEALTH_PING, job_names
from mlm_audit.domain.money import plural
from mlm_audit.domain.periods import format_local, naive
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.settings import Settings
from mlm_audit.scheduling.client import POOL, Scheduler
from mlm_audit.scheduling.schedules import last_due

State = Literal["ok", "unknown", "warning", "failing"]
WORST_FIRST: tuple[State, ...] = ("failing", "warning", "unknown", "ok")
CLOCK_SKEW = timedelta(seconds=30)
API_SECONDS = 3


@dataclass(frozen=True)
class HealthItem:
    """The state of one part of the installation.

    `key` is the same every time the same fault is found. `job` names the job that the part is about, if any.
    """

    key: str
    state: State
    message: str
    job: str | None = None


@dataclass(frozen=True)
class Health:
    """The parts of the installation, the worst first, and its overall state. Unknown parts do not affect that state."""

    parts: tuple[HealthItem, ...]

    @property
    def state(self) -> State:
        """Return the worst state of the parts whose state is known."""
        states = {part.state for part in self.parts}
        return next((state for state in WORST_FIRST if state in states and state != "unknown"), "ok")

    @property
    def problems(self) -> tuple[HealthItem, ...]:
        """Return the parts that need attention."""
        return tuple(part for part in self.parts if part.state in ("failing", "warning"))


def check_health(database: Engine, settings: Settings, clock: Clock) -> Health:
    """Check every part without changing anything. The toolkit's tables must exist (`db upgrade`)."""
    now = clock()
    parts = [_migrated(database)]
    with database.connect() as connection:
        parts += [_clock(connection, now), _mail(connection, settings, now)]
        parts += _silent(connection, now)
        parts += _missed(connection, settings, now, _switched_off())
    parts += [_disk(settings), *_scheduler()]
    return Health(tuple(sorted(parts, key=lambda part: (WORST_FIRST.index(part.state), part.key))))


def _migrated(database: Engine) -> HealthItem:
    if is_current(database):
        return HealthItem("database", "ok", "the database is reachable and its tables are up to date")
    return HealthItem(
        "database", "failing", "the toolkit's tables have another version than this release; run `mlm-audit db upgrade`"
    )


def _clock(connection: Connection, now: datetime) -> HealthItem:
    theirs = activity.clock_of(connection)
    if theirs is None:
        return HealthItem("clock", "ok", "the database is embedded and uses the clock of this machine")
    skew = abs(theirs - naive(now))
    if skew > CLOCK_SKEW:
        return HealthItem(
            "clock",
            "warning",
            f"the clocks of this machine and the database differ by {skew.total_seconds():.0f} s; synchronise them",
        )
    return HealthItem(
        "clock", "ok", f"the clocks of this machine and the database differ by {skew.total_seconds():.1f} s"
    )


def _mail(connection: Connection, settings: Settings, now: datetime) -> HealthItem:
    oldest = activity.oldest_unsent(connection)
    waiting = timedelta() if oldest is None else naive(now) - oldest
    if waiting > timedelta(minutes=settings.mail_age_alert_minutes):
        return HealthItem(
            "mail",
            "warning",
            f"the oldest notice has been waiting for {waiting.total_seconds() / 3600:.1f} h; see `mlm-audit mail queue`",
        )
    if lost := activity.unsendable(connection):
        were = "was" if lost == 1 else "were"
        text = f"{plural(lost, 'notice')} {were} given up or may not have arrived; see `mlm-audit mail queue`"
        return HealthItem("mail", "warning", text)
    if partly := activity.partly_refused(connection, now - timedelta(days=1)):
        were = "was" if partly == 1 else "were"
        text = f"{plural(partly, 'notice')} of the last 24 hours {were} refused for some recipients; see `mlm-audit mail queue`"
        return HealthItem("mail", "warning", text)
    return HealthItem("mail", "ok", "no notice has been waiting too long")


def _silent(connection: Connection, now: datetime) -> Iterator[HealthItem]:
    for job, job_id, heard in activity.silent_leases(connection, now):
        at = f"{heard:%Y-%m-%d %H:%M:%S} UTC"
        text = (
            f"{job_id} sent its last heartbeat at {at} and has not ended; the next start of the job closes it as failed"
        )
        yield HealthItem(f"stuck/{job_id}", "failing", text, job)


def _switched_off() -> set[str]:
    """Return the jobs whose schedule is switched off. Return none while no server answers."""
    if not os.environ.get("PREFECT_API_URL"):
        return set()
    try:
        return {job for job, deployed in Scheduler().deployments().items() if not deployed.on}
    except JobFailedError:
        return set()


def _missed(connection: Connection, settings: Settings, now: datetime, off: set[str]) -> Iterator[HealthItem]:
    if not settings.enable_scheduled_jobs:
        yield HealthItem("schedules", "unknown", "ENABLE_SCHEDULED_JOBS is not true, so no run is due")
        return
    first = activity.first_run_at(connection)
    grace = timedelta(minutes=settings.missed_run_grace_minutes)
    for job in job_names():
        due = last_due(job, now - grace, settings.tz)
        last = activity.last_success(connection, job)
        if last is not None and last.started_at >= naive(due) - timedelta(minutes=1):
            yield HealthItem(f"runs/{job}", "ok", f"the last successful run is {last.job_id}", job)
        elif job in off:
            yield HealthItem(f"runs/{job}", "unknown", "its schedule is switched off, so it is not due", job)
        elif first is None or naive(due) < first or job == HEALTH_PING:
            yield HealthItem(
                f"runs/{job}", "unknown", "no run of it has been due since the first run on this database", job
            )
        else:
            yield HealthItem(f"missed/{job}", "failing", _missed_text(job, due, last, settings), job)


def _missed_text(job: str, due: datetime, last: activity.LoggedRun | None, settings: Settings) -> str:
    ended = f"the last successful run is {last.job_id}" if last else "it has never succeeded"
    return f"{job} was due on {format_local(due, settings.tz)} and has not succeeded since; {ended}"


def _disk(settings: Settings) -> HealthItem:
    folder = settings.runs_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 1_048_576
    if free < settings.disk_free_min_mb:
        text = f"{free} MiB are free in {_short(folder)}, less than DISK_FREE_MIN_MB ({settings.disk_free_min_mb})"
        return HealthItem("disk", "warning", text)
    return HealthItem("disk", "ok", f"{free} MiB are free in {_short(folder)}")


def _short(folder: Path) -> str:
    return folder.name or str(folder)


def _scheduler() -> list[HealthItem]:
    """Return the state of Prefect's server, if one is configured, and of its workers, which scheduled runs need."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return [HealthItem("scheduler", "unknown", "PREFECT_API_URL is not set, so the scheduler could not be checked")]
    if not url.startswith(("http://", "https://")):
        return [HealthItem("scheduler", "failing", "PREFECT_API_URL is not an http:// or https:// address")]
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=API_SECONDS) as answer:  # noqa: S310  (checked above)
            healthy = json.load(answer) is True
    except (OSError, ValueError) as error:
        return [HealthItem("scheduler", "failing", f"Prefect's server does not answer ({type(error).__name__})")]
    if not healthy:
        return [HealthItem("scheduler", "failing", "Prefect's server is not healthy")]
    return [HealthItem("scheduler", "ok", "Prefect's server answers"), _worker()]


def _worker() -> HealthItem:
    try:
        alive = Scheduler().workers()
    except JobFailedError as error:
        return HealthItem("worker", "unknown", str(error))
    if not alive:
        text = f"no worker of the pool {POOL} is online, so no run starts; run `prefect worker start --pool {POOL}`"
        return HealthItem("worker", "failing", text)
    return HealthItem(
        "worker", "ok", f"{plural(alive, 'worker')} of the pool {POOL} {'is' if alive == 1 else 'are'} online"
    )
