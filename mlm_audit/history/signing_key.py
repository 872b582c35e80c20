"""The installation's Ed25519 key, which signs evidence packs."""

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
    """Return the key. Raise InputError when there is none, or when the file is not a readable Ed25519 key."""
    path = settings.evidence_key_file
    if not path.is_file():
        raise InputError(f"key {path}: the file does not exist; create the key once with mlm-audit evidence key --new")
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise InputError(f"key {path}: it cannot be read ({error}); restore it from its backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"key {path}: it is not an Ed25519 key")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Return the public key as 64 hexadecimal digits, in the form given to verifiers."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_key(settings: Settings) -> Ed25519PrivateKey:
    """Create a key in its file, readable by its owner alone. Raise InputError when a key exists.

    With two keys, packs could not be distinguished.
    """
    path = settings.evidence_key_file
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"key {path}: a key already exists; --rotate moves it aside and creates a new one") from error
    except OSError as error:
        raise InputError(
            f"key {path}: it cannot be written ({error.strerror}); choose another EVIDENCE_KEY_FILE"
        ) from error
    with os.fdopen(number, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def rotate_key(settings: Settings, now: datetime) -> tuple[Ed25519PrivateKey, Path, str]:
    """Replace the key and move the old one aside. Return the new key, the path of the old one, and a signature.

    The signature is made with the old key over `mlm-audit key ` and the new public key, so that everyone who trusts the
    old key can trust the new one.
    """
    old = key_of(settings)
    aside = settings.evidence_key_file.with_suffix(f".{now:%Y%m%d%H%M%S}.pem")
    if aside.exists():
        raise InputError(f"key {aside}: this file already exists; try again in a second")
    settings.evidence_key_file.rename(aside)
    new = make_key(settings)
    return new, aside, old.sign(f"mlm-audit key {public_of(new)}".encode()).hex()
