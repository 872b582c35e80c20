"""The headers of the built-in checks: what they declare is what their queries do, and every check has a fault that proves it."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from mlm_audit.checks.applicability import is_peculiar
from mlm_audit.checks.catalogue import SQL_DIR, built_in_checks, load_checks, parse_check
from mlm_audit.checks.causes import CAUSES
from mlm_audit.checks.trees.codes import CODES
from mlm_audit.demo.faults import CATALOGUE, FaultDeclaration
from mlm_audit.domain.errors import InputError

FIELDS = {"level"}
"""Names of causes that are also names of columns, and occur in queries as such."""
CHECKS = built_in_checks()
PECULIAR = {code for code, check in CHECKS.items() if is_peculiar(check)}
"""Checks of what only some platforms do. `tests/platforms` proves them on the data of such platforms."""
ORDINARY = [code for code in CHECKS if code not in PECULIAR]
FILE_CHECKS = [parse_check(path).code for path in (SQL_DIR / "files").glob("*.sql")]


@pytest.mark.parametrize("code", CHECKS)
def test_the_causes_of_a_check_are_those_that_its_query_names(code: str) -> None:
    check = CHECKS[code]
    named = {word for word in re.findall(r"'([a-z][a-z0-9-]+)'", check.sql) if word in CAUSES} - FIELDS
    assert set(check.causes) <= set(CAUSES)
    if code == "history-changed":  # whose causes follow from how a row was changed
        assert set(check.causes) == {"history-changed", "history-deleted", "history-edited", "history-inserted"}
    else:
        assert named == set(check.causes)


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.code)
def test_the_cause_of_a_fault_is_one_of_its_check(fault: FaultDeclaration) -> None:
    if fault.found_by in CHECKS:
        assert fault.cause in CHECKS[fault.found_by].causes
    elif fault.found_by in CODES:
        assert fault.cause == fault.found_by
    else:
        assert f"'{fault.cause}' as cause" in (SQL_DIR / "files" / f"{fault.found_by}.sql").read_text(encoding="utf-8")


def prove_each(codes: Iterable[str]) -> None:
    """Fail unless the checks that faults prove are exactly the checks that exist, and name what is missing."""
    existing, proven = set(codes), {fault.found_by for fault in CATALOGUE}
    assert proven == existing, (
        f"no fault proves {sorted(existing - proven)}, and no check has the code {sorted(proven - existing)}: declare a fault with "
        "this `found_by` in mlm_audit/demo/faults/, as CONTRIBUTING.md describes under 'How to add a check'"
    )


def test_every_check_has_a_fault_that_proves_it() -> None:
    prove_each([*ORDINARY, *CODES, *FILE_CHECKS])


def test_a_check_that_was_added_without_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(SQL_DIR, tmp_path, dirs_exist_ok=True)
    text = (SQL_DIR / "wallet-balance.sql").read_text(encoding="utf-8")
    (tmp_path / "wallet-colour.sql").write_text(
        text.replace("code: wallet-balance", "code: wallet-colour"), encoding="utf-8"
    )
    monkeypatch.setattr("mlm_audit.checks.catalogue.SQL_DIR", tmp_path)
    added = [check.code for check in load_checks()]
    assert set(added) == {*CHECKS, "wallet-colour"}
    with pytest.raises(
        AssertionError, match=r"no fault proves \[.*'wallet-colour'.*\].* in mlm_audit/demo/faults/.*CONTRIBUTING.md"
    ):
        prove_each([*(code for code in added if code not in PECULIAR), *CODES, *FILE_CHECKS])


@pytest.mark.parametrize(
    "key", ["requires", "optional", "about", "slices", "local", "causes", "determines", "follows", "explains"]
)
def test_a_built_in_check_that_lacks_a_key(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (SQL_DIR / "wallet-balance.sql").read_text(encoding="utf-8")
    file = tmp_path / "wallet-balance.sql"
    file.write_text(re.sub(rf"^-- {key}:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setattr("mlm_audit.checks.catalogue.SQL_DIR", tmp_path)
    with pytest.raises(InputError, match=f"the header lacks {key}; a built-in check has every key"):
        parse_check(file)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("about: wallet", "about must be one of"),
        ("slices: wallet, month", "not 'month'"),
        ("follows: wallet", "follows must be order, .* or none, not 'wallet'"),
        ("explains: wallet", "explains must be line, .* or none, not 'wallet'"),
    ],
)
def test_a_key_that_says_what_no_check_can(
    line: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (SQL_DIR / "wallet-balance.sql").read_text(encoding="utf-8")
    file = tmp_path / "wallet-balance.sql"
    file.write_text(
        re.sub(rf"^-- {line.partition(':')[0]}:.*$", f"-- {line}", text, flags=re.MULTILINE), encoding="utf-8"
    )
    monkeypatch.setattr("mlm_audit.checks.catalogue.SQL_DIR", tmp_path)
    with pytest.raises(InputError, match=why):
        parse_check(file)
