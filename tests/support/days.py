"""The suite as on another day and in another zone, and on a busy machine.

`python -m tests.support.days` runs a fifth of the fast tests on a fifth of the days of the list, both chosen by the
commit; that is CI's part.
`--all` runs every test on every day and once with the processors loaded twice over, which is what `make thorough` does.
Numbers choose from the list.

Here it is the machine's date that differs, for the tests and for all that they start: libfaketime gives it to them.
What the toolkit itself takes for now is the same in every run (tests/conftest.py), so a failure on one of these days is
a test, or a part, that looks at another clock than it was given.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from tests.support.sample import SHARE, SHARE_OF_ALL, tried
from tests.support.servers import faketime

ROOT = Path(__file__).parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup")
FAST = ("-m", "not slow")
DAYS = (
    ("2028-02-29T11:00Z", "Asia/Kolkata"),
    ("2036-12-31T23:40Z", "America/Los_Angeles"),
    ("2026-12-31T18:10Z", "Asia/Kolkata"),
    ("2027-01-31T23:40Z", "UTC"),
    ("2027-02-28T18:10Z", "Pacific/Kiritimati"),
    ("2027-03-14T06:50Z", "America/New_York"),
    ("2027-03-28T00:50Z", "Europe/Berlin"),
    ("2027-04-03T14:50Z", "Australia/Lord_Howe"),
    ("2027-10-31T00:50Z", "Europe/Berlin"),
    ("2028-02-28T23:50Z", "Pacific/Apia"),
)
"""Ends of months and years, 29 February and the night before, ten years ahead; four nights in which clocks change, just before."""
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"


def environment(moment: str, zone: str) -> dict[str, str]:
    """What makes `moment` the time of a process and of all that it starts; it goes on from there."""
    ahead = datetime.fromisoformat(moment) - datetime.now(UTC)
    library = faketime()
    assert library is not None
    return os.environ | {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{ahead.total_seconds():+.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # waits last as long as ever
        "TZ": zone,
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT / "tests" / "support" / "machine"), os.environ.get("PYTHONPATH", "")]
        ).rstrip(os.pathsep),
    }


@contextmanager
def loaded() -> Iterator[None]:
    """Two processes for each processor that do nothing but keep it busy; they end with this one at the latest."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def run(title: str, options: tuple[str, ...], env: dict[str, str], *, busy: bool = False) -> str | None:
    """One run of the suite; its title when it failed."""
    print(f"== {title}", flush=True)
    started = time.monotonic()
    with loaded() if busy else nullcontext():
        code = subprocess.run([*PYTEST, *options], cwd=ROOT, env=env, check=False).returncode
    print(
        f"== {title}: {'passed' if code == 0 else f'exit code {code}'}, {time.monotonic() - started:.0f} s", flush=True
    )
    return None if code == 0 else title


def _day(text: str) -> int:
    """Return the number of a day of the list. Raises ValueError for any other text; argparse reports it."""
    number = int(text)
    if not 1 <= number <= len(DAYS):
        raise ValueError(text)
    return number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.days")
    # Not with `choices`: Python 3.11 compares them with the empty list too, when no number is given.
    parser.add_argument("numbers", nargs="*", type=_day, metavar="N", help=f"days of the list, 1 to {len(DAYS)}")
    parser.add_argument("--all", action="store_true", help="every test on every day, and once on a busy machine")
    options, others = parser.parse_known_args()
    if faketime() is None:
        print("libfaketime IS NOT INSTALLED: nothing is proven for other days", file=sys.stderr)
        return 1
    which = tuple(others) if options.all else (*FAST, *others)
    every = range(1, len(DAYS) + 1)
    chosen = options.numbers or (every if options.all else tried(every, "days"))
    share = {} if options.all or options.numbers else {SHARE_OF_ALL: str(SHARE)}
    failed = [
        run(f"{day} in {zone}", which, environment(day, zone) | share)
        for day, zone in (DAYS[number - 1] for number in chosen)
    ]
    if options.all and not options.numbers:
        failed.append(run("today, with the processors loaded twice over", which, dict(os.environ), busy=True))
    if failed := [title for title in failed if title]:
        print("FAILED: " + "; ".join(failed), file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
