"""Statistics in whole numbers against their definitions."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from mlm_audit.domain.statistics import floored_mean, gini_bps, lorenz, nearest_rank, share_bps, top_share_bps

incomes = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 10**18)), min_size=1, max_size=30).map(sorted)
derandomized = settings(deadline=None, derandomize=True)


@derandomized
@given(st.lists(st.integers(-100, 100), min_size=1, max_size=30).map(sorted), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], percent: int) -> None:
    enough = [v for v in values if sum(x <= v for x in values) * 100 >= percent * len(values)]
    assert nearest_rank(values, percent) == min(enough)


@derandomized
@given(incomes)
def test_gini_is_the_mean_difference_over_twice_the_mean(values: list[int]) -> None:
    total, count = sum(values), len(values)
    if not total:
        assert gini_bps(values) is None
        return
    differences = sum(abs(a - b) for a in values for b in values)
    assert gini_bps(values) == Fraction(differences, 2 * count * total) * 10_000 // 1


@derandomized
@given(incomes)
def test_the_curve_never_falls_and_lies_below_equality(values: list[int]) -> None:
    points = lorenz(values, 20)
    if not sum(values):
        assert points == []
        return
    assert points[0] == (0, 0)
    assert points[-1] == (10_000, 10_000)
    assert all(y <= x for x, y in points)
    assert [y for _, y in points] == sorted(y for _, y in points)


def test_known_values() -> None:
    assert gini_bps([1, 1, 1, 1]) == 0
    assert gini_bps([0, 0, 0, 4]) == 7_500
    assert top_share_bps([1] * 99 + [101], 1) == 5_050
    assert top_share_bps([7], 1) == 10_000
    assert top_share_bps([0, 0], 10) is None
    assert nearest_rank(list(range(1, 101)), 99) == 99
    assert nearest_rank([3], 10) == 3
    assert (floored_mean(7, 2), floored_mean(-7, 2)) == (3, -3)
    assert (share_bps(1, 3), share_bps(-1, 3), share_bps(1, 0)) == (3_333, -3_333, None)
    assert lorenz([1, 3], 2) == [(0, 0), (5_000, 2_500), (10_000, 10_000)]
