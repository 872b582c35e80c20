"""The settings from the environment or `.env`. Names include units; secrets are masked when shown."""

import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import DEFAULT_PLAN

STANDARD_PLATFORM = "standard"
"""The platform whose tables the toolkit knows without a mapping."""
PLATFORM_FILES = Path(__file__).parents[1] / "platforms" / "shipped"
"""The folder of the mappings that the package contains. A mapping `x.toml` may have its plan in `x.plan.toml`."""


def platform_file(name_or_file: str) -> Path:
    """Return the file of a mapping: of a shipped one by its name, or a path that ends in `.toml`."""
    return Path(name_or_file) if name_or_file.endswith(".toml") else PLATFORM_FILES / f"{name_or_file}.toml"


class Settings(BaseSettings):
    """Every setting with its default and its meaning. `mlm-audit settings` prints them."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: SecretStr | None = Field(None, description="The platform's database, as an SQLAlchemy URL")
    platform: str = Field(
        STANDARD_PLATFORM,
        description="The platform's mapping: the name of a shipped mapping, or a file that ends in .toml",
    )
    state_database_url: SecretStr | None = Field(
        None,
        description="Database of the toolkit's own tables on a platform that is only read; when it is not set, a SQLite "
        "file beside RUNS_DIR",
    )
    platform_writes: bool = Field(
        default=False,
        description="Whether the jobs may write what [operate] of the platform's mapping names; the toolkit's own tables are "
        "then in the platform's database",
    )
    timezone: str = Field("Asia/Kolkata", description="Time zone of business days, weeks and months")
    plan_file: Path | None = Field(
        None, description="TOML file with the plan versions; when it is not set, the built-in plan is used"
    )
    runs_dir: Path = Field(Path("runs"), description="Folder of stored runs: reports, CSV and JSON files")
    snapshots_dir: Path | None = Field(
        None,
        description="Folder of the sealed history and of the copy of the rows that the last run read; `snapshots` "
        "beside RUNS_DIR when not set",
    )
    full_every_days: int = Field(
        7,
        ge=1,
        le=366,
        description="Days after which a reconciliation is a full run again, which reads and compares every row",
    )
    nightly_from_rows: int = Field(
        1_000_000,
        ge=0,
        le=10**12,
        description="Minimum number of ledger rows for incremental reconciliations; with fewer rows, every "
        "reconciliation is a full run",
    )
    figures_within_nights: int = Field(
        1,
        ge=1,
        le=31,
        description="Number of incremental runs within which the counts and sums of every part of the history are "
        "read; 1 reads all of them in every run",
    )
    seal_after_days: int = Field(
        1, ge=0, le=366, description="Days after the end of a month until a reconciliation seals the month"
    )
    snapshots_keep_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="Number of sealed months whose files are kept, newest first; the log proves the other "
        "months. 0 keeps all files",
    )
    snapshots_max_mb: int = Field(
        0,
        ge=0,
        le=10**9,
        description="Maximum total size of the sealed files; above it, the oldest files are deleted as well. 0 means no limit",
    )
    evidence_key_file: Path = Field(
        Path("evidence-key.pem"), description="File with the Ed25519 key that signs evidence packs; keep it secret"
    )
    checks_dir: Path | None = Field(None, description="Folder of your own checks, with one .sql file for each check")
    check_timeout_seconds: int = Field(
        600,
        ge=1,
        le=86_400,
        description="Time limit for each of your own checks; a check that exceeds it is stopped and counts as not "
        "run, and the run is incomplete",
    )
    investigate: bool = Field(
        True, description="Whether a reconciliation with breaks writes an executed notebook beside its report"
    )
    enable_scheduled_jobs: bool = Field(
        False, description="Whether jobs run on schedule; when it is not true, jobs run only on request"
    )
    correction_max_paisa: int = Field(
        100, ge=0, le=100, description="Largest wallet difference that a reconciliation corrects automatically"
    )
    correction_run_cap_paisa: int = Field(
        10_000, ge=0, le=10_000, description="Maximum total of the corrections of one run"
    )
    alert_breaks: int = Field(10, ge=0, le=10**9, description="Number of breaks above which an alert is sent")
    alert_total_paisa: int = Field(
        1_000_000, ge=0, le=10**15, description="Total discrepancy above which an alert is sent"
    )
    critical_wallet_paisa: int = Field(
        100_000, ge=0, le=10**15, description="Wallet difference above which a break is critical"
    )
    unsupported_critical_paisa: int = Field(
        100_000,
        ge=0,
        le=10**15,
        description="Amount above which an adjustment or bonus without an authorisation is critical",
    )
    payout_overdue_days: int = Field(
        8, ge=1, le=36_600, description="Days after the due date until an unpaid instalment is reported as overdue"
    )
    sweep_overdue_days: int = Field(
        3,
        ge=1,
        le=36_600,
        description="Days after the end of a month until its undecided commission is reported as overdue",
    )
    tree_repairs_max: int = Field(
        100_000,
        ge=0,
        le=10**9,
        description="Maximum number of rows that one tree check repairs; if more rows need repair, it repairs none",
    )
    tree_repairs_first_run: bool = Field(
        False, description="Whether the first tree check on a database repairs without the option --repair"
    )
    tree_batch_size: int = Field(
        500, ge=1, le=5_000, description="Members whose closure or flags are repaired in one transaction"
    )
    alert_health_score: int = Field(85, ge=0, le=100, description="Tree health score below which an alert is sent")
    payout_batch_size: int = Field(
        50, ge=1, le=1_000, description="Number of instalments that are paid in one transaction"
    )
    payout_batch_pause_ms: int = Field(
        10, ge=0, le=60_000, description="Pause after each batch of payouts, in milliseconds"
    )
    payout_limit_per_minute: int = Field(
        60_000, ge=1, le=10**9, description="Maximum number of instalments that one run pays within any minute"
    )
    payout_workers: int = Field(
        1, ge=1, le=32, description="Number of threads of a payout run, each with its own database connection"
    )
    payout_retries: int = Field(
        3, ge=1, le=100, description="Number of technical failures after which an instalment is given up"
    )
    hold_days: int = Field(
        90, ge=1, le=36_600, description="Days for which a held payout is reviewed again before it is given up"
    )
    payouts_require_reconciliation: Literal["off", "affected", "run"] = Field(
        "affected",
        description="What critical breaks of the last reconciliation put on hold: the affected instalments "
        "(affected); the whole run, which also requires a recent reconciliation (run); nothing (off)",
    )
    payouts_reconciliation_max_age_hours: int = Field(
        48,
        ge=1,
        le=8_760,
        description="Maximum age of the last reconciliation when PAYOUTS_REQUIRE_RECONCILIATION=run; an older one "
        "stops the payout run",
    )
    payout_run_cap_paisa: int = Field(
        1_000_000_000,
        ge=0,
        le=10**15,
        description="Total above which a run stops for approval; amounts paid on the same day without approval count towards it",
    )
    payout_median_factor: int = Field(
        3, ge=2, le=1_000_000, description="A run that exceeds this multiple of the median run stops for approval"
    )
    payout_median_runs: int = Field(
        8,
        ge=3,
        le=10_000,
        description="Number of recent runs from which the median is calculated; with fewer runs, the median rule does not apply",
    )
    approver_must_differ: bool = Field(
        False, description="Whether a run must be approved by a user other than the one who started it"
    )
    shards_on: Literal["pool", "threads"] = Field(
        "pool",
        description="Where the shards of a run are processed: by the workers of Prefect's pool, or in threads of the run",
    )
    sweep_batch_size: int = Field(
        1_000, ge=1, le=5_000, description="Number of members that the sweep decides in one transaction"
    )
    job_lease_seconds: int = Field(
        120, ge=2, le=86_400, description="How long a job counts as running after its last heartbeat"
    )
    missed_run_grace_minutes: int = Field(
        60,
        ge=0,
        le=10_080,
        description="How long after its due time a job may end successfully before it counts as missed",
    )
    mail_age_alert_minutes: int = Field(
        120, ge=1, le=527_040, description="Waiting time of a notice above which the health ping reports a warning"
    )
    disk_free_min_mb: int = Field(
        1_024, ge=0, le=10**9, description="Free disk space in RUNS_DIR below which the health ping reports a warning"
    )
    dead_mans_switch_url: SecretStr | None = Field(
        None,
        description="URL that is called after each health ping; an external monitor can raise an alarm when the calls stop",
    )
    memory_limit_mb: int = Field(
        1_536,
        ge=64,
        le=16_777_216,
        description="Memory limit of the bulk checks; beyond it, they use temporary files on disk",
    )
    threads: int = Field(0, ge=0, le=1_024, description="Number of processor threads of the bulk checks; 0 uses all")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="Engine that runs the bulk checks of a full run")
    spark_master: str = Field(
        "local[*]", description="Where `--engine spark` runs: on this machine, or on a cluster, given by its master URL"
    )
    spark_files_url: str | None = Field(
        None,
        description="URL at which Spark's workers read the folder of snapshots, such as s3a://bucket/snapshots; its "
        "path when not set",
    )
    admin_email: str | None = Field(
        None, description="Recipients of the administrators' notices: one address, or several separated by commas"
    )
    email_host: str | None = Field(None, description="Mail server; without one, notices are written as .eml files")
    email_port: int = Field(587, ge=1, le=65_535, description="Port of the mail server")
    email_user: str | None = Field(None, description="User name of the mail account")
    email_pass: SecretStr | None = Field(None, description="Password of the mail account")
    email_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="Encryption of the connection to the mail server"
    )
    email_timeout_seconds: int = Field(10, ge=1, le=300, description="Timeout for the mail server")
    email_attempts: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Number of attempts after which a notice is given up; the delay between attempts grows",
    )
    outbox_dir: Path = Field(Path("outbox"), description="Folder of .eml files when no mail server is set")
    from_email: str | None = Field(None, description="Sender address of notices")
    console_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s\"'<>]+$",
        description="Address at which users reach the console; used for links in mails and runs",
    )
    admin_tokens: SecretStr | None = Field(
        None, description="Tokens of the console, each as name:role:digest; `mlm-audit token NAME` creates one"
    )
    console_secret: SecretStr | None = Field(
        None, description="Key that signs the console's cookies; without it, users must log in again after a restart"
    )
    console_calls_per_minute: int = Field(
        240,
        ge=1,
        le=10**6,
        description="Maximum number of requests to the console from one token, and from one address",
    )
    console_refusals_per_minute: int = Field(
        20, ge=1, le=10**6, description="Number of unauthorised requests after which an address is blocked temporarily"
    )
    console_proxies: str | None = Field(
        None, description="Addresses of reverse proxies whose X-Forwarded-For header the console trusts"
    )
    console_request_seconds: int = Field(
        10,
        ge=1,
        le=300,
        description="Time within which a client must send its whole request to the console; a slower connection is closed",
    )
    console_connections_max: int = Field(
        256,
        ge=8,
        le=10_000,
        description="Maximum number of open connections to the console; one more closes the connection that has waited longest",
    )
    cron_secret: SecretStr | None = Field(None, description="Bearer secret of an external scheduler")

    @field_validator("*", mode="before")
    @classmethod
    def _in_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        # Tokens may be on separate lines. Any other value ends up in a header, a path or a log line.
        if isinstance(text, str) and info.field_name != "admin_tokens" and not text.isprintable():
            raise ValueError("the value contains a control character, such as a line break")
        return value

    @property
    def plan_path(self) -> Path:
        """Return the file with the plan: PLAN_FILE, or else the one beside the mapping, or else the built-in plan."""
        beside = platform_file(self.platform).with_suffix(".plan.toml")
        return self.plan_file or (beside if beside.is_file() else DEFAULT_PLAN)

    @property
    def history_dir(self) -> Path:
        """Return the folder of the sealed history: SNAPSHOTS_DIR, or else `snapshots` beside RUNS_DIR."""
        return self.snapshots_dir or self.runs_dir.parent / "snapshots"

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
        where = "the value given with the command" if name in given else "it in the environment or in .env"
        raise InputError(f"setting {name.upper()}: {first['msg']}; correct {where}") from error
    except UnicodeDecodeError as error:
        raise InputError("settings: the file .env is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"settings: the file .env cannot be read ({error.strerror}); make it readable or remove it"
        ) from error
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
