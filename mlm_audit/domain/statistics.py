"""Statistics of amounts in whole numbers: every figure is exact, and its rounding is named."""

from collections.abc import Sequence

from mlm_audit.domain.money import BASIS_POINTS


def nearest_rank(ascending: Sequence[int], percent: int) -> int:
    """The percentile by nearest rank: the smallest value that at least `percent` per cent do not exceed.

    Always a value that is there, never one in between. `ascending` is sorted and not empty.
    """
    return ascending[max(-(-percent * len(ascending) // 100), 1) - 1]


def floored_mean(total: int, count: int) -> int:
    """The mean, rounded to floor on the absolute value."""
    mean = abs(total) // count
    return mean if total >= 0 else -mean


def share_bps(part: int, whole: int) -> int | None:
    """A share in basis points, floored on the absolute value; None of nothing."""
    if whole <= 0:
        return None
    share = abs(part) * BASIS_POINTS // whole
    return share if part >= 0 else -share


def gini_bps(ascending: Sequence[int]) -> int | None:
    """The Gini coefficient of amounts of at least 0, in basis points, floored: 0 is equal, near 10000 is one who has all.

    G = (2 Σ i·x_i) / (n Σ x) − (n + 1) / n with ranks i from 1, in whole numbers. None when nobody has anything.
    """
    count, total = len(ascending), sum(ascending)
    if total <= 0:
        return None
    ranked = sum(rank * value for rank, value in enumerate(ascending, start=1))
    return (2 * ranked - (count + 1) * total) * BASIS_POINTS // (count * total)


def top_share_bps(ascending: Sequence[int], percent: int) -> int | None:
    """What the `percent` per cent with the most have of everything, in basis points, floored; at least one of them counts."""
    top = -(-percent * len(ascending) // 100)
    return share_bps(sum(ascending[len(ascending) - top :]), sum(ascending))


def lorenz(ascending: Sequence[int], points: int) -> list[tuple[int, int]]:
    """The Lorenz curve at `points` equal steps: (share of people, their share of everything), in basis points, floored.

    Starts at (0, 0); empty when nobody has anything. Each step counts the people that it covers wholly.
    """
    count, total = len(ascending), sum(ascending)
    if total <= 0:
        return []
    sums = [0]
    for value in ascending:
        sums.append(sums[-1] + value)
    return [(step * BASIS_POINTS // points, sums[step * count // points] * BASIS_POINTS // total) for step in range(points + 1)]
