"""Build the wheel and the sdist, and try the wheel where there is nothing else: `make release`.

The wheel is built from the unpacked sdist, so both are complete. It is then installed after the packages of the lock
file into a new virtual environment, and used from an empty folder.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

from mlm_audit import __version__
from tests.support.serving import served

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "lock.txt"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")


def build(into: Path) -> Path:
    """Build the sdist, and from the sdist the wheel. Return the path of the wheel."""
    into.mkdir(parents=True, exist_ok=True)
    for old in (*into.glob("mlm_audit-*.whl"), *into.glob("mlm_audit-*.tar.gz")):
        old.unlink()
    _hatchling("sdist", into, ROOT)
    [sdist] = into.glob("mlm_audit-*.tar.gz")
    with tempfile.TemporaryDirectory(prefix="mlm-audit-sdist-") as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        _hatchling("wheel", into, Path(folder) / sdist.name.removesuffix(".tar.gz"))
    [wheel] = into.glob("mlm_audit-*.whl")
    return wheel


def _hatchling(target: str, into: Path, source: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into.resolve())]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


def environment_of(folder: Path, **changes: str) -> dict[str, str]:
    """Return an environment without a setting of the toolkit, of Prefect or of Python."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "INVESTIGATE": "false", "LANG": "C.UTF-8"} | changes


def check_commands(program: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run help, version and a reconciliation of a demonstration platform in an empty folder."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    assert "reconcile-files" in run("--help")
    assert run("--version").strip() == __version__
    run("demo", "create", "--members", "200", "--faults", "standard")
    result = json.loads(run("run", "reconciliation", "--json"))
    assert result["verdict"] == "FAIL", "the platform has faults"
    assert "<html" in (folder / result["reports"]["html"]).read_text(encoding="utf-8")


def check_serve(program: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Start `mlm-audit serve` in the folder, and let its worker run a job to the end."""
    url = environment["DATABASE_URL"]
    with served(folder, url, program=program, base=environment, TIMEZONE="Asia/Tokyo") as here:
        [schedule] = here.deployment("health-ping")["schedules"]
        assert schedule["schedule"]["timezone"] == "Asia/Tokyo"
        answer = here.call(action="trigger", jobName="health-ping")
        assert answer.status_code == 202, answer.text
        done = here.ended(answer.json()["flow_run_id"])
        assert done["state_type"] == "COMPLETED", done["state"]["message"]


def main() -> None:
    """Build into dist/, and check the wheel in an environment of its own."""
    wheel = build(ROOT / "dist")
    print(f"Built {wheel.relative_to(ROOT)} and the sdist in the same folder.", flush=True)
    with tempfile.TemporaryDirectory(prefix="mlm-audit-release-") as place:
        folder, home = Path(place) / "empty", Path(place) / "venv"
        folder.mkdir()
        print(
            "Installing the packages of the lock file and the wheel into an empty environment (a few minutes) …",
            flush=True,
        )
        venv.create(home, with_pip=True)
        python = str(home / "bin" / "python")
        subprocess.run([python, *PIP, "--require-hashes", "-r", str(LOCK), "-c", str(LOCK)], check=True)
        subprocess.run([python, *PIP, "--no-deps", str(wheel)], check=True)
        environment = environment_of(folder, DATABASE_URL=f"sqlite:///{folder / 'demo.db'}")
        program = [str(home / "bin" / "mlm-audit")]
        print("Trying help, version, a reconciliation and serve in an empty folder …", flush=True)
        check_commands(program, folder, environment)
        check_serve(program, folder, environment)
    print("The wheel works without the checkout.")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
