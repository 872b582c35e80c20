"""Any sequence of orders, payouts, retries, sweeps, KYC changes, blocks, requeues and days keeps the books right."""

import shutil
import tempfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select, update

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.own_tables import EligibilityLog, SelfPayoutSchedule
from mlm_audit.database.core.tables import User
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Finding, Verdict
from mlm_audit.jobs.payouts.explanation import requeue
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import settings_for
from tests.support import sample
from tests.support.books import assert_laws, books
from tests.support.running import run_job
from tests.support.shop import Shop
from tests.support.shop_fixtures import fill_shop


@cache
def template() -> bytes:
    """A small shop as the bytes of its file, made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/shop.db", create=True)
        fill_shop(engine, members=5)
        engine.dispose()
        return Path(folder, "shop.db").read_bytes()


class Platform(RuleBasedStateMachine):
    """A shop and its jobs; every job is run twice, and the second time must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mlm-audit-state-"))
        (self.folder / "shop.db").write_bytes(template())
        self.engine = open_engine(f"sqlite:///{self.folder / 'shop.db'}")
        self.shop = Shop(self.engine)
        self.now = datetime(2026, 10, 28, 12, 0, tzinfo=UTC)
        self.members = 5
        self.approved_for_a_time: set[int] = set()
        self.settings = settings_for().model_copy(
            update={
                "payout_batch_size": 3,
                "payout_batch_pause_ms": 0,
                "sweep_batch_size": 2,
                "payout_median_factor": 1_000_000,
                "hold_days": 20,
                "outbox_dir": self.folder / "outbox",
                "runs_dir": self.folder / "runs",
            }
        )

    def teardown(self) -> None:
        try:
            result = reconcile(self.engine, self.settings, lambda: self.now, dry_run=True).result
            assert (result.verdict is Verdict.PASS) == (not result.findings)
            assert [one for one in result.findings if not self._qualified_for_a_time(one)] == []
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)

    def _qualified_for_a_time(self, one: Finding) -> bool:
        """Return whether a finding asks about a member whose KYC was approved for a time. Flags have no history."""
        asks = one.cause in {"paid-while-held", "eligibility-kyc"}
        return asks and one.member_id in self.approved_for_a_time

    def _twice(self, job: object) -> None:
        job()  # type: ignore[operator]
        before = books(self.engine, exact=True)
        # At the same moment: an instalment may fall due within the next second.
        job()  # type: ignore[operator]
        assert books(self.engine, exact=True) == before, "a rerun is a no-op"

    @rule(hours=st.integers(1, 12 * 24))
    def clock_advances(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(member=st.integers(1, 30), total=st.integers(100, 200_000), share=st.integers(0, 40))
    def order(self, member: int, total: int, share: int) -> None:
        self.now += timedelta(minutes=1)
        self.shop.buy((member - 1) % self.members + 1, total, total * share // 100, self.now)

    @precondition(lambda self: self.members < 14)
    @rule(sponsor=st.integers(1, 30), total=st.integers(20_000, 200_000))
    def join(self, sponsor: int, total: int) -> None:
        self.now += timedelta(minutes=1)
        number = self.shop.join(self.now, sponsor=(sponsor - 1) % self.members + 1)
        self.members += 1
        self.shop.buy(number, total, total * 3 // 10, self.now + timedelta(seconds=1))

    @rule(member=st.integers(1, 30), approved=st.booleans())
    def kyc_changes(self, member: int, approved: bool) -> None:
        self._set(member, is_kyc_approved=approved)
        if approved:
            self.approved_for_a_time.add((member - 1) % self.members + 1)

    @rule(member=st.integers(2, 30))
    def block(self, member: int) -> None:
        self._set(member, is_blocked=True)

    def _set(self, member: int, **values: bool) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(User).where(User.id == (member - 1) % self.members + 1).values(**values))

    @rule(limit=st.one_of(st.none(), st.integers(1, 5)))
    def weekly_payouts(self, limit: int | None) -> None:
        if limit is None:
            self._twice(lambda: run_job("weekly-payouts", self.engine, self.settings, lambda: self.now))
        else:
            run_job("weekly-payouts", self.engine, self.settings, lambda: self.now, limit=limit)

    @rule()
    def retry(self) -> None:
        self._twice(lambda: run_job("retry-failed-payouts", self.engine, self.settings, lambda: self.now))

    @rule()
    def sweep(self) -> None:
        # A month in which nobody bought is refused; any other error is a failure.
        with suppress(InputError):
            self._twice(lambda: run_job("monthly-eligibility-sweep", self.engine, self.settings, lambda: self.now))

    @rule(pick=st.integers(0, 50))
    def requeue(self, pick: int) -> None:
        with self.engine.connect() as connection:
            failed = SelfPayoutSchedule.status.in_(("failed", "permanently_failed"))
            ids = connection.execute(select(SelfPayoutSchedule.id).where(failed)).scalars().all()
        if ids:
            requeue(self.engine, self.settings, [ids[pick % len(ids)]], lambda: self.now)

    @invariant()
    def laws_hold(self) -> None:
        assert_laws(self.engine)

    @invariant()
    def a_decided_month_stays_decided(self) -> None:
        with self.engine.connect() as connection:
            columns = EligibilityLog.user_id, EligibilityLog.year, EligibilityLog.month, EligibilityLog.is_eligible
            now = {tuple(row[:3]): row[3] for row in connection.execute(select(*columns))}
        before = getattr(self, "decided", {})
        assert {key: now.get(key) for key in before} == before
        self.decided = now


Platform.TestCase.settings = settings(
    max_examples=sample.examples(30),
    stateful_step_count=18,
    deadline=None,
    derandomize=sample.seed() == sample.WHOLE,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestAnySequence = pytest.mark.slow(seed(zlib.crc32(sample.seed().encode()))(Platform.TestCase))


def test_a_member_who_qualified_for_a_day_only_is_asked_about() -> None:
    """The weekly run takes no held instalments, so it may lawfully pay a later one first. The books cannot tell."""
    platform = Platform()
    platform.join(sponsor=1, total=100_000)
    member = platform.members
    platform.kyc_changes(member, approved=False)
    platform.clock_advances(hours=8 * 24)
    platform.weekly_payouts(limit=None)
    platform.clock_advances(hours=7 * 24)
    platform.kyc_changes(member, approved=True)
    platform.weekly_payouts(limit=None)
    platform.kyc_changes(member, approved=False)
    result = reconcile(platform.engine, platform.settings, lambda: platform.now, dry_run=True).result
    assert [(one.cause, one.member_id, one.severity) for one in result.findings] == [
        ("paid-while-held", member, "medium")
    ]
    platform.teardown()
