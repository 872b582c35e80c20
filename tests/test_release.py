"""The wheel contains everything that runs, and works where there is no checkout. `make release` installs it as well."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.release import ROOT, build, check_commands, check_serve, environment_of
from tests.support.serving import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


def source(folder: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_the_wheel_contains_the_package_the_flows_and_the_templates(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    placed = {"reports": "mlm_audit/reporting/templates", "notebooks": "mlm_audit/notebooks"}
    wanted = source("mlm_audit") | source("flows")
    wanted |= {path.replace(folder, place, 1) for folder, place in placed.items() for path in source(folder)}
    assert names == wanted


def test_the_sdist_contains_nothing_else_than_the_sources(dist: Path) -> None:
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        first = {name.split("/")[1] for name in archive.getnames()}
    assert first - {".gitignore"} == {
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "flows",
        "mlm_audit",
        "notebooks",
        "prefect.yaml",
        "pyproject.toml",
        "reports",
    }


@pytest.mark.timeout(3 * PATIENCE)
def test_the_wheel_works_in_an_empty_folder(dist: Path, tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "empty"
    folder.mkdir()
    [wheel] = dist.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    environment = environment_of(folder, PYTHONPATH=str(site), DATABASE_URL=f"sqlite:///{folder / 'demo.db'}")
    where = [sys.executable, "-c", "import flows, mlm_audit; print(flows.__file__, mlm_audit.__file__)"]
    found = subprocess.run(where, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(site / "flows" / "__init__.py"), str(site / "mlm_audit" / "__init__.py")]
    program = [sys.executable, "-m", "mlm_audit.cli"]
    check_commands(program, folder, environment)
    check_serve(program, folder, environment)
