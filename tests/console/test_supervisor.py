"""Deploying: what somebody has switched off stays off, also when a start broke off half-way."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlm_audit.console import supervisor
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.jobs import job_names
from mlm_audit.scheduling.deployments import prefect_yaml
from tests.cli.test_commands import document, mlm, refused
from tests.console.conftest import StandIn
from tests.support.serving import free_port


def test_a_start_that_breaks_off_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefect = StandIn()
    prefect.off = {"weekly-payouts"}
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setattr(supervisor, "Scheduler", lambda: prefect)
    fails = True

    deployed: list[str] = []

    def run(*arguments: str) -> Any:
        if "deploy" in arguments:
            prefect.off.clear()  # deploying switches everything on
            deployed.append(Path(arguments[-1]).read_text(encoding="utf-8"))
            if fails:
                prefect.away = True
        return subprocess.CompletedProcess(
            ["python", "-m", "prefect", *arguments], int(fails and "deploy" in arguments), "", "no"
        )

    monkeypatch.setattr(supervisor, "_prefect", run)
    with pytest.raises(JobFailedError):
        supervisor.deploy_all("Europe/Berlin")
    assert prefect.off == set(), "the server was gone before it could be put right"
    fails, prefect.away = False, False
    supervisor.deploy_all("Europe/Berlin")
    assert prefect.off == {"weekly-payouts"}
    supervisor.deploy_all("Europe/Berlin")
    assert prefect.off == {"weekly-payouts"}
    assert set(prefect.deployments()) == set(job_names())
    assert deployed == [prefect_yaml("Europe/Berlin")] * 3


def test_prefect_keeps_its_data_in_home_and_the_jobs_run_where_the_command_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"MLM_AUDIT_HOME": "left over from another shell"})
    assert supervisor.prepare_environment(tmp_path / "elsewhere", 4300), "no server is named, so one has to be started"
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "elsewhere" / ".prefect")
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    assert os.environ["MLM_AUDIT_HOME"] == str(Path.cwd())
    assert not supervisor.prepare_environment(tmp_path, 4300), "the server that is named is used"


@pytest.mark.parametrize(("set_by_hand", "of_worker"), [(None, "7"), ("2", "2")])
def test_only_the_worker_asks_a_busy_server_for_long(
    set_by_hand: str | None, of_worker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The console, in this process, has what it had; what an operator has set is set for all."""
    started: dict[str, str | None] = {}

    class Program:
        def __init__(self, command: list[str], *, env: dict[str, str], **_: object) -> None:
            started[command[3]] = env.get("PREFECT_CLIENT_MAX_RETRIES")

        def poll(self) -> int:
            return 0

    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_CLIENT_MAX_RETRIES", raising=False)
    if set_by_hand:
        monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", set_by_hand)
    monkeypatch.setattr(subprocess, "Popen", Program)
    monkeypatch.setattr(supervisor, "deploy_all", lambda _: None)
    monkeypatch.setattr(supervisor.Supervisor, "_wait_for_server", lambda _: None)
    monkeypatch.setattr(supervisor.Supervisor, "_keep", lambda *_: None)
    with supervisor.Supervisor("Asia/Kolkata", 4200, own_server=True, say=lambda _: None).running(lambda: None):
        assert started == {"server": set_by_hand, "worker": of_worker}
        assert os.environ.get("PREFECT_CLIENT_MAX_RETRIES") == set_by_hand


@pytest.mark.slow
def test_mistakes_at_the_command_line(tmp_path: Path) -> None:

    url = f"sqlite:///{tmp_path / 'demo.db'}"
    mlm("demo", "create", "--db", url, "--members", "50")
    assert "nobody could log in" in refused("console", "--db", url)
    for command in (("serve", "--db", url), ("deploy",)):
        assert "there is no such folder" in refused(*command, "--home", tmp_path / "nowhere")
        assert ("set PREFECT_API_URL" if command == ("deploy",) else "nobody could log in") in refused(*command)
    assert "PREFECT_API_URL" not in os.environ, "what is refused leaves no trace"
    assert "the name must have 1 to 40 letters" in refused("token", "two words")
    assert "set PREFECT_API_URL" in mlm("trigger", "reconciliation", "--db", url).stderr
    assert "there is no such job" in refused("trigger", "gremlins", "--db", url)
    assert "does not take this option" in refused("trigger", "reconciliation", "--month", "2026-10", "--db", url)
    assert "cannot be combined with other options" in refused(
        "trigger", "weekly-payouts", "--approve", "x", "--limit", "1", "--db", url
    )
    assert "is a folder" in refused("mail", "preview", "tree-alert", "--html", tmp_path)
    away = mlm("trigger", "reconciliation", "--db", url, env={"PREFECT_API_URL": "http://[bad/api"})
    assert (away.returncode, "does not answer" in away.stderr, "Traceback" in away.stderr) == (1, True, False)
    entry = document("token", "priya", "--role", "operator")["entry"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "cannot be used with this port" in refused(
            "console", "--db", url, "--port", port, env={"ADMIN_TOKENS": entry}
        )
        for option in ("--port", "--prefect-port"):
            other = "--prefect-port" if option == "--port" else "--port"
            serve = [
                sys.executable,
                "-m",
                "mlm_audit.cli",
                "serve",
                "--db",
                url,
                other,
                str(free_port()),
                option,
                port,
            ]
            # A process of its own: it tells Prefect by its environment where it lives.
            done = subprocess.run(
                serve, env=os.environ | {"ADMIN_TOKENS": entry}, capture_output=True, text=True, check=False
            )
            assert (done.returncode, f"{option} {port}: " in done.stderr) == (2, True), (
                "what answers there is not taken for ours"
            )


def test_an_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlm_audit.cli.console import token

    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    monkeypatch.delitem(sys.modules, "mlm_audit.console.access")
    with pytest.raises(InputError, match=r"itsdangerous is not installed; install mlm-audit\[console\]"):
        token("priya")
