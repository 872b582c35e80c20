"""A user's own checks: files that cannot be read, headers that cannot be right, queries that never end or do not only read."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mlm_audit.checks.catalogue import load_checks
from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import CheckStatus, RunResult, Verdict
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.conftest import NOW, clean_platform, settings_for

HEADER = "-- code: own\n-- title: T\n-- severity: low\n-- needs: ledger\n-- proves: P\n-- do: D\n-- message: M\n"
ENDLESS = {
    "recursion": "with recursive t as (select 1 as key union all select key + 1 from t) select max(key) as key from t",
    "a product": "select count(*) as key from range(1000000000000) a(i), range(1000000000) b(j) where i % 7 = j % 3",
    "many rows": "select range as key from range(10000000000000)",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checks").mkdir()
    return tmp_path / "checks"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.encode() + b"select 1 as key -- \xff", "own.sql, line 8: the text is not UTF-8"),
        (HEADER.replace("T\n", "M\u00fcller\n").encode("latin-1"), "own.sql, line 2: the text is not UTF-8"),
        ((HEADER + "select 1 as key").encode("utf-16"), "own.sql, line 1: the text is not UTF-8"),
        (
            HEADER.replace("ledger", "ledgr").encode(),
            "`needs` names 'ledgr', which is not an input; the inputs are users",
        ),
        (HEADER.replace("own", "o'wn").encode(), 'the code "o\'wn" is invalid; use up to 60 lowercase letters'),
        (HEADER.replace("own", "x" * 61).encode(), "is invalid; use up to 60 lowercase letters"),
        (b"-- code: a\n" + HEADER.encode(), "the header has 'code' twice"),
        (HEADER.replace("low", "mild").encode(), "severity must be one of"),
        (b"", "the header lacks code"),
        (b"select 1", "the header lacks code"),
        (HEADER.encode() + b"-- colour: red\n", "unknown header key 'colour'"),
        (HEADER.encode() + b"-- local: maybe\n", "local must be yes or no"),
    ],
)
def test_bad_files(folder: Path, content: bytes, words: str) -> None:
    (folder / "own.sql").write_bytes(content)
    with pytest.raises(InputError, match="^check ") as refused:
        load_checks(folder)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_where_a_file_should_be(folder: Path) -> None:
    (folder / "own.sql").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_checks(folder)


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    (folder / "own.sql").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"select 1 as key")
    assert load_checks(folder)[-1].code == "own"


def run(engine: Engine, folder: Path, query: str, seconds: int = 1) -> RunResult:
    (folder / "own.sql").write_text(HEADER + query)
    settings = settings_for().model_copy(update={"checks_dir": folder, "check_timeout_seconds": seconds})
    return reconcile(engine, settings, lambda: NOW, dry_run=True).result


@pytest.mark.slow
@pytest.mark.parametrize("query", ENDLESS.values(), ids=ENDLESS)
def test_one_that_never_ends(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], folder: Path, query: str
) -> None:
    """It is stopped and counts as not run; all others ran, and those after it too."""
    (folder / "zz.sql").write_text(
        HEADER.replace("own", "zz") + "select user_id as member_id from ledger where user_id = 1 limit 1"
    )
    started = time.monotonic()
    result = run(filled(sqlite_url, clean_platform()), folder, query)
    assert time.monotonic() - started < 60
    assert (result.verdict, result.is_complete) == (Verdict.FAIL, False)
    by_code = {check.code: check for check in result.checks}
    assert by_code["own"].status is CheckStatus.NOT_RUN
    assert "1 s and was stopped" in str(by_code["own"].reason)
    assert "CHECK_TIMEOUT_SECONDS" in str(by_code["own"].reason)
    assert [finding.code for finding in result.findings] == ["zz"]
    assert any("check own did not run" in note for note in result.notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select 1 as key; drop view ledger", "more than one statement"),
        ("select 1 as key) as x; drop view ledger; select * from (select 1 as key", "sql: "),
        ("drop view ledger", "only one read-only query"),
        ("copy ledger to 'x.csv'", "only one read-only query"),
        ("select content as key from read_text('/etc/passwd')", "read_text"),
        ("select sleep_ms(1) as key", "sleep_ms"),
        ("select * from query('select 1 as key')", "query"),
        ("select range as key from range(2000000)", "more than 1000000 rows"),
        ("select 1 as nothing", "returns none of"),
        ("", "sql: "),
    ],
)
def test_what_is_not_run(
    sqlite_url: str, filled: Callable[[str, Platform], Engine], folder: Path, query: str, why: str
) -> None:
    result = run(filled(sqlite_url, clean_platform()), folder, query, seconds=60)
    assert result.verdict is Verdict.INCOMPLETE
    assert result.findings == ()
    [own] = [check for check in result.checks if check.status is CheckStatus.NOT_RUN]
    assert own.code == "own"
    assert why in str(own.reason)
    assert "\n" not in str(own.reason)
