"""Triggers jobs and switches their schedules through Prefect. Each action is recorded with its author and outcome."""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.database.core.connect import consistent_read
from mlm_audit.database.core.own_tables import Action, JobLease, JobLog
from mlm_audit.database.core.schema import require
from mlm_audit.database.store.actions import ActionRecord, record
from mlm_audit.database.store.job_log import live_run
from mlm_audit.domain.errors import InputError, JobBusyError, JobFailedError
from mlm_audit.domain.jobs import job_of, jobs_with, resolve, short
from mlm_audit.domain.periods import business_date
from mlm_audit.domain.ports import Clock
from mlm_audit.domain.requests import request_for
from mlm_audit.domain.settings import Settings
from mlm_audit.runs.approval import read_approval
from mlm_audit.runs.process import account, acting_as, is_gone
from mlm_audit.scheduling.client import Scheduler

log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()
TABLES = dict.fromkeys((JobLog, JobLease, Action))


class Requester(NamedTuple):
    """The person who requests an action, by the name of a token or an account, and their address."""

    name: str
    address: str = "this machine"


def this_account() -> Requester:
    """Return the account that requests actions at a terminal or in a notebook."""
    return Requester(account())


class JobControl:
    """The actions on jobs. They raise InputError (JobBusyError when the job is running) or SchedulerAwayError."""

    def __init__(self, database: Engine, settings: Settings, clock: Clock, scheduler: Scheduler) -> None:
        require(database, TABLES)
        self.database, self.settings, self.clock, self.scheduler = database, settings, clock, scheduler

    def trigger(self, job: str, who: Requester, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Request a run now, unless one is under way, and return its flow run in Prefect.

        Approval is a separate action, not a parameter.
        """
        given = parameters or {}
        return self._recorded("trigger", job, who, lambda name: self._trigger(name, who, self._checked(name, given)))

    def approve(self, job: str, job_id: str, who: Requester) -> dict[str, Any]:
        """Request exactly the payout run that stopped for approval."""

        def approved(name: str) -> dict[str, Any]:
            if name not in jobs_with("approve"):
                raise InputError(f"{name}: only payout runs can be approved")
            with acting_as(who.name), consistent_read(self.database) as connection:
                read_approval(connection, name, job_id, self.settings)  # refuse early; the run checks again
            return self._trigger(name, who, {"approve": job_id}) | {"approved": job_id}

        return self._recorded("approve", job, who, approved)

    def toggle(self, job: str, who: Requester, *, enable: bool) -> dict[str, Any]:
        """Switch a job's schedule on or off."""

        def switched(name: str) -> dict[str, Any]:
            self.scheduler.toggle(name, enable=enable)
            return {"job": name, "enabled": enable}

        return self._recorded("enable" if enable else "disable", job, who, switched)

    def _checked(self, job: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the options after validation. Prefect would accept others as well, such as `__prefect_kind`."""
        if stray := set(given) & {"approve", "out"}:
            raise InputError(f"parameters: {', '.join(sorted(stray))} cannot be given")
        request = request_for(job_of(job), given, self.settings.tz, self.clock())
        known = {name: value for name, value in given.items() if value is not None}
        return known | ({"as_of": request.as_of.isoformat()} if request.as_of else {})

    def _trigger(self, name: str, who: Requester, parameters: dict[str, Any]) -> dict[str, Any]:
        with _one_at_a_time:
            with self.database.connect() as connection:
                running = live_run(connection, name, self.clock(), is_gone)
            if running := running or self.scheduler.under_way().get(name):
                raise JobBusyError(f"{name} is running already, as {running}; nothing was started")
            day = business_date(self.clock(), self.settings.tz)
            run = self.scheduler.trigger(name, f"{short(name)} {day}", parameters, who.name)
        return {"job": name, "flow_run_id": run.flow_run_id, "flow_run": run.name}

    def _recorded(self, action: str, job: str, who: Requester, act: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        deed = ActionRecord(who.name, who.address, action, "done", job)
        try:
            name = resolve(job)
            deed = deed._replace(job=name)
            done = act(name)
        except InputError as error:
            record(self.database, deed._replace(outcome="refused", detail=str(error)), self.clock())
            raise
        except JobFailedError as error:
            record(self.database, deed._replace(outcome="failed", detail=str(error)), self.clock())
            raise
        try:
            record(self.database, deed._replace(detail=done.get("flow_run_id", "")), self.clock())
        except SQLAlchemyError:
            log.exception("the action was done, but could not be recorded: %s", deed)  # the action is not undone
        return done
