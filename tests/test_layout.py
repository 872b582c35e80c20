"""The layout of the tests: it mirrors the package, and the tests of one room can be run alone."""

import subprocess
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
NOT_ROOMS = {"support", "e2e", "snapshots"}
"""What the tests share, tests of the whole through processes and browsers, and stored pages."""


def test_every_folder_has_the_name_of_a_room() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    rooms = {folder for folder in folders if folder.parts and folder.parts[0] not in NOT_ROOMS}
    assert {str(folder) for folder in rooms if not (ROOT / "mlm_audit" / folder).is_dir()} == {"flows"}
    assert (ROOT / "flows").is_dir()


def test_no_two_modules_of_tests_share_a_name() -> None:
    names = Counter(path.stem for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def make_test_room(room: str) -> subprocess.CompletedProcess[str]:
    """Return what `make test-room` would run. Nothing is run and nothing is installed."""
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/.ready", "test-room", f"ROOM={room}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_room_runs_the_folders_of_its_name() -> None:
    done = make_test_room("console")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pytest" in done.stdout
    assert "find tests -type d -name 'console'" in done.stdout


def test_a_room_that_has_no_tests_is_refused_with_the_list_of_rooms() -> None:
    for room in ("nowhere", "tests", ""):
        done = make_test_room(room)
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            f'There are no tests of a room called "{room}". Set ROOM to one of: analysis checks cli console '
            in done.stderr
        )
