"""One clock: the machine's, unless a test moves it for itself and for everything that it starts."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.runs.clock import OF_TESTS, SHIFT, machine_now, now, on_this_clock, shift
from tests.cli.test_commands import refused
from tests.conftest import NOW

DAY = 86_400


def test_every_module_of_tests_begins_at_the_same_time() -> None:
    assert NOW <= now() < NOW + timedelta(hours=1)


def test_without_the_variable_it_is_the_machine_s_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SHIFT)
    before = machine_now()
    assert before <= now() <= machine_now()
    assert on_this_clock(before) == before


def test_a_process_that_a_test_starts_has_the_same_clock() -> None:
    before = now()
    code = "from mlm_audit.runs.clock import now; print(now().isoformat())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert before <= datetime.fromisoformat(done.stdout.strip()) <= now()


def test_it_goes_on_from_where_it_was_put(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHIFT, str(-400 * DAY))
    assert shift() == timedelta(days=-400)
    first = now()
    assert first <= now()
    assert on_this_clock(machine_now()) - first < timedelta(hours=1)


def test_nobody_else_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the variable was left behind pays nothing by a wrong date."""
    monkeypatch.delenv(OF_TESTS)
    for read in (now, shift):
        with pytest.raises(InputError, match="only tests may set it"):
            read()
    assert (
        refused("checks", "list")
        == f"error: {SHIFT} is set, which shifts the clock of every job; only tests may set it, so unset it"
    )


@pytest.mark.parametrize("text", ["tomorrow", "nan", "inf", "1e30"])
def test_what_is_no_number_of_seconds(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHIFT, text)
    with pytest.raises(InputError, match="is not a number of seconds"):
        now()
