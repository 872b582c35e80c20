from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.periods import zone
from mlm_audit.domain.plan import DEFAULT_PLAN, load_plan

IST = zone("Asia/Kolkata")
VERSION = """
[[version]]
name = "one"
effective_from = 2024-01-01
company_percent = 30
joining_upline_pot_percent = 70
level_percents = [25, 12.5]
"""


def plan_file(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_default_plan__is_the_one_of_the_domain() -> None:
    version = load_plan().version_at(datetime(2026, 11, 24, tzinfo=UTC), IST)
    assert version is not None
    assert (version.company_bps, version.joining_pot_bps) == (3_000, 7_000)
    assert version.level_bps == (2_500, 2_000, 1_500, 1_000, 1_000)
    assert (version.instalments, version.remainder, version.rounding) == (4, "company", "floor")


def test_version_at__half_open_at_local_midnight(tmp_path: Path) -> None:
    later = VERSION.replace("one", "two").replace("2024-01-01", "2025-01-01")
    plan = load_plan(plan_file(tmp_path, VERSION + later))
    midnight = datetime(2024, 12, 31, 18, 30, tzinfo=UTC)
    names = [v.name if (v := plan.version_at(at, IST)) else None for at in (midnight, midnight.replace(minute=29))]
    assert names == ["two", "one"]
    assert plan.version_at(datetime(2023, 12, 31, 18, tzinfo=UTC), IST) is None


def test_percent__half_per_cents_are_exact(tmp_path: Path) -> None:
    assert load_plan(plan_file(tmp_path, VERSION)).versions[0].level_bps == (2_500, 1_250)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (VERSION.replace("[25, 12.5]", "[60, 50]"), 7, "more than 100 %"),
        (VERSION.replace("[25, 12.5]", "[25, 12.555]"), 7, "at most two decimals"),
        (VERSION + "company_persent = 3\n", 8, "unknown key"),
        (VERSION.replace("company_percent = 30\n", ""), 2, "missing"),
        (VERSION.replace("company_percent = 30", "company_percent = -1"), 5, "greater than or equal to 0"),
        (VERSION + 'rounding = "half_up"\n', 8, "floor"),
        (VERSION + VERSION.replace("one", "two"), 2, "overlap"),
        (VERSION + VERSION.replace("2024-01-01", "2025-01-01"), 2, "same name"),
        (VERSION + '[rules]\nthree_three = "sometimes"\n', 9, "directs_of_directs"),
    ],
)
def test_load_plan__names_file_line_and_key(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = plan_file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_plan(path)
    message = str(caught.value)
    assert f"plan {path}, line {line}, key " in message
    assert words in message
    assert "\n" not in message


def test_load_plan__broken_toml_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not valid TOML.*line 2"):
        load_plan(plan_file(tmp_path, "[[version]]\nname = oops\n"))
    with pytest.raises(InputError, match="cannot be read"):
        load_plan(tmp_path / "none.toml")


def test_default_plan__file_is_shipped() -> None:
    assert DEFAULT_PLAN.is_file()
