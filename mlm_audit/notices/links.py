"""Links to a run's report in the console."""

from collections.abc import Mapping
from urllib.parse import quote

from mlm_audit.domain.settings import Settings


def report_url(settings: Settings, job_id: str, reports: Mapping[str, str]) -> str | None:
    """Return the console URL of a run's report, or of its items if it has no report.

    Return None when there is neither, or when CONSOLE_URL is not set.
    """
    name = "report.html" if "html" in reports else "items.csv" if "csv" in reports else None
    if settings.console_url is None or name is None:
        return None
    return f"{settings.console_url.rstrip('/')}/reports/{quote(job_id)}/{name}"
