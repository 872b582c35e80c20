"""The installation's Ed25519 key, with which evidence packs are signed."""

import os
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.settings import Settings


def key_of(settings: Settings) -> Ed25519PrivateKey:
    """The key. InputError when there is none, or what is there is none."""
    path = settings.evidence_key_file
    if not path.is_file():
        raise InputError(f"key {path}: there is none; make it once with: mlm-audit evidence key --new")
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise InputError(f"key {path}: cannot be read ({error}); put it back from where it is kept") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"key {path}: is no Ed25519 key")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half, 64 hexadecimal digits: what a verifier is given."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_key(settings: Settings) -> Ed25519PrivateKey:
    """A new key in its file, readable by its owner alone. InputError when there is one: packs could not be told apart."""
    path = settings.evidence_key_file
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"key {path}: there is one already; --rotate puts it aside and makes another") from error
    except OSError as error:
        raise InputError(f"key {path}: cannot be written ({error.strerror}); choose another EVIDENCE_KEY_FILE") from error
    with os.fdopen(number, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def rotate_key(settings: Settings, now: datetime) -> tuple[Ed25519PrivateKey, Path, str]:
    """Another key; the one before is put aside. Returns the new key, where the old one is, and the old one's word for the new.

    The word is its signature over `mlm-audit key ` and the new public key: whoever trusts the old key may trust the new one.
    """
    old = key_of(settings)
    aside = settings.evidence_key_file.with_suffix(f".{now:%Y%m%d%H%M%S}.pem")
    if aside.exists():
        raise InputError(f"key {aside}: is there already; try again in a second")
    settings.evidence_key_file.rename(aside)
    new = make_key(settings)
    return new, aside, old.sign(f"mlm-audit key {public_of(new)}".encode()).hex()
