"""Running the console: uvicorn, and a watch that closes dead runs and sends what waits."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.console.app import create_app
from mlm_audit.console.desk import Desk
from mlm_audit.database.joblog import close_interrupted, read_run
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import business_date
from mlm_audit.jobs.notices import deliver
from mlm_audit.jobs.owner import is_gone
from mlm_audit.jobs.pace import every
from mlm_audit.jobs.scheduler import SchedulerAwayError

log = logging.getLogger(__name__)
WATCH_SECONDS = 15


def serve_console(desk: Desk, host: str, port: int, on_ready: Callable[[], object]) -> None:
    """Serve until a signal comes. Listens where it is told; loopback unless somebody chooses otherwise.

    `refuse_taken` comes first: uvicorn would end the process without a word of ours.
    """
    proxies = desk.load().console_proxies
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mlm_audit").setLevel(logging.INFO)
    config = uvicorn.Config(
        create_app(desk),
        host=host,
        port=port,
        log_config=None,
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies or "",
        server_header=False,
        timeout_graceful_shutdown=5,
    )

    def watch() -> None:
        try:
            look_after(desk)
            desk.gate.turned_away.write()
        except Exception:  # whatever it was, the watch goes on
            log.exception("the watch has stumbled")

    on_ready()
    with every(WATCH_SECONDS, watch, "console watch"):
        uvicorn.Server(config).run()
    desk.gate.turned_away.write()


def refuse_taken(option: str, host: str, port: int) -> None:
    """InputError when a port cannot be listened on; whoever answers there already is not to be taken for ours."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        raise InputError(f"{option} {port}: {host} cannot be listened on there ({error.strerror}); choose another") from error


def look_after(desk: Desk) -> list[str]:
    """Close the runs whose process is dead, in Prefect too, and send what waits and is due; the ids of those closed."""
    settings, now = desk.load(), desk.clock()
    try:
        closed = close_interrupted(desk.database, now, is_gone, str(business_date(now, settings.tz)))
        with desk.database.connect() as connection:
            metas = [read_run(connection, job_id).metadata or {} for job_id in closed]
    except SQLAlchemyError:
        log.warning("the watch cannot reach the database", exc_info=True)
        return []
    for job_id, meta in zip(closed, metas, strict=True):
        log.warning("%s has died and is closed as failed", job_id)
        if flow_run := meta.get("flow_run"):
            with suppress(SchedulerAwayError, InputError):
                desk.scheduler.give_up(flow_run)
    deliver(desk.database, settings, desk.clock)
    return closed
