"""The options of reconcile-files. A value applies to both files, or to one with the prefix `ledger:` or `wallets:`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.format import file_format
from mlm_audit.engine.files.ledgers import ROLES

FILES = ("ledger", "wallets")
ROLES_OF = {"ledger": ("member_id", "amount", "debit", "credit"), "wallets": ("member_id", "balance")}


class MappedFile(NamedTuple):
    """A file with its format, and the columns of its roles, as far as the user named them."""

    source: InputFile
    mapping: Mapping[str, str]


def mapped_files(
    paths: Mapping[str, Path], pairs: Sequence[str], options: Mapping[str, Sequence[str]], *, whole_ids: bool
) -> dict[str, MappedFile]:
    """Return ledger and wallets as the options describe them. Raise InputError for an option that cannot be used."""
    mappings = parse_mapping(pairs)
    chosen = {option: _for_each_file(option, texts) for option, texts in options.items()}
    return {
        file: MappedFile(
            InputFile(
                paths[file],
                file_format(
                    [(name, texts[file]) for name, texts in chosen.items() if file in texts], whole_ids=whole_ids
                ),
            ),
            mappings[file],
        )
        for file in FILES
    }


def parse_mapping(pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return `[FILE:]ROLE=COLUMN` as file → role → column.

    Raise InputError for an unknown role and for a role with two columns.
    """
    general: dict[str, str] = {}
    special: dict[str, dict[str, str]] = {file: {} for file in FILES}
    for pair in pairs:
        file, text = _split(pair)
        role, _, column = text.partition("=")
        allowed = ROLES_OF[file] if file else tuple(ROLES)
        if role not in allowed or not column:
            raise InputError(f"--map {pair}: write ROLE=COLUMN, where ROLE is one of {', '.join(allowed)}")
        target = special[file] if file else general
        if target.setdefault(role, column) != column:
            raise InputError(
                f"--map {pair}: {role} is already mapped to {target[role]}; give each role once, or once for each file"
            )
    return {
        file: {role: name for role, name in general.items() if role in ROLES_OF[file]} | special[file] for file in FILES
    }


def _for_each_file(option: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str | None, str] = {}
    for text in texts:
        file, value = _split(text)
        if found.setdefault(file, value) != value:
            raise InputError(
                f"--{option} {text}: the option was already given as {found[file]}; give it once, or once for each file"
            )
    return {file: found[key] for file in FILES for key in (file if file in found else None,) if key in found}


def _split(text: str) -> tuple[str | None, str]:
    file, mark, value = text.partition(":")
    return (file, value) if mark and file in FILES else (None, text)
