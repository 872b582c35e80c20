"""The list of checks: one `.sql` file each, with a header that a person can read.

Header keys: code, title, severity, needs (inputs), proves, do, message; local (yes or no): whether a break's own rows decide it,
so that a night that reads only what changed can run it (no for a user's check that does not say so); determines: the columns, as
table.column, whose values the check proves from other records, `table.(row)` for the existence of a row. A user adds a check by adding such a file to a
folder of theirs (CHECKS_DIR). The query returns one row per break; see `BREAK_SCHEMA` for the columns it may give.
"""

import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from mlm_audit.checks.inputs import INPUTS
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import SEVERITIES

SQL_DIR = Path(__file__).parent / "sql"
HEADER = re.compile(r"--\s*([a-z]+):\s*(.+)")
KEYS = ("code", "title", "severity", "needs", "proves", "do", "message")
OPTIONAL = ("local", "determines")
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
NEEDS = (*INPUTS, "ledger_changes", "seal_problems")
"""What a check of a user's may name as needed: a word that is no input would let it run on nothing, and find nothing."""


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
    """Whether the rows of a break's own member, order, payout or withdrawal decide it, so that a night need not read others."""
    determines: tuple[str, ...] = ()
    """The columns, as `table.column`, that it proves from other records; `table.(row)` is the existence of a row."""

    @property
    def is_own(self) -> bool:
        """Whether it is one of the user's own, and not built in."""
        return SQL_DIR not in self.path.parents


@dataclass(frozen=True)
class View:
    """A prepared table that several checks read: name, what it holds, and its query.

    `lazy` ones start with the line `-- view`: they are too large to be kept and are computed where they are read.
    """

    name: str
    about: str
    sql: str
    lazy: bool


def load_checks(user_dir: Path | None = None) -> list[Check]:
    """The built-in checks, then those in `user_dir`, each in the order of their codes."""
    files = sorted(SQL_DIR.glob("*.sql"))
    if user_dir is not None:
        if not user_dir.is_dir():
            raise InputError(f"CHECKS_DIR {user_dir}: no such folder; create it or unset the setting")
        files += sorted(user_dir.glob("*.sql"))
    checks: dict[str, Check] = {}
    for path in files:
        check = parse_check(path)
        if check.is_own and (strange := [name for name in check.needs if name not in NEEDS]):
            raise InputError(f"check {path}: needs {strange[0]!r}, which is no input; the inputs are {', '.join(NEEDS)}")
        if check.code in checks:
            raise InputError(f"check {path}: the code {check.code!r} is taken by {checks[check.code].path.name}")
        checks[check.code] = check
    return list(checks.values())


def parse_check(path: Path) -> Check:
    """A check from its file; InputError names the file and what its header lacks."""
    lines = _text_of(path).splitlines()
    header: dict[str, str] = {}
    while lines and (match := HEADER.fullmatch(lines[0].strip())):
        if match[1] in header:
            raise InputError(f"check {path}: the header has {match[1]!r} twice; keep one of the two lines")
        header[match[1]] = match[2].strip()
        lines.pop(0)
    if absent := [key for key in KEYS if key not in header]:
        raise InputError(f"check {path}: the header lacks {', '.join(absent)}; each is a line like `-- code: my-check`")
    if unknown := [key for key in header if key not in (*KEYS, *OPTIONAL)]:
        raise InputError(f"check {path}: unknown header key {unknown[0]!r}; the keys are {', '.join((*KEYS, *OPTIONAL))}")
    if not CODE.fullmatch(header["code"]):
        raise InputError(f"check {path}: the code {header['code']!r} is not up to 60 small letters, digits and dashes")
    if header["severity"] not in SEVERITIES:
        raise InputError(f"check {path}: severity is one of {', '.join(SEVERITIES)}, not {header['severity']!r}")
    needs = tuple(name.strip() for name in header.pop("needs").split(","))
    determines = tuple(name.strip() for name in header.pop("determines", "").split(",") if name.strip())
    local = header.pop("local", "yes" if path.parent == SQL_DIR else "no")
    if local not in ("yes", "no"):
        raise InputError(f"check {path}: local is yes or no, not {local!r}")
    return Check(
        **header, needs=needs, sql="\n".join(lines).strip().rstrip(";"), path=path, is_local=local == "yes", determines=determines
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"check {path}, line {line}: is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise InputError(f"check {path}: cannot be read ({error.strerror}); CHECKS_DIR is a folder of .sql files") from error


def load_views() -> list[View]:
    """The prepared tables in the order in which they build on each other."""
    views = []
    for path in sorted((SQL_DIR / "views").glob("*.sql")):
        lines = path.read_text(encoding="utf-8").splitlines()
        about = [line.removeprefix("-- ") for line in takewhile(lambda line: line.startswith("--"), lines)]
        body = [line for line in lines if not line.startswith("--")]
        lazy = about[:1] == ["view"]
        views.append(View(path.stem.split("_", 1)[1], " ".join(about[lazy:]), "\n".join(body).strip(), lazy))
    return views
