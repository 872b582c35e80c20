"""| before | now | state |."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from mlm_audit.checks.states import cleared, with_states

NOW = datetime(2026, 11, 24, tzinfo=UTC)
BEFORE = NOW.replace(tzinfo=None) - timedelta(days=2, hours=1)


def previous(*rows: tuple[str, str, int]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"id": pl.String, "code": pl.String, "amount_paisa": pl.Int64}, orient="row")
    return frame.with_columns(pl.lit(BEFORE).cast(pl.Datetime("us")).alias("first_seen_at"))


@pytest.mark.parametrize(
    ("before", "now", "state", "age"),
    [
        (None, 5, "new", 0),
        (5, 6, "grew", 2),
        (-5, -6, "grew", 2),
        (5, 4, "shrank", 2),
        (5, 5, "carried over", 2),
        (5, -5, "carried over", 2),
    ],
)
def test_state(before: int | None, now: int, state: str, age: int) -> None:
    breaks = pl.DataFrame({"id": ["a"], "amount_paisa": [now]})
    known = previous(("a", "c", before)) if before is not None else previous()
    row = with_states(breaks, known, NOW).row(0, named=True)
    assert (row["state"], row["age_days"]) == (state, age)


def test_cleared__only_of_checks_that_ran() -> None:
    gone = cleared(
        pl.DataFrame({"id": ["still"]}), previous(("still", "c", 1), ("gone", "c", 1), ("unknown", "silent", 1)), {"c"}
    )
    assert gone["id"].to_list() == ["gone"]
