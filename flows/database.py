"""Opens the platform's database for the flows."""

from sqlalchemy import Engine

from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings


def open_database(settings: Settings) -> Engine:
    """Open the platform's database. Raise InputError when DATABASE_URL is not set."""
    if settings.database_url is None:
        raise InputError("no database is configured; set DATABASE_URL in the worker's environment")
    return open_platform(settings)
