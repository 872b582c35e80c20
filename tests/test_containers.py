"""The Dockerfile and compose.yaml hold together, and every command of theirs works, as far as a machine without Docker can tell."""

import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_valid_setting_names

from mlm_audit.console.access import new_token
from mlm_audit.domain.settings import Settings
from mlm_audit.scheduling.client import POOL
from tests.support import servers
from tests.support.containers import ROOT, Instruction, Machine, base_environment, compose, dockerfile, pairs
from tests.support.serving import FAST, PATIENCE, Patient, free_port, until

IMAGE = dockerfile()
SERVICES: dict[str, dict[str, Any]] = compose({})["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
OTHER_NAMES = {
    "MLM_AUDIT_HOME",
    "PATH",
    "PYTHONUNBUFFERED",
    "DO_NOT_TRACK",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
}
OF_POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def named(name: str, instructions: list[Instruction] = IMAGE) -> list[Instruction]:
    return [instruction for instruction in instructions if instruction.name == name]


def last_stage() -> list[Instruction]:
    return IMAGE[max(place for place, instruction in enumerate(IMAGE) if instruction.name == "FROM") :]


def is_known(name: str) -> bool:
    known = {field.upper() for field in Settings.model_fields} | OTHER_NAMES
    return name in known or name in _get_valid_setting_names(PrefectSettings)


def test_every_source_of_the_image_exists_and_is_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in ignored, "only what is named is sent"
    sent = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert not [path for path in sent if fnmatch(path, "*.env*")]
    for instruction in named("COPY"):
        *sources, target = instruction.text.split()
        if sources[0].startswith("--from="):
            assert sources[0] in {
                f"--from={stage.text.split(' AS ')[1]}" for stage in named("FROM") if " AS " in stage.text
            }
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source in sent, f"{source} is in .dockerignore"
            assert (ROOT / source).is_file() or target == f"{source}/", "a folder keeps its name"


def test_the_wheel_in_the_image_is_built_from_all_that_it_needs() -> None:
    import tomllib

    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = build["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {source for instruction in named("COPY") for source in instruction.text.split()[:-1]}
    assert {*wheel["packages"], *wheel["force-include"], "README.md", "LICENSE", "pyproject.toml"} <= copied
    assert any(line.startswith("hatchling==") for line in (ROOT / "requirements/image.txt").read_text().splitlines())


def test_the_image_follows_the_rules_of_good_images() -> None:
    assert all(re.fullmatch(r"python:3\.11-slim-\w+( AS \w+)?", stage.text) for stage in named("FROM"))
    stage = last_stage()
    assert {"FROM", "LABEL", "USER", "HEALTHCHECK", "CMD"} <= {instruction.name for instruction in stage}
    assert {f"org.opencontainers.image.{key}" for key in ("title", "description", "licenses")} <= set(
        pairs(stage, "LABEL")
    )
    [port], [command], [health] = (named(name, stage) for name in ("EXPOSE", "CMD", "HEALTHCHECK"))
    assert command.command()[-2:] == ["--port", port.text]
    assert f"127.0.0.1:{port.text}/" in health.command()[-1]
    [user] = named("USER", stage)
    assert user.text not in ("root", "0")
    assert [instruction.name for instruction in stage].index("USER") > [
        instruction.name for instruction in stage
    ].index("RUN")
    for instruction in named("RUN"):
        assert "sudo" not in instruction.text
        assert "apt-get install" not in instruction.text or {"--no-install-recommends", "/var/lib/apt/lists"} <= set(
            re.split(r"[\s*]+", instruction.text.replace("/var/lib/apt/lists/", "/var/lib/apt/lists"))
        )
        for line in re.findall(r"pip install [^&]*", instruction.text):
            assert "--require-hashes" in line or "--no-deps" in line, (
                "what comes from an index is checked against its hash"
            )
    assert not named("ADD")
    assert not [name for name in pairs(IMAGE, "ENV") if re.search("SECRET|PASS|TOKEN|_URL$", name)]
    assert all(map(is_known, pairs(IMAGE, "ENV")))


def test_the_services_hold_together() -> None:
    document = compose({})
    assert set(OURS) == {"demo", "prefect", "deploy", "worker", "console"}
    for name, service in SERVICES.items():
        one_shot = service.get("restart") == "no"
        health = service.get("healthcheck") or {}
        assert "build" not in service or (ROOT / service["build"] / "Dockerfile").is_file()
        assert re.fullmatch(r"mlm-audit|postgres:\d+-\w+", service["image"]), "an image of others has a version"
        assert bool(health.get("disable")) == one_shot, "a service that ends has no health"
        for volume in service["volumes"]:
            assert volume.split(":")[0] in document["volumes"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "published on loopback only"
        for other, condition in service.get("depends_on", {}).items():
            needed = SERVICES[other]
            assert condition["condition"] == (
                "service_completed_successfully" if needed.get("restart") == "no" else "service_healthy"
            ), (name, other)
            assert set(needed.get("profiles", ())) <= set(service.get("profiles", ())) or condition["required"] is False
        for setting in service["environment"]:
            assert setting in OF_POSTGRES if name == "database" else is_known(setting), (name, setting)
    assert OURS["worker"]["command"][3:5] == ["--pool", POOL]
    assert "PREFECT_API_URL" not in OURS["prefect"]["environment"]


def test_no_secret_is_written_down() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "DATABASE_URL"):
        assert re.search(rf"{name}: \$\{{", text)
    assert not re.search(r"^\s*\w*(SECRET|TOKENS|PASS|KEY)\w*:(?! \$)", text, re.MULTILINE)
    assert (
        compose({"DATABASE_URL": "sqlite:///mine.db"})["services"]["console"]["environment"]["DATABASE_URL"]
        == "sqlite:///mine.db"
    )
    url = compose({"POSTGRES_PASSWORD": "a1"})["services"]["worker"]["environment"]["DATABASE_URL"]
    assert url == "postgresql://audit:a1@database:5432/shop"


def healthy(machine: Machine, name: str, command: list[str], environment: dict[str, str], data: str) -> None:
    """Wait until a health check succeeds; a service that has ended never becomes healthy."""

    def look() -> bool:
        assert not machine.died(), machine.log(name).read_text(encoding="utf-8")
        return machine.run(command, environment, data).returncode == 0

    until(f"{name} is healthy", look)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    operator, entry = new_token("priya", ["operator"])
    settings = {"ADMIN_TOKENS": entry, "ENABLE_SCHEDULED_JOBS": "true", "OPERATOR": operator}
    ports = {port: free_port() for port in ("4200", "8300", "8080")}
    environment = base_environment(Path(sys.executable).parent) | FAST | settings
    return Machine(tmp_path, ports, environment, ("prefect", "database"))


def run_a_job(machine: Machine) -> None:
    """A person asks for a job on the console, and the worker runs it to its end."""
    auth = {"Authorization": f"Bearer {machine.environment['OPERATOR']}"}
    console = f"http://127.0.0.1:{machine.ports['8300']}/api/admin/jobs"
    prefect = f"http://127.0.0.1:{machine.ports['4200']}/api/flow_runs"
    with httpx.Client(headers=auth, timeout=PATIENCE, transport=Patient()) as client:
        answer = client.post(console, json={"action": "trigger", "jobName": "health-ping"})
        assert answer.status_code == 202, answer.text
        number = answer.json()["flow_run_id"]
        final = ("COMPLETED", "FAILED", "CRASHED")
        done = until(
            "the end", lambda: (r := client.get(f"{prefect}/{number}").json()).get("state_type") in final and r
        )
        assert done["state_type"] == "COMPLETED", done["state"]["message"]


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.xdist_group("served")
def test_the_command_of_the_image_and_its_health_check(machine: Machine, tmp_path: Path) -> None:
    stage = last_stage()
    [command], [health] = named("CMD", stage), named("HEALTHCHECK", stage)
    environment = pairs(stage, "ENV") | {"DATABASE_URL": f"sqlite:///{tmp_path / 'platform.db'}"}
    assert machine.run(health.command(), environment, "data").returncode != 0, "nothing is healthy yet"
    made = machine.run(["mlm-audit", "demo", "create", "--members", "100"], environment, "data")
    assert made.returncode == 0, made.stderr
    arguments = [*command.command(), "--prefect-port", "4200"]
    with machine.started("image", arguments, environment, "data"):
        healthy(machine, "image", health.command(), environment, "data")
        run_a_job(machine)
    assert (tmp_path / "data" / ".prefect" / "server.log").is_file()


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.xdist_group("served")
@pytest.mark.skipif(
    "postgresql" in servers.missing(), reason="postgresql IS NOT INSTALLED: nothing is proven for compose.yaml"
)
def test_the_services_as_compose_starts_them(machine: Machine, server_urls: Callable[[str], str]) -> None:
    """In the order of depends_on: what ends must succeed, what stays must become healthy."""
    of_image = pairs(last_stage(), "ENV")
    [health_of_image] = named("HEALTHCHECK", last_stage())
    with servers.fresh_database(server_urls("postgresql"), "shop") as url, ExitStack() as stack:
        machine.ports["5432"] = int(re.search(r":(\d+)/", url)[1])  # type: ignore[index]
        waiting = dict(SERVICES)
        while waiting:
            name = next(
                name for name, service in waiting.items() if not set(service.get("depends_on", {})) & set(waiting)
            )
            service = waiting.pop(name)
            environment = of_image | service["environment"]
            data = service["volumes"][0].split(":")[0]
            check = service.get("healthcheck", {}).get("test", ["CMD", *health_of_image.command()])
            assert check[0] == "CMD"
            if name == "database":
                done = machine.run(check[1:], environment, data)
                assert done.returncode == 0, done.stdout
            elif service.get("restart") == "no":
                for _ in range(2):  # Compose starts it again with each `up`
                    done = machine.run(service["command"], environment, data)
                    assert done.returncode == 0, (name, done.stdout, done.stderr)
            else:
                stack.enter_context(machine.started(name, service["command"], environment, data))
                healthy(machine, name, check[1:], environment, data)
        run_a_job(machine)
