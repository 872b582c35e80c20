"""A notebook proposes and proves mappings with the figures of the commands."""

from pathlib import Path

import pytest

import mlm_audit
from mlm_audit.database.core.connect import open_engine
from mlm_audit.demo.schemas.catalogue import write_as
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.findings import Verdict
from tests.conftest import clean_platform


@pytest.fixture
def unknown(sqlite_url: str) -> str:
    """A platform with other tables."""
    engine = open_engine(sqlite_url, create=True)
    write_as("laravel-wallet", engine, clean_platform())
    engine.dispose()
    return sqlite_url


def test_a_proposal_shows_what_each_kind_explains(unknown: str, tmp_path: Path) -> None:
    proposal = mlm_audit.inspect(unknown)
    kinds = {row["kind"]: row for row in proposal.tables["kinds"].to_dicts()}
    assert set(kinds) == {"deposit", "withdraw"}
    for row in kinds.values():
        assert row["moves"] == "as stored"
        assert row["otherwise"] < row["reproduced"]
    assert proposal.chart("kinds").to_dict()["mark"]
    assert "[[ledger]]" in proposal.text
    file = proposal.write(tmp_path / "shop.toml")
    assert file.read_text(encoding="utf-8") == proposal.text
    with pytest.raises(InputError, match="the file exists, and may have been edited"):
        proposal.write(file)


def test_a_proof_says_what_the_command_says(unknown: str) -> None:
    proof = mlm_audit.prove("laravel-wallet", unknown)
    assert proof.story.verdict == Verdict.PASS
    assert proof.conclusion == "The ledger gives exactly the wallet of 300 of 300 members."
    assert proof.tables["gaps"].is_empty()
    assert any(note.startswith("left out of transactions: 8 rows of ") for note in proof.story.notes)
    with pytest.raises(InputError, match="there is no such mapping"):
        mlm_audit.prove("nothing", unknown)
