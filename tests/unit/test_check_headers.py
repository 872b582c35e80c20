"""The headers of the built-in checks: what they declare is what their queries do, and every check has a fault that proves it."""

import re
from pathlib import Path

import pytest

from mlm_audit.checks.catalogue import SQL_DIR, built_in_checks, parse_check
from mlm_audit.checks.causes import CAUSES
from mlm_audit.demo.faults import ALL_FAULTS
from mlm_audit.domain.errors import InputError

FIELDS = {"level"}
"""Names of causes that are also names of columns, and occur in queries as such."""
CHECKS = built_in_checks()


@pytest.mark.parametrize("code", CHECKS)
def test_the_causes_of_a_check_are_those_that_its_query_names(code: str) -> None:
    check = CHECKS[code]
    named = {word for word in re.findall(r"'([a-z][a-z0-9-]+)'", check.sql) if word in CAUSES} - FIELDS
    assert set(check.causes) <= set(CAUSES)
    if code == "history-changed":  # whose causes follow from how a row was changed
        assert set(check.causes) == {"history-changed", "history-deleted", "history-edited", "history-inserted"}
    else:
        assert named == set(check.causes)


@pytest.mark.parametrize("fault", ALL_FAULTS.values(), ids=lambda fault: fault.code)
def test_the_cause_of_a_fault_is_one_of_its_check(fault: object) -> None:
    check = CHECKS.get(fault.found_by)
    if check is not None:
        assert fault.cause in check.causes


@pytest.mark.parametrize("key", ["about", "slices", "local", "causes", "determines"])
def test_a_built_in_check_that_lacks_a_key(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (SQL_DIR / "wallet-balance.sql").read_text(encoding="utf-8")
    file = tmp_path / "wallet-balance.sql"
    file.write_text(re.sub(rf"^-- {key}:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setattr("mlm_audit.checks.catalogue.SQL_DIR", tmp_path)
    with pytest.raises(InputError, match=f"the header lacks {key}; a built-in check has every key"):
        parse_check(file)


@pytest.mark.parametrize(("line", "why"), [("about: wallet", "about must be one of"), ("slices: wallet, month", "not 'month'")])
def test_a_key_that_says_what_no_check_can(line: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (SQL_DIR / "wallet-balance.sql").read_text(encoding="utf-8")
    file = tmp_path / "wallet-balance.sql"
    file.write_text(re.sub(rf"^-- {line.partition(':')[0]}:.*$", f"-- {line}", text, flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setattr("mlm_audit.checks.catalogue.SQL_DIR", tmp_path)
    with pytest.raises(InputError, match=why):
        parse_check(file)
