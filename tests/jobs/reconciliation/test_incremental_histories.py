"""A night that reads only what changed finds what a full run finds: on random histories with late rows, slipped clocks and kills."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.upgrade import init
from mlm_audit.demo.faults import FAULTS, inject
from mlm_audit.demo.write import write_platform
from mlm_audit.domain.errors import InputError, JobFailedError
from mlm_audit.domain.settings import Settings
from mlm_audit.engine.incremental.mirror import Mirror
from mlm_audit.history import run_history
from mlm_audit.jobs.reconciliation import incremental, reading, run
from mlm_audit.jobs.reconciliation.run import ReconciliationOutcome, reconcile
from tests.conftest import clean_platform, clock_at
from tests.support.histories import History, after

KINDS = 4
COLUMNS = ["id", "severity", "member_id", "order_id", "amount_paisa", "cause", "evidence", "message"]


class KilledError(Exception):
    """What a kill looks like from inside."""


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A platform with a few of many kinds of fault, as a file; made once for each of a few seeds."""
    folder = tmp_path_factory.mktemp("templates")

    def template(kind: int) -> Path:
        path = folder / f"{kind}.db"
        if not path.exists():
            platform = clean_platform(members=90, seed=kind, months=4).copy()
            rng = random.Random(kind)
            chosen = rng.sample(sorted(FAULTS), 12) if kind else []
            inject(platform, dict.fromkeys(chosen, 1), FAULTS, seed=kind, exact=False)
            engine = open_engine(f"sqlite:///{path}", create=True)
            init(engine)
            write_platform(engine, platform)
            engine.dispose()
        return path

    return template


@pytest.fixture
def _slices_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "WHOLE_FROM_SHARE", 0)


def nights(seed: int, templates: Callable[[int], Path], folder: Path, least: int = 5, most: int = 5) -> int:
    """Live through one history of so many nights; how many of them read only what changed."""
    rng = random.Random(seed)
    folder.mkdir()
    history = History(templates(seed % KINDS), folder, seed)
    database = open_engine(f"sqlite:///{history.platform}")
    settings = Settings(
        database_url=None, runs_dir=folder / "runs", investigate=False, nightly_from_rows=0, full_every_days=rng.choice((20, 366, 366)),
        seal_after_days=rng.choice((1, 366)),
    )  # fmt: skip
    day, short = rng.uniform(0.5, 0.9), 0
    now = history.instant(0).replace(tzinfo=UTC)
    try:
        for number in range(rng.randint(least, most)):
            moment = history.instant(day).replace(tzinfo=UTC)
            history.show(moment)
            now = after(max(moment, now), rng)
            whole = reconcile(database, settings, clock_at(now), full=True, dry_run=True)
            outcome, was_short = _night(database, settings, now, rng, may_be_killed=number > 0)
            if outcome is not None:
                _same(outcome, whole, f"history {seed}, night {number}: {history.told}")
                short += was_short
            day = min(1.05, day + rng.choice((0.001, 0.003, 0.01, 0.05)))
            history.meddle(rng.choice((0, 1, 3, 10)))
    finally:
        history.close()
        database.dispose()
    return short


def _night(
    database: Any, settings: Settings, now: datetime, rng: random.Random, *, may_be_killed: bool
) -> tuple[ReconciliationOutcome | None, bool]:
    """One stored run, perhaps killed on the way; whether it read only what changed."""
    seen: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        read = reading.InputReader.read

        def watched(self: Any, *given: Any, is_incremental: bool) -> Any:
            seen.append(is_incremental)
            return read(self, *given, is_incremental=is_incremental)

        patch.setattr(reading.InputReader, "read", watched)
        if may_be_killed and rng.random() < 0.3:
            _kill(patch, rng)
        try:
            return reconcile(database, settings, lambda: now), seen[-1]
        except JobFailedError as error:
            assert "KilledError" in str(error)  # noqa: PT017
        except InputError as error:
            assert "clock has gone backwards" in str(error)  # noqa: PT017
        return None, False


def _kill(patch: pytest.MonkeyPatch, rng: random.Random) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    owner, name = rng.choice(
        [(Mirror, "settle"), (Mirror, "keep_only"), (run, "store_reconciliation"), (run_history, "seal_closed")]
    )
    real = getattr(owner, name)

    def afterwards(*given: Any, **named: Any) -> None:
        real(*given, **named)
        raise KilledError

    patch.setattr(owner, name, rng.choice((killed, afterwards)))


def _same(night: ReconciliationOutcome, whole: ReconciliationOutcome, told: str) -> None:
    mine, theirs = (one.breaks.select(COLUMNS).sort("id") for one in (night, whole))
    try:
        assert_frame_equal(mine, theirs)
    except AssertionError as error:
        only = pl.concat([mine.join(theirs, on=COLUMNS, how="anti", nulls_equal=True).with_columns(pl.lit("night").alias("by")),
                          theirs.join(mine, on=COLUMNS, how="anti", nulls_equal=True).with_columns(pl.lit("full").alias("by"))])  # fmt: skip
        raise AssertionError(f"{told}: {only.to_dicts()}") from error
    assert night.result.bridge == whole.result.bridge, told
    checks = [[(check.code, check.status, check.breaks) for check in one.result.checks] for one in (night, whole)]
    assert checks[0] == checks[1], f"{told}: {set(checks[0]) ^ set(checks[1])}"
    same = ("users_checked", "discrepancies_found", "total_discrepancy_paisa", "accuracy", "residual_paisa")
    assert all(getattr(night.result.counts, key) == getattr(whole.result.counts, key) for key in same), told
    assert night.result.rows_read["ledger"] == whole.result.rows_read["ledger"], told


@pytest.mark.slow
@pytest.mark.usefixtures("_slices_always")
@pytest.mark.sample(1 / 2)
@pytest.mark.parametrize("part", range(4))
def test_a_night_finds_what_a_full_run_finds(
    part: int, templates: Callable[[int], Path], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    short = [nights(seed, templates, tmp_path / str(seed)) for seed in range(part * 2, part * 2 + 2)]
    assert sum(short) >= len(short)
    record_property(
        "seen", f"nights like full runs: {len(short)} histories, {sum(short)} nights that read only what changed"
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("_slices_always")
@pytest.mark.parametrize("part", range(20))
def test_a_thousand_histories(
    part: int, templates: Callable[[int], Path], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    short = [nights(seed, templates, tmp_path / str(seed), 3, 4) for seed in range(part * 50, part * 50 + 50)]
    assert sum(short) >= len(short)
    record_property(
        "seen", f"nights like full runs: {len(short)} histories, {sum(short)} nights that read only what changed"
    )
