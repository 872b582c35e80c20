"""Statistics of amounts in whole numbers. Every figure is exact, and its rounding is named."""

from collections.abc import Sequence

from mlm_audit.domain.money import BASIS_POINTS


def nearest_rank(ascending: Sequence[int], percent: int) -> int:
    """Return the nearest-rank percentile: the smallest value that at least `percent` per cent do not exceed.

    The result is always one of the values, never interpolated. `ascending` is sorted and not empty.
    """
    return ascending[max(-(-percent * len(ascending) // 100), 1) - 1]


def floored_mean(total: int, count: int) -> int:
    """Return the mean, rounded down on the absolute value."""
    mean = abs(total) // count
    return mean if total >= 0 else -mean


def share_bps(part: int, whole: int) -> int | None:
    """Return a share in basis points, rounded down on the absolute value; None when `whole` is not positive."""
    if whole <= 0:
        return None
    share = abs(part) * BASIS_POINTS // whole
    return share if part >= 0 else -share


def gini_bps(ascending: Sequence[int]) -> int | None:
    """Return the Gini coefficient of amounts of at least 0, in basis points, rounded down; None when the sum is 0.

    0 means equal amounts; near 10000 means that one person has everything.
    G = (2 Σ i·x_i) / (n Σ x) − (n + 1) / n with ranks i from 1, in whole numbers.
    """
    count, total = len(ascending), sum(ascending)
    if total <= 0:
        return None
    ranked = sum(rank * value for rank, value in enumerate(ascending, start=1))
    return (2 * ranked - (count + 1) * total) * BASIS_POINTS // (count * total)


def top_share_bps(ascending: Sequence[int], percent: int) -> int | None:
    """Return the share of the total that the top `percent` per cent hold, in basis points, rounded down.

    The number of people in the top group is rounded up, so that at least one counts.
    """
    top = -(-percent * len(ascending) // 100)
    return share_bps(sum(ascending[len(ascending) - top :]), sum(ascending))


def lorenz(ascending: Sequence[int], points: int) -> list[tuple[int, int]]:
    """Return the Lorenz curve at `points` equal steps: (share of people, their share of the total), in basis points.

    Shares are rounded down. The curve starts at (0, 0) and is empty when the total is 0. Each step counts only the
    people that it covers completely.
    """
    count, total = len(ascending), sum(ascending)
    if total <= 0:
        return []
    sums = [0]
    for value in ascending:
        sums.append(sums[-1] + value)
    return [
        (step * BASIS_POINTS // points, sums[step * count // points] * BASIS_POINTS // total)
        for step in range(points + 1)
    ]
