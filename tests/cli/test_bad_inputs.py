"""Every option and argument of every command with values that cannot be right: one line, exit code 2, nothing stored.

The commands and their options come from the application itself: one that has no case here fails the first test.
"""

import hashlib
import shutil
import sqlite3
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cyclopts import App

from mlm_audit.cli.app import MOST_CHARACTERS, application
from tests.cli.test_commands import document, mlm

HUGE, TOO_LONG = str(2**63), "x" * (MOST_CHARACTERS + 1)
ANY_TEXT = ("", "two\nlines", "a\x00b", "a\x1b[31m", "a\x7f", "a\u2028b", TOO_LONG)
"""What no option takes, whatever it is."""
NUMBERS = ("", "x", "1.5", "1e3", "--", "0x", "-", "NaN", "٣", HUGE, f"-{HUGE}9")
NOT_UTF_8, FILE, FOLDER, BELOW_A_FILE = "<not-utf-8>", "<file>", "<folder>", "<below-a-file>"
UNWRITABLE = (FOLDER, BELOW_A_FILE, "/proc/mlm-audit/x", "/nonexistent/x/y", "y" * 300)
NO_FOLDER = (FILE, BELOW_A_FILE, "/proc/mlm-audit", "/proc/1/x", "y" * 300)
INSTANTS = (
    "soon",
    "2026-13-01",
    "2026-02-30",
    "2026-11-24T25:00",
    "1969-12-31",
    "0000-01-01",
    "2999-01-01",
    "9999-12-31",
    "99999-01-01",
    "-1",
)
MONTHS = (
    "2026-13",
    "2026-00",
    "2026",
    "2026-1",
    "1969-12",
    "0000-01",
    "3000-01",
    "9999-12",
    "26-10",
    "2026-10-01",
    "2０26-10",
    "-1",
)
DATABASES = (
    "oracle://x/y",
    "nonsense",
    "sqlite:///none.db",
    "sqlite:///",
    "postgresql://a:b@127.0.0.1:1/x",
    "mysql://a:b@127.0.0.1:1/x",
    "postgresql://[x/y",
    "mysql://a@b:99999/x",
    f"sqlite:///{BELOW_A_FILE}",
)
IDS = (*NUMBERS, "999999999")
LIMITS = (*NUMBERS, "0", "-3", "10000001")

CASES: dict[str, tuple[str, ...]] = {
    "--as-of": INSTANTS,
    "--month": MONTHS,
    "--limit": LIMITS,
    "--shards": (*NUMBERS, "0", "-1", "65"),
    "--memory-limit": (*NUMBERS, "0", "-1", "63", "99999999999"),
    "--threads": (*NUMBERS, "-1", "1025"),
    "--engine": ("pandas", "DuckDB"),
    "--fail-on": ("mild", "HIGH", "0"),
    "--db": DATABASES,
    "--platform": ("no-such-platform", "no-such-file.toml", "../standard", "Standard"),
    "--out": NO_FOLDER,
    "--approve": ("no-such-run", "reconciliation-1", "' or 1=1"),
    "--map": ("sum=x", "amount", "amount=", "=x", "amount=nothing"),
    "--ledger": (FOLDER, "none.csv", NOT_UTF_8),
    "--opening": (FOLDER, "none.csv", NOT_UTF_8),
    "--options": (FOLDER, "none.toml", NOT_UTF_8),
    "--wallets": (FOLDER, "none.csv", NOT_UTF_8),
    "--port": (*NUMBERS, "0", "-1", "65536"),
    "--prefect-port": (*NUMBERS, "0", "-1", "65536"),
    "--host": ("not an address", "999.1.1.1", "x" * 300, "a..b"),
    "--home": ("nowhere", FILE),
    "--role": ("root", "operator,approver", "Viewer"),
    "--members": (*NUMBERS, "0", "-1", "20000001"),
    "--months": (*NUMBERS, "0", "-1", "121"),
    "--seed": (*NUMBERS, "-1"),
    "--end": ("soon", "2026-13-01", "1969-12-31", "1989-12-31", "2201-01-01", "2999-01-01", "9999-01-01"),
    "--faults": (
        "gremlins=3",
        "lost-payout=x",
        "lost-payout=-1",
        "lost-payout=0",
        "lost-payout=999999",
        "=3",
        ",",
    ),
    "--share": ("0", "-1", "1.1", "x"),
    "--variant": ("nothing", "REFUND-FULL"),
    "--truth": UNWRITABLE,
    "--seeds": (*NUMBERS, "0", "-1", "1001"),
    "--places": (*NUMBERS, "0", "-1", "10001"),
    "--markdown": UNWRITABLE,
    "--file": UNWRITABLE,
    "--status": ("waiting", "PAID"),
    "--html": UNWRITABLE,
    "--run": ("no-such-run", "../x", "' or 1=1"),
    "--tree": ("forest", "Matrix"),
    "--up": (*NUMBERS, "-1", "1001"),
    "--down": (*NUMBERS, "-1", "1001"),
    "--id": ("nothing",),
    "--parent": ("nothing",),
    "--level": ("nothing",),
    "--path": ("nothing",),
    "--separator": (),
    "--left": ("nothing",),
    "--right": ("nothing",),
    "--ancestor": ("nothing",),
    "--depth": ("nothing",),
    "--name": ("nothing",),
    "--reason": (),
    "--output": UNWRITABLE,
    "--member": (*NUMBERS, "999999999"),
    "--order": (*NUMBERS, "999999999"),
    "--key": ("x", "0" * 63, "0" * 65, "g" * 64),
    "--to": ("nobody", "a@b@c", "@", "a@b, ", "A <a@b.example>", "a@b;c@d", "a b@c"),
    "--amount": ("x", "1.005", "0", "0.00", "1e3", "1,000.00", "NaN", "99999999999999999999"),
    "--reference": (),
    "--by": (),
    "KIND": ("gift", "ADJUSTMENT"),
    "--delimiter": ("commas", ",,", "x;y"),
    "--quote": ("backtick", "''"),
    "--encoding": ("utf-99", "klingon"),
    "--skip-lines": ("x", "1.5", "-1", HUGE),
    "--skip-footer": ("x", "1.5", "-1", HUGE),
    "--number-format": ("roman", "1"),
    "--units": ("paise", "100"),
    "--since": ("x", "2026-13-01", "31/10/2026", "0"),
    "--until": ("x", "2026-13-01", "31/10/2026", "0"),
    "--dates": ("x", "ISO 8601"),
    "--currency": ("x", "Rupees", ""),
    "--account": ("", " "),
    "--balance": ("x", "1.005", "1e3", "1,000.00", "NaN"),
    "--opening-balance": ("x", "1.005", "1e3", "1,000.00", "NaN"),
    "--row-order": ("backwards", "0"),
    "--match-ids": ("colour", ",", ""),
    "--sheet": ("Ledger",),
    "--sign": ("plus", "-1"),
    "--credit-words": ("", ",", "dr"),
    "--debit-words": ("", ",", "cr"),
    "--root-value": (),
    "BREAK_ID": ("nothing", "nothing/1", "wallet-balance/999999999"),
    "JOB": ("tidy-up", "RECONCILIATION", "../x"),
    "NAME": ("no such", "../x", "ü", "x" * 41),
    "VALUE": ("no such", "", "999999999999999999999999", "ü" * 100),
    "CODE": ("nothing", "../x"),
    "KEY": ("nothing", "nothing/1", "wallet-balance/999999999"),
    "MONTH": MONTHS,
    "JOB_ID": ("no-such-run", "../x", "' or 1=1"),
    "PACK": (FOLDER, "none.zip"),
    "FILE": (FOLDER, "none.csv", NOT_UTF_8),
    "MEMBER": IDS,
    "NUMBER": IDS,
    "MEMBER_ID": IDS,
    "SCHEDULE_ID": IDS,
    "SCHEDULE_IDS": IDS,
}
"""Option or argument → values that it refuses, besides ANY_TEXT; flags refuse a value."""
NOT_ASKED = {
    ("mail preview", "NAME", "x"): "",
    ("db init", "--db", "sqlite:///none.db"): "it creates the database",
    ("demo create", "--db", "sqlite:///none.db"): "it creates the database",
}
"""Values that a command takes all the same, and why."""
BASE: dict[str, list[str]] = {
    "run": ["reconciliation", "--dry-run"],
    "reconcile-files": ["--ledger", "ledger.csv", "--wallets", "wallets.csv", "--out", "unused"],
    "history": ["reconciliation"],
    "trigger": ["weekly-payouts"],
    "enable": ["reconciliation"],
    "disable": ["reconciliation"],
    "token": ["asha"],
    "checks show": ["wallet-balance"],
    "platform check": ["wear-and-earn-matrix"],
    "platform key": ["1"],
    "platform show": ["wear-and-earn-matrix"],
    "demo create": ["--members", "5"],
    "payouts explain": ["1"],
    "payouts requeue": ["1"],
    "eligibility explain": ["2", "--month", "2026-10"],
    "explain member": ["2"],
    "explain order": ["1"],
    "explain payout": ["1"],
    "explain eligibility": ["2", "--month", "2026-10"],
    "remedy show": ["wallet-balance/42"],
    "explain issue": ["wallet-balance/42"],
    "tree show": ["2"],
    "tree check-file": ["tree.csv", "--id", "id", "--parent", "parent"],
    "authorisations add": [
        "adjustment",
        "--member",
        "2",
        "--amount",
        "5.00",
        "--reference",
        "ADJ_1",
        "--by",
        "asha",
        "--reason",
        "goodwill",
    ],
    "repairs undo": ["no-such-run"],
    "seals rebuild": ["2026-10"],
    "evidence pack": ["--month", "2026-10", "--output", "pack.zip"],
    "evidence verify": ["pack.zip"],
    "mail preview": ["payout-credited"],
    "mail test": ["--to", "a@b.example"],
    "demo scorecard": ["--seeds", "1", "--places", "1", "--members", "100"],
}
"""What each command wants, so that only the bad value is what it refuses."""
OF_RUN = {"--month": "monthly-sweep", "--limit": "weekly-payouts", "--approve": "weekly-payouts"}
OWN_TABLES = {"AuditAction"}
"""A refused order is recorded, with who asked."""


class Option(NamedTuple):
    """One option or argument of a command, as the application has it."""

    command: str
    name: str
    hint: Any
    is_positional: bool

    @property
    def is_flag(self) -> bool:
        return bool in (self.hint, *typing.get_args(self.hint))


def options(part: App | None = None, path: tuple[str, ...] = ()) -> Iterator[Option]:
    part = part or application()
    for name in part:
        if name.startswith("-"):
            continue
        below = part[name]
        if below.default_command is None:
            yield from options(below, (*path, name))
            continue
        for argument in below.assemble_argument_collection():
            shown = argument.name
            yield Option(" ".join((*path, name)), shown, argument.hint, not shown.startswith("-"))


ALL = list(options())


def test_every_option_of_every_command_has_a_case() -> None:
    """A new option fails here until it says what it refuses."""
    named = {option.name for option in ALL if not option.is_flag}
    assert named - set(CASES) == set(), "give each its bad values in CASES"
    assert set(CASES) - named == set(), "these are options no more"
    assert len({option.command for option in ALL}) >= 40
    for option in ALL:
        assert isinstance(option.hint, type | types.GenericAlias | types.UnionType) or typing.get_origin(option.hint), (
            option
        )


@pytest.mark.parametrize("value", ANY_TEXT)
@pytest.mark.parametrize("words", [["--reason"], ["--db"], []], ids=["reason", "db", "none"])
def test_words_that_no_option_takes(words: list[str], value: str) -> None:
    """Refused before a command sees them, wherever they stand."""
    done = mlm("seals", "restart", *words, value)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    if words:
        assert f"error: {words[0]} " in done.stderr
        assert mlm("seals", "restart", f"{words[0]}={value}").returncode == 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a platform and files of every kind; commands are run in it."""
    folder = tmp_path_factory.mktemp("place")
    url = f"sqlite:///{folder / 'demo.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        document("demo", "create", "--db", url, "--members", "100", "--months", "3", "--seed", "1")
    with sqlite3.connect(folder / "demo.db") as connection:
        connection.execute("pragma journal_mode = delete")
    connection.close()
    (folder / "ledger.csv").write_text("account_id,amount\n1,5\n")
    (folder / "wallets.csv").write_text("account_id,balance\n1,5\n")
    (folder / "tree.csv").write_text("id,parent,level,name\n1,,0,a\n2,1,1,b\n")
    (folder / "file").write_text("a file")
    (folder / "folder").mkdir()
    (folder / "not-utf-8.csv").write_bytes("id,parent,account_id,amount,balance\nMüller,1,1,1,1\n".encode("latin-1"))
    (folder / "pack.zip").write_bytes(b"no pack")
    return folder


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file and folder, and of a database what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(("-wal", "-shm")):
            continue
        if path.suffix == ".db":
            connection = sqlite3.connect(path)
            rows = "\n".join(
                line
                for line in connection.iterdump()
                if not any(name in line for name in OWN_TABLES | {"sqlite_sequence"})
            )
            connection.close()
            found[str(path)] = hashlib.sha256(rows.encode()).hexdigest()
        else:
            found[str(path)] = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def given(value: str, folder: Path) -> str:
    value = value.replace(NOT_UTF_8, "not-utf-8.csv").replace(BELOW_A_FILE, str(folder / "file" / "below"))
    return value.replace(FILE, "file").replace(FOLDER, "folder")


def command_line(option: Option, value: str, folder: Path) -> list[str]:
    words = option.command.split()
    base = list(BASE.get(option.command, []))
    if option.command == "run" and option.name in OF_RUN:
        base[0] = OF_RUN[option.name]
    if option.command == "run" and option.name in ("--approve", "--out"):
        base.remove("--dry-run")
    if option.command == "trigger" and option.name == "--month":
        base[0] = "monthly-sweep"
    if option.is_positional:
        base = [value, *base[1:]]
    elif option.name in base:
        base[base.index(option.name) + 1] = value
    else:
        base += [f"{option.name}={value}" if value.startswith("-") else option.name] + (
            [] if value.startswith("-") else [value]
        )
    takes_db = any(one.command == option.command and one.name == "--db" for one in ALL)
    is_new = option.command == "demo create"
    database = ["--db", f"sqlite:///{folder / ('new.db' if is_new else 'demo.db')}"]
    return [*words, *base, *(database if takes_db and option.name != "--db" else [])]


def values_of(option: Option) -> tuple[str, ...]:
    if option.is_flag:
        return ("maybe", "7")
    return ("", "two\nlines", TOO_LONG, *CASES[option.name])


SAMPLE, EVERY = 5, pytest.param(1, marks=pytest.mark.thorough)
"""CI tries every fifth value of each option, other ones for each option; `make thorough` tries all."""


@pytest.mark.slow
@pytest.mark.parametrize("step", [SAMPLE, EVERY], ids=["sample", "every"])
@pytest.mark.parametrize("option", ALL, ids=lambda option: f"{option.command} {option.name}".replace(" ", "_"))
def test_bad_values(
    option: Option, step: int, place: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    """One line on stderr that names the option or the value, exit code 2, no trace of it in the database or the folder."""
    monkeypatch.chdir(place)
    before, faults = fingerprint(place), list[tuple[object, ...]]()
    values = values_of(option)
    for value in values[ALL.index(option) % step :: step] or values:
        if (option.command, option.name, value) in NOT_ASKED:
            continue
        if option.is_flag:
            words = [*option.command.split(), *BASE.get(option.command, []), f"{option.name}={value}"]
        else:
            words = command_line(option, given(value, place), place)
        done = mlm(*words)
        lines = done.stderr.strip().splitlines()
        if done.returncode != 2 or len(lines) != 1 or not lines[0].startswith("error: ") or done.stdout:
            faults.append((value[:60], done.returncode, done.stderr[-300:], done.stdout[:100]))
    after = fingerprint(place)
    faults += [("stored", path) for path in after if after[path] != before.get(path)]
    for path in set(after) - set(before):
        shutil.rmtree(path, ignore_errors=True)
        Path(path).unlink(missing_ok=True)
    assert not faults, "\n".join(map(str, faults))
    record_property("seen", f"bad values of {option.command} {option.name}: {len(values) // step}")
