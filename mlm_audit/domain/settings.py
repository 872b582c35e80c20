"""The settings from the environment or `.env` (DOMAIN §§3-5). Names include units; secrets are masked when shown."""

import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import zone


class Settings(BaseSettings):
    """Every setting with its default and its meaning. `mlm-audit settings` prints them."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: SecretStr | None = Field(None, description="The platform's database, as an SQLAlchemy URL")
    timezone: str = Field("Asia/Kolkata", description="Zone of business days, weeks and months")
    plan_file: Path | None = Field(None, description="TOML file of plan versions; the built-in plan when not set")
    runs_dir: Path = Field(Path("runs"), description="Folder of stored runs: reports, CSV, JSON")
    snapshots_dir: Path | None = Field(
        None,
        description="Folder of sealed history, and of the mirror of what the last run read; `snapshots` beside RUNS_DIR when not set",
    )
    full_every_days: int = Field(
        7, ge=1, le=366, description="Days after which a reconciliation reads and compares every row again, not only what changed"
    )
    nightly_from_rows: int = Field(
        1_000_000, ge=0, le=10**12, description="Ledger rows below which every reconciliation reads everything: it takes seconds"
    )
    figures_within_nights: int = Field(
        1,
        ge=1,
        le=31,
        description="Nights within which each part of the history is asked for its counts and sums; 1 asks all, every night",
    )
    seal_after_days: int = Field(
        1, ge=0, le=366, description="Days after its end that a month is sealed by the next reconciliation"
    )
    snapshots_keep_months: int = Field(
        0, ge=0, le=1_200, description="Sealed months whose files are kept, the newest; the log proves the others. 0 keeps all"
    )
    snapshots_max_mb: int = Field(
        0, ge=0, le=10**9, description="Above this the oldest sealed files are let go as well; 0 is no limit"
    )
    evidence_key_file: Path = Field(
        Path("evidence-key.pem"), description="The Ed25519 key that signs evidence packs; keep it secret"
    )
    checks_dir: Path | None = Field(None, description="Folder of your own checks, one .sql file each")
    check_timeout_seconds: int = Field(
        600,
        ge=1,
        le=86_400,
        description="After this one of your own checks is stopped; it counts as not run, the run as incomplete",
    )
    investigate: bool = Field(
        True, description="Whether a reconciliation with breaks leaves an executed notebook beside its report"
    )
    enable_scheduled_jobs: bool = Field(False, description="Must be true for anything to run on schedule")
    correction_max_paisa: int = Field(100, ge=0, le=100, description="Largest wallet drift that is corrected by itself")
    correction_run_cap_paisa: int = Field(10_000, ge=0, le=10_000, description="Most that one run corrects in total")
    alert_breaks: int = Field(10, ge=0, le=10**9, description="More breaks than this alert")
    alert_total_paisa: int = Field(1_000_000, ge=0, le=10**15, description="A larger total discrepancy than this alerts")
    critical_wallet_paisa: int = Field(100_000, ge=0, le=10**15, description="A wallet off by more than this is critical")
    unsupported_critical_paisa: int = Field(
        100_000, ge=0, le=10**15, description="An adjustment or bonus without an authorisation above this amount is critical"
    )
    payout_overdue_days: int = Field(
        8, ge=1, le=36_600, description="Days after its due date that an unpaid instalment is reported as overdue"
    )
    sweep_overdue_days: int = Field(
        3, ge=1, le=36_600, description="Days after a month has ended that its undecided commission is reported as overdue"
    )
    tree_repairs_max: int = Field(
        100_000, ge=0, le=10**9, description="Rows that one tree check repairs; with more to do it repairs none"
    )
    tree_repairs_first_run: bool = Field(
        False, description="Whether the first tree check on a database repairs without being told to (--repair)"
    )
    tree_batch_size: int = Field(
        500, ge=1, le=5_000, description="Members whose closure or flags are repaired in one transaction"
    )
    alert_health_score: int = Field(85, ge=0, le=100, description="A tree health score below this alerts")
    payout_batch_size: int = Field(50, ge=1, le=1_000, description="Instalments paid in one transaction")
    payout_batch_pause_ms: int = Field(10, ge=0, le=60_000, description="Pause after each batch of payouts, in milliseconds")
    payout_limit_per_minute: int = Field(
        60_000, ge=1, le=10**9, description="Most instalments that one run pays within any minute"
    )
    payout_workers: int = Field(1, ge=1, le=32, description="Threads that share a payout run, each with a connection of its own")
    payout_retries: int = Field(3, ge=1, le=100, description="Technical failures after which an instalment is given up")
    hold_days: int = Field(90, ge=1, le=36_600, description="Days that a held payout is looked at again before it is given up")
    payouts_require_reconciliation: Literal["off", "affected", "run"] = Field(
        "affected",
        description="What critical breaks of the last reconciliation hold: the instalments that they concern (affected); "
        "the whole run, also without a recent reconciliation (run); nothing (off)",
    )
    payouts_reconciliation_max_age_hours: int = Field(
        48, ge=1, le=8_760, description="With PAYOUTS_REQUIRE_RECONCILIATION=run: an older reconciliation than this stops the run"
    )
    payout_run_cap_paisa: int = Field(
        1_000_000_000,
        ge=0,
        le=10**15,
        description="A run stops for approval when it, with what was paid that day without approval, is above this",
    )
    payout_median_factor: int = Field(
        3, ge=2, le=1_000_000, description="A run above this many times the usual stops for approval"
    )
    payout_median_runs: int = Field(
        8, ge=3, le=10_000, description="Runs whose median is the usual; the rule waits for that many"
    )
    approver_must_differ: bool = Field(False, description="Whether a run is approved only by another user than started it")
    shards_on: Literal["pool", "threads"] = Field(
        "pool", description="Where the shards of a run are done: on the workers of Prefect's pool, or in threads of the run"
    )
    sweep_batch_size: int = Field(1_000, ge=1, le=5_000, description="Members that the sweep decides in one transaction")
    job_lease_seconds: int = Field(120, ge=2, le=86_400, description="How long a job counts as running after its last heartbeat")
    missed_run_grace_minutes: int = Field(
        60, ge=0, le=10_080, description="How late a job may end well before it counts as missed"
    )
    mail_age_alert_minutes: int = Field(
        120, ge=1, le=527_040, description="A notice that waits for longer than this is a warning"
    )
    disk_free_min_mb: int = Field(1_024, ge=0, le=10**9, description="Less free disk space than this for the runs is a warning")
    dead_mans_switch_url: SecretStr | None = Field(
        None, description="Called after each health ping; who watches it hears when it stops"
    )
    memory_limit_mb: int = Field(
        1_536, ge=64, le=16_777_216, description="Memory for the bulk checks; beyond it they spill to disk"
    )
    threads: int = Field(0, ge=0, le=1_024, description="Processor threads of the bulk checks; 0 takes all")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="What runs the bulk checks over everything")
    spark_master: str = Field("local[*]", description="Where `--engine spark` runs: this machine, or a cluster's master URL")
    spark_files_url: str | None = Field(
        None,
        description="What Spark's workers call the folder of snapshots, such as s3a://bucket/snapshots; its path when not set",
    )
    admin_email: str | None = Field(
        None, description="Where notices to the administrators go: one address, or several separated by commas"
    )
    email_host: str | None = Field(None, description="Mail server; without one, notices are written as .eml files")
    email_port: int = Field(587, ge=1, le=65_535, description="Mail server's port")
    email_user: str | None = Field(None, description="Mail account")
    email_pass: SecretStr | None = Field(None, description="Mail password")
    email_security: Literal["starttls", "tls", "none"] = Field("starttls", description="How the mail connection is encrypted")
    email_timeout_seconds: int = Field(10, ge=1, le=300, description="How long to wait for the mail server")
    email_attempts: int = Field(
        10, ge=1, le=1_000, description="Attempts after which a notice is given up, each later than the one before"
    )
    outbox_dir: Path = Field(Path("outbox"), description="Folder of .eml files when no mail server is set")
    from_email: str | None = Field(None, description="Sender of notices")
    console_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s\"'<>]+$",
        description="Address at which people reach the console; makes links in mails and runs",
    )
    admin_tokens: SecretStr | None = Field(
        None, description="Tokens of the console, name:role:digest each; `mlm-audit token NAME` makes one"
    )
    console_secret: SecretStr | None = Field(
        None, description="Key that signs the console's cookies; without it people log in again after a restart"
    )
    console_calls_per_minute: int = Field(
        240, ge=1, le=10**6, description="Calls to the console that one token, and one address, may make"
    )
    console_refusals_per_minute: int = Field(
        20, ge=1, le=10**6, description="Calls without the right after which an address is turned away for a while"
    )
    console_proxies: str | None = Field(
        None, description="Addresses of reverse proxies whose X-Forwarded-For the console believes"
    )
    console_request_seconds: int = Field(
        10, ge=1, le=300, description="Within this a client must have sent its whole request to the console; else it is cut off"
    )
    console_connections_max: int = Field(
        256, ge=8, le=10_000, description="Most open connections to the console; one more closes the one that stalls longest"
    )
    cron_secret: SecretStr | None = Field(None, description="Bearer secret of an outside scheduler")

    @field_validator("*", mode="before")
    @classmethod
    def _in_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        # Tokens may be on separate lines. Any other value ends up in a header, a path or a log line.
        if isinstance(text, str) and info.field_name != "admin_tokens" and not text.isprintable():
            raise ValueError("it holds a control character, such as the end of a line")
        return value

    @property
    def tz(self) -> ZoneInfo:
        """Return the business time zone."""
        return zone(self.timezone)


def load_settings(**given: Any) -> Settings:
    """Return the settings of this process, overridden by `given`. Raise InputError that names an invalid setting."""
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        where = "what was given with the command" if name in given else "it in the environment or .env"
        raise InputError(f"setting {name.upper()}: {first['msg']}; mend {where}") from error
    except UnicodeDecodeError as error:
        raise InputError("settings: the file .env is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"settings: the file .env cannot be read ({error.strerror}); mend it or take it away") from error
    zone(settings.timezone)
    return settings


def masked(settings: Settings) -> dict[str, str | None]:
    """Return setting → printable value. Secrets and the password inside a URL are replaced with stars."""
    shown: dict[str, str | None] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = mask_url(value.get_secret_value()) if name == "database_url" else "********"
        shown[name.upper()] = None if value is None else str(value)
    return shown


def mask_url(url: str) -> str:
    """Return a database URL with the password and any secret parameters replaced with stars."""
    url = re.sub(r"(://[^:/@]*:).*(@)", r"\1***\2", url)
    return re.sub(r"(?i)((?:password|passwd|pwd|secret|token)=)[^&]*", r"\1***", url)
