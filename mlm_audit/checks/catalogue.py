"""The list of checks: one `.sql` file each, with a header that declares everything about the check.

The header keys, one line each:

- code, title, severity: the name of the check, what a break of it is, and how severe it is.
- needs: the inputs that the query reads.
- requires: what else a platform must have for the check to apply: a convention as `name=value`, or a column as
  `input.column`; none otherwise.
- optional: those of the inputs that a platform need not keep for the check to apply; none if it needs all of them.
- determines: the columns, as `table.column`, whose values the check proves from other records. `table.(row)` stands for
  the existence of a row. none if the check proves no value.
- about: the subject of a break: member, order, payout, month or issue. It selects the command that explains the break.
  If the subject depends on the first part of a break's key, it is `part=about` for each part.
- slices: those of wallet, order and payout whose own rows are enough to run the check; none if there are none.
- local: yes if the rows of a break's own member, order, payout or withdrawal decide the break, so that an incremental
  run can run the check.
- causes: the causes that a break can name (see `causes.py`).
- follows: what a break may follow from, if that is wrong: order, order-date, buyer, swept-line, lost-member, month or
  row. explains: what a break is the root of: line, order, orders, month or owner. `roots/` reads both; none if there
  are none.
- proves, do, message: what a clean run proves, what to do about a break, and the sentence that describes a break.

A built-in check has all keys. A user adds a check by adding such a file to the folder CHECKS_DIR, without the keys
requires, optional, about, slices, follows and explains; local, determines and causes are optional. The query returns one row per break.
`BREAK_SCHEMA` lists the columns that it may return.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from pathlib import Path

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import SEVERITIES
from mlm_audit.domain.inputs import INPUTS

SQL_DIR = Path(__file__).parent / "sql"
HEADER = re.compile(r"--\s*([a-z]+):\s*(.+)")
KEYS = ("code", "title", "severity", "needs", "proves", "do", "message")
OPTIONAL = ("local", "determines", "causes")
"""Keys that a user's check may omit. A check without the key `local` is not local."""
BUILT_IN = ("requires", "optional", "about", "slices", "follows", "explains")
"""Keys that only built-in checks have. A break of a user's check is explained as an issue, from the whole platform."""
ABOUT = ("member", "order", "payout", "month", "issue")
SLICES = ("wallet", "order", "payout")
FOLLOWS_FROM = ("order", "order-date", "buyer", "swept-line", "lost-member", "month", "row")
"""What a break may follow from: everything computed from an order, or from when it was paid; what depends on the buyer
of an order whose lines have wrong owners, and the lines of such an order in a swept month; what names a member whose
row was lost; what is added up from the commission records of a month; what a misattributed row makes wrong."""
EXPLAINS = ("line", "order", "orders", "month", "owner")
"""What a break is the root of: one line of an order; one order, or many by one fault; a month's commission records; the
wrong owner of a row."""
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
NEEDS = (*INPUTS, "ledger_changes", "seal_problems")
"""The names that a user's check may list in `needs`. With an unknown name it would find nothing."""


@dataclass(frozen=True)
class Check:
    """One check. `needs` are the inputs it reads; `sql` is the query without its header."""

    code: str
    title: str
    severity: str
    needs: tuple[str, ...]
    proves: str
    do: str
    message: str
    sql: str
    path: Path
    is_local: bool = True
    """Whether the rows of a break's own member, order, payout or withdrawal decide it.

    If so, an incremental run need not read other rows.
    """
    determines: tuple[str, ...] = ()
    """The columns, as `table.column`, proven from other records; `table.(row)` is the existence of a row."""
    about: Mapping[str, str] = field(default_factory=lambda: {"": "issue"})
    """The subject of a break, by the first part of its key; the empty part stands for every key."""
    slices: tuple[str, ...] = ()
    """The slices of the platform in which the check finds the same breaks as in the whole platform."""
    causes: tuple[str, ...] = ()
    """The causes that a break can name."""
    follows: tuple[str, ...] = ()
    """What a break may follow from, of `FOLLOWS_FROM`."""
    explains: tuple[str, ...] = ()
    """What a break is the root of, of `EXPLAINS`."""
    requires: tuple[str, ...] = ()
    """The conventions (`name=value`) and columns (`input.column`) without which the check does not apply."""
    optional: tuple[str, ...] = ()
    """Inputs that a platform need not keep for the check to apply."""

    @property
    def is_own(self) -> bool:
        """Return whether the check is one of the user's own, and not built in."""
        return SQL_DIR not in self.path.parents


@dataclass(frozen=True)
class View:
    """A prepared table that several checks read: its name, what it holds, and its query.

    A `lazy` table starts with the line `-- view`. It is too large to be kept and is computed where it is read.
    """

    name: str
    about: str
    sql: str
    lazy: bool


def load_checks(user_dir: Path | None = None) -> list[Check]:
    """Return the built-in checks, then those in `user_dir`, each in the order of their file names.

    Raise InputError when the folder does not exist, a file is not a valid check, or a code is used twice.
    """
    files = sorted(SQL_DIR.glob("*.sql"))
    if user_dir is not None:
        if not user_dir.is_dir():
            raise InputError(f"CHECKS_DIR {user_dir}: the folder does not exist; create it or unset the setting")
        files += sorted(user_dir.glob("*.sql"))
    checks: dict[str, Check] = {}
    for path in files:
        check = parse_check(path)
        if check.is_own and (strange := [name for name in check.needs if name not in NEEDS]):
            raise InputError(
                f"check {path}: `needs` names {strange[0]!r}, which is not an input; the inputs are {', '.join(NEEDS)}"
            )
        if check.code in checks:
            raise InputError(
                f"check {path}: the code {check.code!r} is already used by {checks[check.code].path.name}; choose another"
            )
        checks[check.code] = check
    return list(checks.values())


def parse_check(path: Path) -> Check:
    """Return the check in a file.

    Raise InputError, which names the file and the fault, when the file or its header is invalid.
    """
    lines, is_built_in = _text_of(path).splitlines(), path.parent == SQL_DIR
    header: dict[str, str] = {}
    while lines and (match := HEADER.fullmatch(lines[0].strip())):
        if match[1] in header:
            raise InputError(f"check {path}: the header has {match[1]!r} twice; keep one of the two lines")
        header[match[1]] = match[2].strip()
        lines.pop(0)
    if absent := [key for key in KEYS if key not in header]:
        raise InputError(f"check {path}: the header lacks {', '.join(absent)}; each is a line like `-- code: my-check`")
    known = (*KEYS, *OPTIONAL, *(BUILT_IN if is_built_in else ()))
    if unknown := [key for key in header if key not in known]:
        raise InputError(f"check {path}: unknown header key {unknown[0]!r}; the keys are {', '.join(known)}")
    if not CODE.fullmatch(header["code"]):
        raise InputError(
            f"check {path}: the code {header['code']!r} is invalid; use up to 60 lowercase letters, digits and dashes"
        )
    if header["severity"] not in SEVERITIES:
        raise InputError(f"check {path}: severity must be one of {', '.join(SEVERITIES)}, not {header['severity']!r}")
    if is_built_in and (absent := [key for key in known if key not in header]):
        raise InputError(f"check {path}: the header lacks {', '.join(absent)}; a built-in check has every key")
    local = header.pop("local", "no")
    if local not in ("yes", "no"):
        raise InputError(f"check {path}: local must be yes or no, not {local!r}")
    return Check(
        sql="\n".join(lines).strip().rstrip(";"),
        path=path,
        is_local=local == "yes",
        needs=_listed(header.pop("needs")),
        requires=_listed(header.pop("requires", "none")),
        optional=_listed(header.pop("optional", "none")),
        determines=_listed(header.pop("determines", "none")),
        about=_about(path, header.pop("about", "issue")),
        slices=_some_of(SLICES, path, header, "slices"),
        follows=_some_of(FOLLOWS_FROM, path, header, "follows"),
        explains=_some_of(EXPLAINS, path, header, "explains"),
        causes=_listed(header.pop("causes", "none")),
        **header,
    )


def _listed(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(name.strip() for name in text.split(",") if name.strip())


def _some_of(names: tuple[str, ...], path: Path, header: dict[str, str], key: str) -> tuple[str, ...]:
    given = _listed(header.pop(key, "none"))
    if unknown := [name for name in given if name not in names]:
        raise InputError(f"check {path}: {key} must be {', '.join(names)} or none, not {unknown[0]!r}")
    return given


def _about(path: Path, text: str) -> dict[str, str]:
    pairs = [part.rpartition("=") for part in _listed(text)]
    about = {part.strip(): what.strip() for part, _, what in pairs}
    if not about or any(what not in ABOUT for what in about.values()):
        raise InputError(
            f"check {path}: about must be one of {', '.join(ABOUT)}, or `part=about` for parts of the key, not {text!r}"
        )
    return about


@cache
def built_in_checks() -> dict[str, Check]:
    """Return the built-in checks by code."""
    return {check.code: check for check in load_checks()}


def checks_of_slice(name: str) -> tuple[str, ...]:
    """Return the codes of the built-in checks that can run on one slice of the platform."""
    return tuple(check.code for check in built_in_checks().values() if name in check.slices)


def checks_that_follow(root: str) -> tuple[str, ...]:
    """Return the codes of the built-in checks whose breaks may follow from such a root, one of `FOLLOWS_FROM`."""
    return tuple(check.code for check in built_in_checks().values() if root in check.follows)


def checks_that_explain(root: str) -> tuple[str, ...]:
    """Return the codes of the built-in checks whose breaks are such a root, one of `EXPLAINS`."""
    return tuple(check.code for check in built_in_checks().values() if root in check.explains)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"check {path}, line {line}: the text is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"check {path}: the file cannot be read ({error.strerror}); CHECKS_DIR must be a folder of .sql files"
        ) from error


def load_views() -> list[View]:
    """Return the prepared tables in the order in which they build on each other."""
    views = []
    for path in sorted((SQL_DIR / "views").glob("*.sql")):
        lines = path.read_text(encoding="utf-8").splitlines()
        about = [line.removeprefix("-- ") for line in takewhile(lambda line: line.startswith("--"), lines)]
        body = [line for line in lines if not line.startswith("--")]
        lazy = about[:1] == ["view"]
        views.append(View(path.stem.split("_", 1)[1], " ".join(about[lazy:]), "\n".join(body).strip(), lazy))
    return views
