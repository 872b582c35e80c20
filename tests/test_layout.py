"""The layout of the tests: the tests of one room of the package can be run alone."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make_test_room(room: str) -> subprocess.CompletedProcess[str]:
    """Return what `make test-room` would run. Nothing is run and nothing is installed."""
    command = ["make", "-n", "-o", ".venv/.ready", "test-room", f"ROOM={room}"]
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
        assert f'There are no tests of a room called "{room}". Set ROOM to one of: analysis console ' in done.stderr
