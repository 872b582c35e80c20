"""The kinds of notices, each in a folder of `reports/notices/` with its declaration, its templates and an example."""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mlm_audit.reporting.core.html import templates_dir

TEMPLATES = ("subject.txt.j2", "body.txt.j2", "body.html.j2")
DECLARATION, SAMPLE = "notice.toml", "sample.json"


@dataclass(frozen=True)
class NoticeKind:
    """The declaration of a notice.

    `to` says who gets it: each member individually, or the administrators, who get the notices of one kind in one
    message. An alert is sent once per fault and business day; the daily status report summarises the repeats.
    """

    name: str
    to: Literal["member", "administrators"]
    is_alert: bool
    sample: dict[str, Any]
    """An example of the context, for `mail preview` and the tests."""


@cache
def notice_kinds(folder: Path | None = None) -> dict[str, NoticeKind]:
    """Return the kinds of notices by name. Raise LookupError with the missing files when a folder is incomplete."""
    root = folder or templates_dir() / "notices"
    return {path.name: _kind(path) for path in sorted(root.iterdir()) if path.is_dir()}


def notice_kind(name: str) -> NoticeKind:
    """Return one kind of notice. Raise LookupError when no folder has that name."""
    try:
        return notice_kinds()[name]
    except KeyError:
        raise LookupError(f"notice {name}: there is no folder reports/notices/{name}") from None


def alert_kinds() -> tuple[str, ...]:
    """Return the names of the kinds that are alerts."""
    return tuple(kind.name for kind in notice_kinds().values() if kind.is_alert)


def _kind(folder: Path) -> NoticeKind:
    if lacking := [name for name in (DECLARATION, SAMPLE, *TEMPLATES) if not (folder / name).is_file()]:
        raise LookupError(f"notice {folder.name}: its folder {folder} lacks {', '.join(lacking)}")
    declared = tomllib.loads((folder / DECLARATION).read_text(encoding="utf-8"))
    if set(declared) != {"to", "is_alert"} or declared["to"] not in ("member", "administrators"):
        raise LookupError(
            f"notice {folder.name}: {DECLARATION} must set `to` (member or administrators) and `is_alert`, and nothing else"
        )
    sample = json.loads((folder / SAMPLE).read_text(encoding="utf-8"))
    return NoticeKind(folder.name, declared["to"], bool(declared["is_alert"]), sample)
