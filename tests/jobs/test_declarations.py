"""A job, its kind of report and its notice are added by their declarations alone; one that lacks a part is refused in words."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.jobs import JOBS, job_of
from mlm_audit.jobs.registry import check_declaration
from tests.conftest import clean_platform

ROOT = Path(__file__).parents[2]

PACKAGE = """
from dataclasses import dataclass
from pathlib import Path

from mlm_audit.checks.findings import make_finding
from mlm_audit.domain.counts import Counts
from mlm_audit.domain.findings import RunResult, Verdict
from mlm_audit.domain.jobs import Job, MissedRuns
from mlm_audit.reporting.core.kind import ReportKind
from mlm_audit.reporting.core.parts import Page, ReportContext, common
from mlm_audit.runs.artifacts import write_artifacts
from mlm_audit.runs.lifecycle import new_job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KycCounts(Counts):
    members: int


@dataclass(frozen=True, kw_only=True)
class KycReport(Page):
    TEMPLATE = Path(__file__).with_name("kyc.html.j2")


def page(result, tz, rerun):
    title = job.title
    return KycReport(title=title, sentence=sentence(result), first="Nothing to do.", figures=figures(result),
                     **common(result, ReportContext(tz, rerun), 1))


def sentence(result):
    return f"{result.counts.members} members were counted."


def figures(result):
    return (("Members", str(result.counts.members)),)


KIND = ReportKind(sentence=sentence, figures=figures, page=page)


def run_job(context, request):
    started = context.clock()
    with context.database.connect() as connection:
        members = connection.exec_driver_sql("select count(*) from users").scalar_one()
    found = (make_finding("kyc", "1", "low", "Member 1 has no document.", member_id=1),)
    result = RunResult(job=job.name, job_id=new_job_id(job.short_name, started, context.settings), status="warning",
                       verdict=Verdict.FAIL, as_of=request.as_of or started, started_at=started, duration_ms=0,
                       counts=KycCounts(members=members), findings=found, dry_run=request.dry_run)
    return write_artifacts(result, context.settings, request.out)


job = Job(
    name="kyc-audit", short_name="kyc", title="KYC audit", description="Counts the members.", cron="0 5 * * *", rhythm="nightly",
    missed_runs=MissedRuns.SKIP, runner="kyc_audit:run_job", report="kyc_audit:KIND", group="members", time_limit_seconds=60,
)
"""
ADDED = "import sys; from mlm_audit.domain import jobs; from kyc_audit import job; jobs.JOBS = (*jobs.JOBS, job); "


@pytest.fixture
def added(tmp_path: Path) -> Path:
    """A folder with the package of a ninth job, and a platform in it."""
    (tmp_path / "kyc_audit.py").write_text(PACKAGE, encoding="utf-8")
    (tmp_path / "kyc.html.j2").write_text('{% extends "base.html.j2" %}', encoding="utf-8")
    engine = open_engine(f"sqlite:///{tmp_path / 'shop.db'}", create=True)
    init(engine)
    write_platform(engine, clean_platform())
    engine.dispose()
    return tmp_path


def program(folder: Path, text: str, *arguments: str) -> str:
    """What a program prints that knows the ninth job as well."""
    environment = {
        "PYTHONPATH": f"{folder}:{ROOT}",
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-c", ADDED + text, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_command_line_runs_an_added_job_and_its_report_is_written(added: Path) -> None:
    main = "from mlm_audit.cli import main; main(sys.argv[1:])"
    document = json.loads(program(added, main, "run", "kyc", "--json"))
    assert (document["job"], document["counts"]) == ("kyc-audit", {"members": 300})
    page = Path(document["reports"]["html"])
    assert "300 members were counted." in (added / page).read_text(encoding="utf-8")
    assert "kyc-audit" in (added / "runs" / "index.html").read_text(encoding="utf-8")
    assert "300 members were counted." in program(added, main, "run", "kyc-audit", "--dry-run")
    assert "kyc-audit" in program(added, main, "run", "--help")
    [row] = [row for row in json.loads(program(added, main, "status", "--json"))["jobs"] if row["job"] == "kyc-audit"]
    assert row["cron"] == "0 5 * * *"


@pytest.mark.slow
def test_the_documents_have_an_added_job(added: Path) -> None:
    texts = program(
        added, "from tests.support.reference import jobs as page, prefect_yaml; print(page(), prefect_yaml('UTC'))"
    )
    assert "| `kyc-audit`, short `kyc` | Counts the members. | `0 5 * * *` |" in texts
    assert "entrypoint: flows.jobs.kyc_audit" in texts


@pytest.mark.slow
def test_the_flow_of_an_added_job(added: Path) -> None:
    flow = "from flows import jobs as flows; flow = flows.kyc_audit; print(flow.name, flow.timeout_seconds, *flow.parameters.properties)"
    assert program(added, flow).split() == ["kyc-audit", "60.0", "as_of", "dry_run"]


def test_every_job_is_declared_whole() -> None:
    for job in JOBS:
        check_declaration(job)
    assert len({name for job in JOBS for name in (job.name, job.short_name)}) == len({job.name for job in JOBS}) + sum(
        job.name != job.short_name for job in JOBS
    )


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("runner", "mlm_audit.jobs.kyc:run_job", "its runner mlm_audit.jobs.kyc:run_job cannot be imported"),
        ("runner", "mlm_audit.jobs.payouts.run:gone", "its runner .* cannot be imported"),
        ("shard_runner", "mlm_audit.jobs.payouts.shards:gone", "its shard_runner .* cannot be imported"),
        ("shard_runner", None, "the option shards and a shard_runner belong together"),
        ("report", "mlm_audit.reporting.kyc:KIND", "its report .* cannot be imported"),
        ("options", ("colour", "shards"), "colour is not an option of Request"),
        ("notices", ("kyc-missing",), "there is no folder reports/notices/kyc-missing"),
    ],
)
def test_a_part_that_was_forgotten(part: str, value: object, message: str) -> None:
    with pytest.raises(LookupError, match=f"job weekly-payouts: .*{message}|job weekly-payouts: {message}"):
        check_declaration(replace(job_of("weekly-payouts"), **{part: value}))  # type: ignore[arg-type]
