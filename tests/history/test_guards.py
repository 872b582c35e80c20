"""Small guards of sealed history that nothing else holds: each was seen to be missed when it was taken out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlm_audit.history.evidence_verify import L, ed25519_verify
from mlm_audit.history.store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_log_in_doubt_lets_no_file_be_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.restart({"reason": "a test", "by": "a test", "head": "0" * 64}, NOW)
    stray = tmp_path / "2026-08-stray.parquet"
    stray.write_bytes(b"what an entry may have named")
    log = tmp_path / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"a test", b"a tost", 1))
    doubted = store.read_state()
    assert doubted.read.problem
    assert store.tidy(doubted) == []
    assert stray.exists()


@pytest.mark.parametrize("times", [1, 2])
def test_a_signature_has_one_form(times: int) -> None:
    """Adding the group's order to its second half gives the same point; taken as valid, a signature could be changed by anybody."""
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), key.sign(b"the message")
    assert ed25519_verify(public, signature, b"the message")
    other = (int.from_bytes(signature[32:], "little") + times * L).to_bytes(32, "little")
    assert not ed25519_verify(public, signature[:32] + other, b"the message")
