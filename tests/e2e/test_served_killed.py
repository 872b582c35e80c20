"""On PostgreSQL, Prefect's server too, two workers on one pool: every job killed in the middle, then run again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select, text

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import JobLease, JobLog
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.findings import Verdict
from mlm_audit.domain.jobs import MONTHLY_SWEEP, RECONCILIATION, WEEKLY_PAYOUTS, job_names
from tests.conftest import clean_platform
from tests.support import servers
from tests.support.sample import tried
from tests.support.serving import PATIENCE, ROOT, Served, served, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("served")]

HANG = """
create function hang() returns trigger language plpgsql as $$
begin
  if new.status in ('success', 'warning') then perform pg_sleep(3600); end if;
  return new;
end $$;
create trigger hang before update on "JobLog" for each row execute function hang();
"""
"""Every job then stands still in its last transaction: started, its work done in part, not ended."""
STILL = """
create function still() returns trigger language plpgsql as $$
begin perform pg_sleep(3600); return new; end $$;
create trigger still before update on "SelfPayoutSchedule" for each row execute function still();
"""
"""Every shard stands still at its first payout, so that it is in the middle when it is killed."""
PENDING = """select count(*) from "SelfPayoutSchedule" where status = 'pending'"""
CREDITS = "select count(*) from ledger where type = 'self_payout'"
FOUND = """select distinct code from "AuditBreak" where "jobId" = :job and state <> 'cleared'"""
TWICE = f"""select count(*) - count(distinct "referenceId") from ({CREDITS.replace("count(*)", "*")}) as paid"""


@pytest.fixture(scope="module")
def url(server_urls: Callable[[str], str]) -> Iterator[str]:
    with servers.fresh_database(server_urls("postgresql"), "platform_of_workers") as platform:
        engine = open_engine(platform)
        init(engine)
        write_platform(engine, clean_platform())
        with engine.begin() as connection:
            # A session whose client was killed is to notice it, and not to hold its locks for the rest of its sleep.
            connection.execute(text("alter role current_user set client_connection_check_interval = '500ms'"))
        engine.dispose()
        yield platform


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def here(url: str, server_urls: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("workers")
    with servers.fresh_database(server_urls("postgresql"), "prefect_of_workers") as prefect:
        address = prefect.replace("postgresql://", "postgresql+asyncpg://")
        with served(folder, url, PREFECT_SERVER_DATABASE_CONNECTION_URL=address) as running:
            yield running


@pytest.fixture
def second_worker(here: Served, tmp_path: Path) -> Iterator[None]:
    """A second worker on the same pool, as on another host."""
    address = {"PREFECT_API_URL": str(here.prefect.base_url).rstrip("/"), "MLM_AUDIT_HOME": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "prefect",
        "worker",
        "start",
        "--pool",
        "local",
        "--name",
        f"second of {tmp_path.name}",
    ]
    with (tmp_path / "second.log").open("wb") as out:
        process = subprocess.Popen(
            command, env=here.environment | address, stdout=out, stderr=out, cwd=tmp_path, start_new_session=True
        )

    def are_two() -> bool:
        workers = here.filter("work_pools/local/workers")
        return {worker["status"] for worker in workers if worker["name"] == f"second of {tmp_path.name}"} == {"ONLINE"}

    until("two workers", are_two)
    yield
    process.terminate()
    process.wait(PATIENCE)


def ask(here: Served, job: str) -> str:
    """As soon as Prefect has let go of the run before."""
    month = {"month": "2026-10"} if job == MONTHLY_SWEEP else {}

    def asked() -> object:
        answer = here.call(action="trigger", jobName=job, parameters=month)
        assert answer.status_code in (202, 409), answer.text
        return answer.status_code == 202 and answer.json()["flow_run_id"]

    return str(until(f"{job} may be asked for", asked))


def leases(engine: Engine) -> dict[str, int]:
    """Job → process that runs it."""
    with engine.connect() as connection:
        rows = connection.execute(select(JobLease.job, JobLease.owner)).all()
    return {job: int(re.search(r"process (\d+)", owner)[1]) for job, owner in rows}  # type: ignore[index]


def worker_of(process: int) -> int:
    """The worker that started a run's process."""
    while b"\0worker\0start\0" not in Path(f"/proc/{process}/cmdline").read_bytes():
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process


def interrupted(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(select(JobLog.job_type, JobLog.error).where(JobLog.status == "failed")).all()
    return {job for job, error in rows if "interrupted" in error}


def hang(engine: Engine, *, on: bool) -> None:
    with engine.begin() as connection:
        connection.execute(text(HANG if on else 'drop trigger hang on "JobLog"; drop function hang'))


def standing_still(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(text("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")).scalar_one()
        )


def test_each_job_is_killed_in_the_middle_and_runs_clean_the_next_time(here: Served, engine: Engine) -> None:
    hang(engine, on=True)
    jobs = {RECONCILIATION, *tried(job_names(), "jobs that are killed")}
    first = {job: ask(here, job) for job in jobs}
    until("all in the middle", lambda: standing_still(engine) == len(jobs) and len(leases(engine)) == len(jobs))
    for process in leases(engine).values():
        os.kill(process, signal.SIGKILL)
    until("the job log knows of all", lambda: interrupted(engine) == jobs)
    for number in first.values():
        assert here.ended(number)["state_type"] == "CRASHED"
    hang(engine, on=False)
    for job, number in {job: ask(here, job) for job in jobs}.items():
        done = here.ended(number)
        assert done["state_type"] == "COMPLETED", (job, done["state"]["message"])
        assert here.history(job)[0]["status"] in ("success", "warning")
    # The one above may have read while another job was at work.
    assert here.ended(ask(here, RECONCILIATION))["state_type"] == "COMPLETED"
    assert here.history(RECONCILIATION)[0]["verdict"] == Verdict.PASS.value, "the books are right after all that"
    told = [path.read_text(encoding="utf-8") for path in (Path(here.environment["OUTBOX_DIR"])).glob("*.eml")]
    assert any("interrupted" in mail for mail in told)


@pytest.mark.usefixtures("second_worker")
def test_each_worker_of_the_pool_takes_runs(here: Served) -> None:
    """While one stands still the other works, whichever it is."""
    second = set(here.children("worker start --pool local --name second"))
    first = set(here.children("worker start")) - second
    for still in (first, second):
        assert still
        for process in still:
            os.kill(process, signal.SIGSTOP)
        try:
            assert here.ended(ask(here, "health-ping"))["state_type"] == "COMPLETED"
        finally:
            for process in still:
                os.kill(process, signal.SIGCONT)


def test_run_and_worker_are_killed_together(here: Served, engine: Engine) -> None:
    """Nobody is left who could tell Prefect; the console's watch finds out, and frees the job's slot."""
    hang(engine, on=True)
    number = ask(here, RECONCILIATION)
    until("it is in the middle", lambda: standing_still(engine) == 1 and RECONCILIATION in leases(engine))
    before = len(here.history(RECONCILIATION))
    for process in [*here.children("worker start"), leases(engine)[RECONCILIATION]]:
        os.kill(process, signal.SIGKILL)
    until("the job log knows", lambda: here.history(RECONCILIATION)[0]["status"] == "failed")
    assert here.ended(number)["state_type"] == "CRASHED"
    hang(engine, on=False)
    assert here.ended(ask(here, RECONCILIATION))["state_type"] == "COMPLETED"
    assert len(here.history(RECONCILIATION)) == before + 1


@pytest.mark.usefixtures("second_worker")
def test_a_run_in_shards_outlives_its_worker(here: Served, engine: Engine) -> None:
    """Two workers share a payout run's shards.

    The run's own is killed, and every shard; the control total still closes.
    """

    def count(query: str) -> int:
        with engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    with engine.begin() as connection:
        connection.execute(
            text("""update "SelfPayoutSchedule" set "payoutDate" = '2026-11-01' where status = 'pending'""")
        )
        connection.execute(text(STILL))
    due, before = count(PENDING), count(CREDITS)
    answer = here.call(action="trigger", jobName=WEEKLY_PAYOUTS, parameters={"shards": 4})
    assert answer.status_code == 202, answer.text
    until("shards are at work", lambda: sum("/" in job for job in leases(engine)) >= 2)
    running = leases(engine)
    for process in [worker_of(running[WEEKLY_PAYOUTS]), *(number for job, number in running.items() if "/" in job)]:
        os.kill(process, signal.SIGKILL)
    with engine.begin() as connection:
        connection.execute(text('drop trigger still on "SelfPayoutSchedule"; drop function still'))
    done = here.ended(answer.json()["flow_run_id"])
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    run = here.history(WEEKLY_PAYOUTS)[0]
    assert run["status"] in ("success", "warning"), run
    paid = count(CREDITS) - before
    assert due > 100
    assert paid + count("""select count(*) from "SelfPayoutSchedule" where status = 'failed'""") >= due
    assert (count(PENDING), count(TWICE)) == (0, 0)
    assert not any("/" in job for job in leases(engine))
    assert here.ended(ask(here, RECONCILIATION))["state_type"] == "COMPLETED"
    with engine.connect() as connection:
        found = set(connection.execute(text(FOUND), {"job": here.history(RECONCILIATION)[0]["job_id"]}).scalars())
    assert found == {"instalment-date"}, "the due dates that were changed above"


def test_prefect_is_on_postgresql(here: Served) -> None:
    address = here.environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"].replace("+asyncpg", "+psycopg")
    database = create_engine(address)
    with database.connect() as connection:
        assert connection.execute(text("select count(*) from flow_run")).scalar_one() > len(job_names())
    database.dispose()
