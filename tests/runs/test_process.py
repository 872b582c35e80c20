"""Who runs a job: a living process is never taken for dead, a dead one of this machine is seen at once."""

import os
import subprocess
import sys

import pytest

from mlm_audit.runs.process import is_gone, this_process, user


def test_this_process_is_alive() -> None:
    assert not is_gone(this_process())


def test_a_dead_child_is_gone() -> None:
    code = "from mlm_audit.runs.process import this_process; print(this_process())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    owner = done.stdout.strip()
    assert owner != this_process()
    assert is_gone(owner)


def test_a_zombie_is_gone() -> None:
    code = "import sys; from mlm_audit.runs.process import this_process; print(this_process(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    owner = child.stdout.readline().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(owner)
    child.stdout.close()
    child.wait()


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    user, _, birth = this_process().rpartition(":")
    assert is_gone(f"{user}:{int(birth.rstrip(')')) - 1})")


def test_in_doubt_it_lives() -> None:
    mine = this_process()
    host = mine.split(" on ")[1].split(",")[0]
    assert not is_gone(mine.replace(host, "elsewhere"))
    assert not is_gone(mine.replace("(", "(00000000"))
    assert not is_gone("somebody")


def test_a_process_that_cannot_be_looked_at_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    mine = this_process()
    real = Path.read_text

    def read_text(self: Path, *args: object, **kwargs: object) -> str:
        if self.name == "stat":
            raise PermissionError(13, "hidden")
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert not is_gone(mine)


def test_the_environment_does_not_say_who_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = user()
    monkeypatch.setenv("LOGNAME", "boss")
    monkeypatch.setenv("USER", "boss")
    assert user() == before != "boss"
