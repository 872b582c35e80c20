"""A finding and its document: what a version before this one has stored is read, and is written as it was, to the byte."""

import json
import pickle
from pathlib import Path

import pytest

from mlm_audit.domain.findings import FINDING_KEYS, Evidence, Finding, finding_document, finding_from
from mlm_audit.reporting.core.run_folder import as_text

STORED = (Path(__file__).parents[1] / "snapshots" / "findings.json").read_text(encoding="utf-8")
"""Findings of a reconciliation and a tree check as result.json holds them: one for each kind of remedy and each kind of step."""
FINDINGS = [finding_from(row) for row in json.loads(STORED)["findings"]]


def test_a_stored_finding_is_written_as_it_was() -> None:
    assert as_text({"findings": list(map(finding_document, FINDINGS))}) == STORED


def test_the_stored_findings_have_every_kind_of_remedy_and_step() -> None:
    remedies = [finding.remedy for finding in FINDINGS if finding.remedy]
    steps = [
        step for one in remedies for steps in (one.steps, *(way.steps for way in one.alternatives)) for step in steps
    ]
    assert {one.kind for one in remedies} == {"steps", "decision", "follows", "investigation"}
    assert {type(step).__name__ for step in steps} >= {"RemedyPosting", "FieldCorrection", "Insertion", "Removal"}


def test_a_row_of_a_stored_run_has_its_evidence_as_text_and_neither_state_nor_age() -> None:
    document = finding_document(FINDINGS[0])
    row = {name: document[name] for name in FINDING_KEYS if name not in ("state", "age_days")}
    finding = finding_from(row | {"evidence": json.dumps(document["evidence"])})
    assert (finding.evidence, finding.state, finding.age_days, finding.remedy) == (FINDINGS[0].evidence, "new", 0, None)


def test_a_finding_crosses_processes_and_cannot_be_changed() -> None:
    assert pickle.loads(pickle.dumps(FINDINGS)) == FINDINGS
    with pytest.raises(AttributeError):
        FINDINGS[0].state = "cleared"  # type: ignore[misc]


def test_the_columns_of_a_row_are_its_own_and_its_facts_are_apart() -> None:
    row = Evidence({"table": "ledger", "id": 7, "amount_paisa": 5, "facts": {"root_id": "joining-flag/4"}})
    assert (row.table, row.id, row.shown, row.facts) == (
        "ledger",
        7,
        {"amount_paisa": 5},
        {"root_id": "joining-flag/4"},
    )
    assert Evidence({"id": 7}).table == "row"


def test_the_keys_of_a_document_are_the_fields_of_a_finding() -> None:
    assert list(finding_document(FINDINGS[0]))[: len(FINDING_KEYS)] == list(FINDING_KEYS)
    assert set(Finding.__dataclass_fields__) == {*FINDING_KEYS, "remedy"}
