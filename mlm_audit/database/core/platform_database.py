"""Opens the databases of a platform: its own, and for a platform that is only read, the one of the toolkit's tables."""

from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.mapped_tables import attach
from mlm_audit.database.core.mapped_writes import writes_for
from mlm_audit.database.core.platform_engines import PLATFORM, STATE, database_key, has_text_keys
from mlm_audit.database.core.upgrade import prepare_state
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import show_currency
from mlm_audit.domain.settings import Settings
from mlm_audit.platforms.mapping import Mapping, mapping_of


def open_platform(settings: Settings, *, create: bool = False, read_only: bool = False) -> Engine:
    """Open the databases of the platform that the settings name, and return the engine of the toolkit's tables.

    With PLATFORM_WRITES, a mapped platform has both in one database.

    Raise InputError when DATABASE_URL is not set, a database cannot be reached, or the mapping does not fit.
    """
    if settings.database_url is None:
        raise InputError("no database is named; set DATABASE_URL in the environment or .env")
    url = settings.database_url.get_secret_value()
    mapping = mapping_of(settings)
    try:
        show_currency("INR" if mapping is None else mapping.currency)
    except ValueError as error:
        raise InputError(f"platform {settings.platform}: {error}") from error
    if mapping is None:
        return open_engine(url, create=create, read_only=read_only)
    if settings.platform_writes:
        return _open_writable(settings, url, mapping, read_only=read_only)
    platform = open_engine(url, read_only=True)
    try:
        attach(platform, mapping)
        state = _open_state(settings, platform)
    except InputError:
        platform.dispose()
        raise
    state.update_execution_options(**{PLATFORM: platform})
    platform.update_execution_options(**{STATE: state})
    event.listen(state, "engine_disposed", lambda _engine: platform.dispose())
    return state


def _open_writable(settings: Settings, url: str, mapping: Mapping, *, read_only: bool) -> Engine:
    """Open a mapped platform that may be written. The toolkit's tables are in the same database."""
    if mapping.operate is None:
        raise InputError(
            f"PLATFORM_WRITES: the mapping {mapping.name} has no section [operate], so nothing may be written; add it, or "
            "unset PLATFORM_WRITES"
        )
    if settings.state_database_url is not None:
        raise InputError(
            "STATE_DATABASE_URL: with PLATFORM_WRITES the toolkit's tables are in the platform's database, so that money and "
            "its record are written together; unset one of the two"
        )
    engine = open_engine(url, read_only=read_only)
    try:
        attach(engine, mapping)
        _refuse_text_keys(engine)
        engine.dialect.mlm_writes = writes_for(engine, mapping)  # type: ignore[attr-defined]
    except InputError:
        engine.dispose()
        raise
    return engine


def _refuse_text_keys(engine: Engine) -> None:
    if has_text_keys(engine.dialect):
        raise InputError(
            "PLATFORM_WRITES: the rows of this platform are named by texts, which the jobs cannot write yet; unset it"
        )


def _open_state(settings: Settings, platform: Engine) -> Engine:
    given = settings.state_database_url
    if given is None:
        file = state_file(settings, platform)
        file.parent.mkdir(parents=True, exist_ok=True)
        state = open_engine(f"sqlite:///{file}", create=True)
    else:
        state = open_engine(given.get_secret_value())
        if _place(state) == _place(platform):
            state.dispose()
            raise InputError(
                "STATE_DATABASE_URL is the platform's own database, which is only read; name another database, or unset it "
                "to use a file beside RUNS_DIR"
            )
    prepare_state(state)
    return state


def state_file(settings: Settings, platform: Engine) -> Path:
    """Return the file of the toolkit's tables for one platform's database, beside RUNS_DIR."""
    return settings.runs_dir.absolute().parent / "state" / f"{database_key(platform)}.db"


def _place(engine: Engine) -> tuple[object, ...]:
    url = make_url(engine.url)
    return url.get_backend_name(), url.host, url.port, url.database
