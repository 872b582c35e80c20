"""Renders the templates of `reports/` to single HTML files that escape all values and load nothing."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlm_audit.domain.money import grouped
from mlm_audit.reporting.core.parts import Page

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def templates_dir() -> Path:
    """Return the folder of the templates: inside the package in a wheel, `reports/` beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "templates"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "reports"


def visible(value: Any) -> Any:
    """Return text with its invisible control characters replaced by their names, such as ⟨U+202E⟩.

    Such characters could change the reading direction or control a program. Markup and other values are returned
    as they are.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", value)


@cache
def environment() -> Environment:
    """Return the environment of the templates. Values are escaped in HTML, and a missing value raises an error."""
    made = Environment(
        # Escaping is on for everything but .txt.j2; select_autoescape would miss .html.j2.
        loader=FileSystemLoader(templates_dir()),
        autoescape=lambda name: name is None or not name.endswith(".txt.j2"),
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["grouped"] = grouped
    return made


def _read(*names: str) -> str:
    return "".join((templates_dir() / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def style(*names: str) -> tuple[str, str]:
    """Return style sheets of `reports/` as one text, and its hash for a content security policy."""
    text = _read(*names)
    return text, _hash(text)


def page(template: str | Path, **values: Any) -> str:
    """Return a page in the design of the reports, with its style and script inline.

    The page's content security policy allows only these two, by their hashes. `template` is a name in `reports/`, or
    the path of a file elsewhere.
    """
    sheet, sheet_hash = style("style.css")
    script = _read("report.js")
    given = {"style": sheet, "style_hash": sheet_hash, "script": script, "script_hash": _hash(script)}
    loaded = environment()
    text = (
        loaded.get_template(template)
        if isinstance(template, str)
        else loaded.from_string(template.read_text(encoding="utf-8"))
    )
    return text.render(**given, **values)


def render(data: Page) -> str:
    """Return the report as one HTML page."""
    return page(data.TEMPLATE, r=data)
