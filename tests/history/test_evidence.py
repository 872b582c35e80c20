"""Evidence packs: verified in an empty environment, never valid when damaged, and checked by another implementation of the signature."""

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from mlm_audit.demo.platform import Platform
from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings
from mlm_audit.history import evidence_verify
from mlm_audit.history.evidence import PackScope, make_pack
from mlm_audit.history.evidence_verify import BrokenError, archive_of, ed25519_verify, verify
from mlm_audit.history.signing_key import make_key, public_of, rotate_key
from mlm_audit.jobs.reconciliation.run import reconcile
from tests.cli.test_commands import document, mlm, refused
from tests.conftest import NOW, clean_platform

Fill = Callable[[str, Platform], Engine]
SETTINGS = Settings(
    runs_dir=Path("runs"), snapshots_dir=Path("snapshots"), payout_overdue_days=366, sweep_overdue_days=366
)
AT = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


@pytest.fixture
def sealed(sqlite_url: str, filled: Fill) -> Engine:
    engine = filled(sqlite_url, clean_platform())
    reconcile(engine, SETTINGS, lambda: NOW)
    make_key(SETTINGS)
    return engine


def packed(engine: Engine, **about: int) -> tuple[bytes, str]:
    from mlm_audit.history.signing_key import key_of

    return make_pack(engine, SETTINGS, PackScope("2026-10", **about), AT), public_of(key_of(SETTINGS))


@pytest.mark.slow
@pytest.mark.parametrize("about", [{}, {"member": 5}, {"order": 700}])
def test_in_an_empty_environment(sealed: Engine, about: dict[str, int], tmp_path: Path) -> None:
    """The one file, an interpreter without packages, the pack and the key."""
    data, key = packed(sealed, **about)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "pack.zip").write_bytes(data)
    shutil.copy(evidence_verify.__file__, folder)
    command = [sys.executable, "-I", "-S", "evidence_verify.py", "pack.zip", key]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("valid: ")
    assert ("not proven" in done.stdout) == ("order" in about)
    assert (
        f"head of the log: {json.loads(zipfile.ZipFile(io.BytesIO(data)).read('manifest.json'))['head']} at entry "
        in done.stdout
    )
    assert "format 2; the pack does not prove that the rows were correct" in done.stdout
    with zipfile.ZipFile(io.BytesIO(data)) as pack:
        # The run's whole report goes with the whole month only: it is about everybody.
        assert ("report.html" in pack.namelist()) == (not about)


@pytest.mark.slow
def test_a_thousand_damaged_copies(sealed: Engine) -> None:
    """A byte changed, left out, put in, a piece gone or twice, wherever it is: never valid."""
    data, key = packed(sealed, member=5)
    assert verify(data, key)["rows"] > 0
    chance = random.Random(7)
    for number in range(1_000):
        place = chance.randrange(len(data))
        more = chance.randrange(1, 64)
        damaged = (
            data[:place] + bytes([data[place] ^ chance.randrange(1, 256)]) + data[place + 1 :],
            data[:place] + data[place + 1 :],
            data[:place] + chance.randbytes(more) + data[place:],
            data[:place],
            data[:place] + data[place : place + more] + data[place:],
        )[number % 5]
        with pytest.raises(BrokenError):
            verify(damaged, key)


def remade(data: bytes, **changes: bytes | None) -> bytes:
    """A pack in which files are others or gone, as an archive that is right in itself."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, content in changes.items():
        path = name.replace("__", ".")
        files = {n: c for n, c in files.items() if n != path} | ({} if content is None else {path: content})
    return archive_of(files)


def signed(files: dict[str, bytes], by: Ed25519PrivateKey) -> bytes:
    """A pack that is right in itself, signed by a key."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: hashlib.sha256(files[name]).hexdigest()
        for name in files
        if name not in ("manifest.json", "signature.json")
    }
    text = json.dumps(manifest).encode()
    mark = json.dumps({"key": public_of(by), "signature": by.sign(text).hex()}).encode()
    return archive_of(files | {"manifest.json": text, "signature.json": mark})


@pytest.mark.slow
def test_what_a_forger_may_try(sealed: Engine) -> None:
    data, key = packed(sealed, member=1)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rows = [json.loads(line) for line in files["rows.jsonl"].splitlines()]
    assert archive_of(files) == data
    assert len(rows) > 2
    forged = Ed25519PrivateKey.generate()

    own = signed(files, forged)
    with pytest.raises(BrokenError, match="signed by another key"):
        verify(own, key)
    assert verify(own, public_of(forged))["rows"] == len(rows), "whoever trusts that key is told what it signs"
    # With a stolen key: the sealed root, the log and the sums still have to be met.
    more = json.loads(json.dumps(rows))
    more[0]["row"][3] += 1
    for changed, why in (
        (more, "does not lead to the sealed root"),
        (rows[1:], "not all of the member's rows"),
        ([*rows, rows[0]], "twice"),
        (rows[::-1], "out of order"),
    ):
        text = "".join(json.dumps(row) + "\n" for row in changed).encode()
        with pytest.raises(BrokenError, match=why):
            verify(signed(files | {"rows.jsonl": text}, forged), public_of(forged))
    for changes in (
        {"report": b"x"},
        {"rows__jsonl": None},
        {"plan__toml": b"x"},
        {"log__jsonl": files["log.jsonl"][:-1]},
    ):
        with pytest.raises(BrokenError):
            verify(remade(data, **changes), key)
    lines = files["log.jsonl"].splitlines(keepends=True)
    with pytest.raises(BrokenError, match="last hash"):
        verify(signed(files | {"log.jsonl": b"".join(lines[:-1])}, forged), public_of(forged))
    with pytest.raises(BrokenError, match="entry 1 of the log"):
        verify(signed(files | {"log.jsonl": b"".join(lines[1:])}, forged), public_of(forged))


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32), st.integers(0, 511))
def test_the_signature_against_another_implementation(message: bytes, seed: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = bytes.fromhex(public_of(key)), key.sign(message)
    assert ed25519_verify(public, signature, message)
    assert not ed25519_verify(public, signature, message + b"x")
    spoilt = bytearray(signature)
    spoilt[bit // 8] ^= 1 << bit % 8
    assert not ed25519_verify(public, bytes(spoilt), message)


@pytest.mark.slow
def test_keys(sealed: Engine) -> None:
    data, old = packed(sealed)
    with pytest.raises(InputError, match="a key already exists"):
        make_key(SETTINGS)
    assert SETTINGS.evidence_key_file.stat().st_mode & 0o777 == 0o600
    new, aside, word = rotate_key(SETTINGS, AT)
    assert ed25519_verify(bytes.fromhex(old), bytes.fromhex(word), f"mlm-audit key {public_of(new)}".encode())
    assert aside.is_file()
    assert verify(data, old)["rows"] > 0, "packs of before stay valid under the key of before"
    with pytest.raises(BrokenError, match="another key"):
        verify(data, public_of(new))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("month", "about", "words"),
    [
        ("2026-11", {}, "is not sealed; the sealed months are: 2026-06, 2026-07"),
        ("2026-1", {}, "not a month"),
        ("2026-10", {"member": 10**9}, "member 1000000000 has no ledger row"),
        ("2026-10", {"order": 1}, "order 1 has no ledger row"),
    ],
)
def test_what_cannot_be_packed(sealed: Engine, month: str, about: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_pack(sealed, SETTINGS, PackScope(month, **about), AT)


@pytest.mark.slow
def test_the_commands(sealed: Engine, sqlite_url: str, tmp_path: Path) -> None:
    """A pack for people: personal data masked unless asked for, which is noted; forged, it is not valid, in words and as JSON."""
    said = document("evidence", "pack", "--month", "2026-10", "--member", "5", "-o", "pack.zip", "--db", sqlite_url)
    assert said["public_key"] == document("evidence", "key")["public_key"]
    assert "valid: " in mlm("evidence", "verify", "pack.zip").stdout
    assert document("evidence", "verify", "pack.zip")["about"] == {"member": 5}
    data = Path("pack.zip").read_bytes()
    assert b"member00000005@" not in data
    assert b"Wallet of member 5" in data
    assert not Path("runs/revealed.jsonl").exists()
    document(
        "evidence", "pack", "--month", "2026-10", "--member", "5", "-o", "full.zip", "--reveal", "--db", sqlite_url
    )
    assert b"member00000005@" in Path("full.zip").read_bytes()
    assert "member 5" in Path("runs/revealed.jsonl").read_text(encoding="utf-8")
    Path("pack.zip").write_bytes(data[:-1] + b"x")
    done = mlm("evidence", "verify", "pack.zip")
    assert (done.returncode, "NOT VALID" in done.stdout) == (1, True)
    assert document("evidence", "verify", "pack.zip", code=1)["valid"] is False
    document("evidence", "key", "--rotate")
    assert "another key" in mlm("evidence", "verify", "full.zip").stdout
    assert document("evidence", "verify", "full.zip", "--key", said["public_key"])["valid"] is True
    for arguments, words in (
        (
            ("pack", "--month", "2026-10", "--member", "5", "--order", "7", "-o", "x.zip", "--db", sqlite_url),
            "not both",
        ),
        (("pack", "--month", "2026-10", "-o", str(tmp_path / "no" / "x.zip"), "--db", sqlite_url), "cannot be written"),
        (("verify", "nowhere.zip"), "no such file"),
        (("key", "--new"), "a key already exists"),
    ):
        assert words in refused("evidence", *arguments)
