"""Rendering: templates from `reports/`, everything escaped, one file that loads nothing."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlm_audit.domain.money import grouped
from mlm_audit.reporting.report import ReportData
from mlm_audit.reporting.tree_report import TreeReport


def templates_dir() -> Path:
    """`reports/`: inside the package in a wheel, beside it in a checkout."""
    packaged = Path(__file__).parent / "templates"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "reports"


@cache
def environment() -> Environment:
    """The templates of `reports/`: everything in HTML escaped, nothing that is missing passed over."""
    made = Environment(
        # Escaping is on for everything but .txt.j2; select_autoescape would miss .html.j2.
        loader=FileSystemLoader(templates_dir()),
        autoescape=lambda name: name is None or not name.endswith(".txt.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["grouped"] = grouped
    return made


def style(*names: str) -> tuple[str, str]:
    """Style sheets of `reports/` put together, and their hash for a content security policy."""
    text = "".join((templates_dir() / name).read_text(encoding="utf-8") for name in names)
    return text, f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def render(data: ReportData | TreeReport) -> str:
    """The report as one HTML page."""
    sheet, digest = style("style.css")
    template = "tree-health.html.j2" if isinstance(data, TreeReport) else "reconciliation.html.j2"
    return environment().get_template(template).render(r=data, style=sheet, style_hash=digest)
