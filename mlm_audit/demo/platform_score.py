"""The score of the shipped mappings: each kind of fault that a platform can hold is found through its mapping."""

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from mlm_audit.database.core.connect import open_engine
from mlm_audit.database.core.platform_database import open_platform
from mlm_audit.demo.books import build_platform
from mlm_audit.demo.faults import ALL_FAULTS, TREE_FAULTS, inject
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.schemas.catalogue import SCHEMAS, write_as
from mlm_audit.demo.world import DemoSpec
from mlm_audit.domain.plan import load_plan
from mlm_audit.domain.settings import Settings
from mlm_audit.jobs.reconciliation.run import reconcile
from mlm_audit.jobs.trees.run import check_tree_health

MEMBERS, PLACES = 300, 2
CLEAN = "(clean)"


@dataclass(frozen=True)
class PlatformScore:
    """The score of one kind of fault on one platform.

    `found` of the `places` were found by the expected check, and `unrelated` breaks are of checks that this kind of
    fault does not concern.
    """

    platform: str
    fault: str
    places: int
    found: int
    unrelated: int


def platform_scorecard(seed: int = 1, names: Sequence[str] = tuple(SCHEMAS), share: float = 1.0) -> list[PlatformScore]:
    """Score the clean data of each platform, then each kind of fault alone, or a share of the kinds.

    Each platform has a process of its own, because a process shows amounts in one currency.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(names), mp_context=context, max_tasks_per_child=1) as pool:
        scores = [pool.submit(_scores_of, name, seed, share) for name in names]
        return [score for one in scores for score in one.result()]


def _scores_of(name: str, seed: int, share: float) -> list[PlatformScore]:
    schema, settings = SCHEMAS[name], Settings(database_url=None)
    spec = DemoSpec(members=MEMBERS, seed=seed)
    clean = schema.build(spec, settings.tz) if schema.build else build_platform(spec, load_plan(), settings.tz)
    codes = schema.faults[:: max(1, round(1 / share))]
    return [_score(name, clean, None, seed), *(_score(name, clean, code, seed) for code in codes)]


def _score(name: str, clean: Platform, code: str | None, seed: int) -> PlatformScore:
    made, schema = clean.copy(), SCHEMAS[name]
    if code is None:
        found = _found(name, made, of_trees=False)
        return PlatformScore(name, CLEAN, 0, 0, sum(found.values()) - sum(found[one] for one in schema.peculiar))
    fault = ALL_FAULTS[code]
    truths = inject(made, {code: min(PLACES, fault.most or PLACES)}, ALL_FAULTS, seed)
    found = _found(name, made, of_trees=code in TREE_FAULTS)
    related = {fault.found_by, *schema.peculiar, *(one for truth in truths for one in truth.also)}
    unrelated = sum(count for one, count in found.items() if one not in related)
    return PlatformScore(name, code, len(truths), min(len(truths), found[fault.found_by]), unrelated)


def _found(name: str, made: Platform, *, of_trees: bool) -> Counter[str]:
    """Return how many breaks each check finds through the mapping of the platform."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/platform.db"
        engine = open_engine(url, create=True)
        write_as(name, engine, made)
        engine.dispose()
        settings = Settings(
            database_url=SecretStr(url), platform=name, runs_dir=Path(folder) / "runs", seal_after_days=366, threads=1
        )
        database = open_platform(settings)
        try:
            if of_trees:
                result = check_tree_health(database, settings, lambda: made.end, dry_run=True)
            else:
                result = reconcile(database, settings, lambda: made.end, dry_run=True).result
        finally:
            database.dispose()
    return Counter(one.code for one in result.findings)
