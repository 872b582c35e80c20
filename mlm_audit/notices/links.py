"""Where people find a run's report in the console."""

from collections.abc import Mapping
from urllib.parse import quote

from mlm_audit.domain.settings import Settings


def report_url(settings: Settings, job_id: str, reports: Mapping[str, str]) -> str | None:
    """The console's address of a run's report, or of its items where it has none; None while CONSOLE_URL is not set."""
    name = "report.html" if "html" in reports else "items.csv" if "csv" in reports else None
    if settings.console_url is None or name is None:
        return None
    return f"{settings.console_url.rstrip('/')}/reports/{quote(job_id)}/{name}"
