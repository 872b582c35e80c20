"""The mutation scorecard: a sample here, everything by `make coverage` and `pytest -m thorough`."""

from dataclasses import replace

import numpy as np
import pytest

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.checks.causes import CAUSES
from mlm_audit.demo.mutations.blind_spots import BlindSpot, blind_spots
from mlm_audit.demo.mutations.case import Case, Consistency, cases, sample
from mlm_audit.demo.mutations.clean import clean_platform
from mlm_audit.demo.mutations.coverage import MutationScorecard, build_scorecard
from mlm_audit.demo.mutations.coverage_page import determined
from mlm_audit.demo.mutations.row_kinds import ROW, columns, with_kinds
from mlm_audit.demo.mutations.trial import Batch, TrialOutcome, outcomes, scorecard, trial
from mlm_audit.demo.mutations.true_causes import _TRUE
from mlm_audit.demo.platform import Platform
from mlm_audit.demo.scorecard import audit
from mlm_audit.domain.inputs import INPUTS

MEMBERS, SEED = 1_200, 1
PLAIN = Consistency.PLAIN


@pytest.fixture(scope="module")
def clean() -> Platform:
    return clean_platform(MEMBERS, SEED)


@pytest.mark.slow
def test_the_clean_platform_has_no_break(clean: Platform) -> None:
    assert audit(clean).height == 0


def _remedies_close(result: MutationScorecard) -> None:
    """Most of them at once, and none of them pays anybody twice or moves the wallet of somebody else."""
    remedies, closed = (sum(getattr(line, name) for line in result.lines.values()) for name in ("remedies", "closed"))
    assert closed >= 0.95 * remedies > 80, [f"{case}: {faults}" for case, faults in result.left_open]
    assert [fault for _, faults in result.left_open for fault in faults if " again" in fault] == []


@pytest.mark.slow
def test_a_sample_of_the_mutations_is_found_or_declared(clean: Platform) -> None:
    narrow = [
        case
        for case in cases(clean)
        if case.table not in ("users", "matrix_nodes", "hierarchy", "monthly_stats", "orders")
    ]
    result = build_scorecard(trial(clean, sample(narrow, 0.1, seed=3), seed=3))
    assert sum(line.tried for line in result.lines.values()) > 150
    assert [str(case) for case in result.missed] == []
    assert list(result.stale) == []
    assert list(result.miscaused) == []
    _remedies_close(result)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
def test_every_mutation_is_found_or_declared(seed: int) -> None:
    result = build_scorecard(scorecard(MEMBERS, seed, 1.0))
    assert [str(case) for case in result.missed] == []
    assert list(result.stale) == []
    assert list(result.miscaused) == []
    _remedies_close(result)
    found = {(code, f"{table}.{column}") for (table, column), line in result.lines.items() for code in line.checks}
    stated = {(check.code, column) for check in load_checks() for column in check.determines}
    assert stated - found == set(), "what a check says it determines, and no mutation of it was found by that check"


def test_every_column_is_determined_or_declared() -> None:
    """A blind spot of some rows counts only for the columns that it names; otherwise it would excuse the whole table."""
    checks = determined()
    open_ = [
        name
        for table, spec in INPUTS.items()
        for column in (ROW, *spec.columns)
        if not checks[name := f"{table}.{column}"]
        and not any(
            spot.concerns(table, column) and (not spot.rows or column in spot.columns) for spot in blind_spots()
        )
    ]
    assert open_ == []


def test_declarations_name_what_there_is(clean: Platform) -> None:
    everything = cases(clean)
    idle = [spot for spot in blind_spots() if not any(spot.covers(case) for case in everything)]
    assert idle == []
    for spot in blind_spots():
        mine = [case for case in everything if case.table == spot.table]
        assert set(spot.rows) <= {case.row_kind for case in mine}
        assert set(spot.columns) <= {case.column for case in mine}
        assert set(spot.mutations) <= {case.mutation for case in mine}
        assert set(spot.consistencies) <= set(Consistency)


def test_true_causes_are_causes_and_match_cases(clean: Platform) -> None:
    everything = cases(clean)
    for table, row_kind, column, mutation, consistency, causes in _TRUE:
        assert causes <= set(CAUSES), (table, column, mutation)
        pattern = (table, row_kind, column, mutation, consistency)
        assert any(
            all(wanted in ("*", value) for wanted, value in zip(pattern, _names(case), strict=True))
            for case in everything
        ), pattern


def _names(case: Case) -> tuple[str, ...]:
    return case.table, case.row_kind, case.column, case.mutation, str(case.consistency)


def test_every_kind_of_row_is_tried(clean: Platform) -> None:
    kinds = set(with_kinds(clean, "ledger")["row_kind"])
    assert {"adjustment", "bonus", "withdrawal", "company_share-reversal"} <= kinds
    tried = {(case.table, case.column) for case in cases(clean)}
    assert tried == {(table, column) for table, spec in columns().items() for column in (ROW, *spec)}


def _outcomes(clean: Platform, case: Case) -> list[TrialOutcome]:
    batch = Batch(clean, np.random.default_rng(4))
    assert batch.add(case)
    return outcomes(batch)


@pytest.mark.slow
def test_a_miss_without_a_declaration_fails_the_card(clean: Platform) -> None:
    [outcome] = _outcomes(clean, Case("commissions", "joining-released", "id", "renumber", PLAIN))
    assert build_scorecard([outcome], declared=[]).missed == (outcome.edit.case,)
    assert build_scorecard([outcome]).is_perfect


@pytest.mark.slow
def test_a_declaration_of_what_is_found_fails_the_card(clean: Platform) -> None:
    [outcome] = _outcomes(clean, Case("ledger", "company_share", ROW, "delete", PLAIN))
    spot = BlindSpot("ledger", "said to be invisible", rows=("company_share",))
    assert len(build_scorecard([outcome], declared=[spot]).stale) == 1
    assert build_scorecard([outcome], declared=[replace(spot, partly=True)]).is_perfect
    assert build_scorecard([outcome], declared=[]).lines["ledger", ROW].caused == 1


def test_a_swap_of_equal_values_is_no_mutation(clean: Platform) -> None:
    assert not Batch(clean, np.random.default_rng(1)).add(Case("payout_history", "completed", "status", "swap", PLAIN))
    assert not Batch(clean, np.random.default_rng(1)).add(
        Case("payout_history", "completed", "status", "word-completed", PLAIN)
    )
