"""Read a Dockerfile and a compose file as plainly as the tests need it, and start their commands without Docker."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"\$\{(\w+):-([^${}]*)\}")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, with its continuation lines joined."""

    name: str
    text: str

    def command(self) -> list[str]:
        """The command of CMD or HEALTHCHECK in the form of a list."""
        words: list[str] = json.loads(self.text[self.text.index("[") :])
        return words


def dockerfile() -> list[Instruction]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [Instruction(*re.split(r"\s+", line.strip(), maxsplit=1)) for line in text.splitlines() if line.strip()]


def pairs(instructions: list[Instruction], name: str) -> dict[str, str]:
    """The names and values of all instructions ENV or LABEL."""
    found: dict[str, str] = {}
    for instruction in instructions:
        if instruction.name == name:
            found |= {key: value.strip('"') for key, value in re.findall(r'([\w.]+)=("[^"]*"|\S+)', instruction.text)}
    return found


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The compose file, with its variables replaced as Compose replaces them."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    while NAME.search(text):
        text = NAME.sub(lambda found: environment.get(found[1]) or found[2], text)
    services: dict[str, Any] = yaml.safe_load(text)
    return services


@dataclass
class Machine:
    """Runs the commands of containers on loopback: other ports, other folders, the programs of this environment."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    hosts: tuple[str, ...] = ()
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def local(self, text: str, data: str) -> str:
        """Replace addresses and folders of a container with those of this machine."""
        for host in self.hosts:
            text = re.sub(rf"(?<=[/@]){host}(?=:\d)", "127.0.0.1", text)
        for port, ours in self.ports.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)", str(ours), text)
        return text.replace("0.0.0.0", "127.0.0.1").replace("/data", str(self.folder / data))

    def settings(self, environment: Mapping[str, str], data: str) -> dict[str, str]:
        (self.folder / data).mkdir(exist_ok=True)
        wanted = {name: self.local(str(value), data) for name, value in environment.items() if name != "PATH"}
        return self.environment | wanted

    def run(self, command: list[str], environment: Mapping[str, str], data: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command, settings = [self.local(part, data) for part in command], self.settings(environment, data)
        return subprocess.run(
            command, env=settings, cwd=self.folder / data, capture_output=True, text=True, check=False
        )

    @contextmanager
    def started(self, name: str, command: list[str], environment: Mapping[str, str], data: str) -> Iterator[Path]:
        """Keep a command running, and stop it as Docker does. Yields the path of what it prints."""
        command, settings, log = (
            [self.local(part, data) for part in command],
            self.settings(environment, data),
            self.log(name),
        )
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=settings, stdout=out, stderr=out, cwd=self.folder / data, start_new_session=True
            )
        self.running.append(process)
        try:
            yield log
            assert process.poll() is None, log.read_text(encoding="utf-8")
        finally:
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def died(self) -> bool:
        return any(process.poll() is not None for process in self.running)


def base_environment(binaries: Path) -> dict[str, str]:
    """The environment of this test without Prefect's settings, with our programs first on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {"PATH": f"{binaries}:{os.environ['PATH']}"}
