"""Rendering: templates from `reports/`, everything escaped, one file that loads nothing."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mlm_audit.domain.money import grouped
from mlm_audit.reporting.report import ReportData
from mlm_audit.reporting.tree_report import TreeReport


def templates_dir() -> Path:
    """`reports/`: inside the package in a wheel, beside it in a checkout."""
    packaged = Path(__file__).parent / "templates"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "reports"


def render(data: ReportData | TreeReport) -> str:
    """The report as one HTML page."""
    folder = templates_dir()
    environment = Environment(
        # Escaping is on for everything but .txt.j2; select_autoescape would miss .html.j2.
        loader=FileSystemLoader(folder),
        autoescape=lambda name: name is None or not name.endswith(".txt.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = grouped
    style = (folder / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = "tree-health.html.j2" if isinstance(data, TreeReport) else "reconciliation.html.j2"
    return environment.get_template(template).render(r=data, style=style, style_hash=f"sha256-{digest}")
