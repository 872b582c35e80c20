"""Values as databases give them: what cannot be read is null, and named with its row."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mlm_audit.database.core.values import Unread, series_of
from mlm_audit.database.reads.snapshot import as_frame
from mlm_audit.domain.inputs import INPUTS, Kind
from mlm_audit.domain.money import LARGEST_PAISA
from mlm_audit.domain.words import fold

NOON = datetime(2026, 3, 1, 12, 0)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("name", "kind", "value", "read"),
    [
        ("id", Kind.INT, 2**63 - 1, 2**63 - 1),
        ("id", Kind.INT, 2**63, None),
        ("id", Kind.INT, 0.5, None),
        ("amount_paisa", Kind.INT, LARGEST_PAISA, LARGEST_PAISA),
        ("amount_paisa", Kind.INT, -LARGEST_PAISA, -LARGEST_PAISA),
        ("amount_paisa", Kind.INT, LARGEST_PAISA + 1, None),
        ("amount_paisa", Kind.INT, -LARGEST_PAISA - 1, None),
        ("amount_paisa", Kind.INT, "12", None),
        ("level", Kind.SMALL, 2**31, None),
        ("at", Kind.INSTANT, "2026-03-01 12:00:00.000000", NOON),
        ("at", Kind.INSTANT, "2026-03-01T12:00:00Z", NOON),
        ("at", Kind.INSTANT, NOON.replace(tzinfo=UTC), NOON),
        ("at", Kind.INSTANT, "0000-00-00 00:00:00", None),
        ("at", Kind.INSTANT, "2026-02-30 00:00:00", None),
        ("at", Kind.INSTANT, "infinity", None),
        ("at", Kind.INSTANT, datetime(9999, 1, 1), None),  # noqa: DTZ001
        ("flag", Kind.FLAG, b"\x01", True),
        ("flag", Kind.FLAG, " True ", True),
        ("flag", Kind.FLAG, "yes", None),
        ("ref", Kind.TEXT, "SELF_PAYOUT_1", "SELF_PAYOUT_1"),
        ("ref", Kind.TEXT, b"SELF_PAYOUT_1", "SELF_PAYOUT_1"),
        ("ref", Kind.TEXT, b"SELF\xff", None),
        ("ref", Kind.TEXT, "SELF\ufffd", None),
        ("ref", Kind.TEXT, "SELF\0", None),
    ],
)
@pytest.mark.parametrize("others", [[], [None]])
def test_a_value_is_read_or_named(name: str, kind: Kind, value: Any, read: Any, others: list[Any]) -> None:
    series, bad = series_of(name, kind, [value, *others])
    assert series.to_list() == [read, *others]
    assert list(bad) == ([0] if read is None else [])


def test_the_row_is_named_and_the_others_are_read() -> None:
    unread = Unread()
    spec = INPUTS["monthly_stats"]
    columns = list(spec.columns)
    rows = [
        tuple(2**40 if name == "year" and row == 1 else "2026-01" if name == "month_year" else 7 for name in columns)
        for row in range(3)
    ]
    frame = as_frame("monthly_stats", spec, rows, unread)
    assert frame["year"].to_list() == [7, None, 7]
    [line] = unread.lines()
    assert line.startswith(
        "table MonthlyStats, column year: 1 value cannot be read and is counted as empty (row 7: 1099511627776)"
    )


def test_names_are_not_shown() -> None:
    unread = Unread()
    spec = INPUTS["monthly_stats"]
    rows = [tuple("Asha Rao" if name == "month" else None for name in spec.columns)]
    as_frame("monthly_stats", spec, rows, unread)
    assert "Asha" not in "".join(unread.lines())


def test_invalid_json_is_named() -> None:
    unread = Unread()
    spec = INPUTS["payout_history"]
    good, bad = '{"scheduleId": 3}', '{"scheduleId": '
    rows = [
        tuple(meta if name == "schedule_id" else 1 if kind is Kind.INT else None for name, kind in spec.columns.items())
        for meta in (good, bad, None, "[1]")
    ]
    assert as_frame("payout_history", spec, rows, unread)["schedule_id"].to_list() == [3, None, None, None]
    assert sum(unread.counts.values()) == 1


def test_words_are_folded() -> None:
    assert [fold(word) for word in ("USER", " User\t", "user\r\n", "u ser")] == ["user", "user", "user", "u ser"]
