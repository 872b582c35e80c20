"""The console's server: uvicorn, and a watch that closes dead runs and sends queued notices."""

import logging
import socket
from collections.abc import Callable
from datetime import timedelta

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from mlm_audit.console.app import create_app
from mlm_audit.console.connections import bounded
from mlm_audit.console.services import ConsoleServices
from mlm_audit.database.store.job_log import close_interrupted, dead_flow_runs
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import business_date
from mlm_audit.notices.delivery import deliver
from mlm_audit.runs.process import is_gone
from mlm_audit.runs.rate_limiter import every
from mlm_audit.scheduling.client import SchedulerAwayError

log = logging.getLogger(__name__)
WATCH_SECONDS = 15
GIVE_UP_WITHIN = timedelta(days=1)
"""How far back the watch looks for dead runs. Each round reports them to Prefect, even after an outage of Prefect."""


def serve_console(services: ConsoleServices, host: str, port: int, on_ready: Callable[[], object]) -> None:
    """Serve the console on a host and a port until a signal ends it.

    Call `refuse_taken` first: when the port is taken, uvicorn ends the process without an error message of the toolkit.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mlm_audit").setLevel(logging.INFO)
    config = server_config(services, host, port)

    def watch() -> None:
        try:
            close_dead_runs(services)
            services.gate.turned_away.write()
        except Exception:  # the watch continues after any error
            log.exception("the console watch failed; the next round tries again")

    on_ready()
    with every(WATCH_SECONDS, watch, "console watch"):
        uvicorn.Server(config).run()
    services.gate.turned_away.write()


def server_config(services: ConsoleServices, host: str, port: int) -> uvicorn.Config:
    """Return the configuration of uvicorn.

    Connections are limited in number and time. There are no websockets. Proxy headers are accepted only
    from CONSOLE_PROXIES.
    """
    settings = services.load()
    return uvicorn.Config(
        create_app(services),
        host=host,
        port=port,
        http=bounded(settings.console_request_seconds, settings.console_connections_max),
        ws="none",
        log_config=None,
        proxy_headers=settings.console_proxies is not None,
        forwarded_allow_ips=settings.console_proxies or "",
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def refuse_taken(option: str, host: str, port: int) -> None:
    """Raise InputError when a port cannot be listened on.

    Another process that already answers there must not be mistaken for the toolkit's own.
    """
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is not an address"
        raise InputError(
            f"{option} {port}: the address {host} cannot be used with this port ({why}); choose another one"
        ) from error


def close_dead_runs(services: ConsoleServices) -> list[str]:
    """Close the runs whose process is dead, also in Prefect, and send the notices that are due.

    Return the ids of the runs that were closed.
    """
    settings, now = services.load(), services.clock()
    try:
        closed = close_interrupted(services.database, now, is_gone, str(business_date(now, settings.tz)))
        with services.database.connect() as connection:
            dead = dead_flow_runs(connection, now - GIVE_UP_WITHIN)
    except SQLAlchemyError:
        log.warning("the console watch cannot reach the database; the next round tries again", exc_info=True)
        return []
    for job_id in closed:
        log.warning("the process of run %s ended unexpectedly; the run is recorded as failed", job_id)
    if dead:
        try:
            services.scheduler.give_up(dead)
        except (SchedulerAwayError, InputError) as error:
            log.warning("dead runs could not be reported to Prefect; the next round tries again: %s", error)
    deliver(services.database, settings, services.clock)
    return closed
