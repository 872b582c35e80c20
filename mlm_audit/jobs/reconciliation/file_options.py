"""The options of reconcile-files. A value applies to every file, or to one with its name before it, such as `ledger:`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlm_audit.domain.errors import InputError
from mlm_audit.domain.money import parse_amount
from mlm_audit.engine.files.file_records import InputFile
from mlm_audit.engine.files.format import file_format, shown
from mlm_audit.engine.files.options_file import tables_of
from mlm_audit.engine.files.roles import OF_BALANCES, OF_LEDGER, ROLES, MappedFile
from mlm_audit.engine.files.selection import Selection

FILES = ("ledger", "wallets", "opening")
ROLES_OF = {"ledger": OF_LEDGER, "wallets": OF_BALANCES, "opening": OF_BALANCES}
OPTIONS = (
    "number-format",
    "units",
    "sign",
    "credit-words",
    "debit-words",
    "delimiter",
    "quote",
    "encoding",
    "skip-lines",
    "skip-footer",
    "sheet",
)
"""The options that each file may have of its own, beside `--map`."""


@dataclass(frozen=True, kw_only=True)
class Books:
    """What is compared: a ledger with the balances at its end and, if they are known, at its beginning.

    The balances of a single account may be an amount, in minor units, instead of a file.
    """

    ledger: MappedFile
    balances: MappedFile | int
    opening: MappedFile | int | None = None
    selection: Selection = field(default_factory=Selection)
    newest_first: bool = False


def books_of(
    files: Mapping[str, MappedFile],
    selection: Selection,
    *,
    balance: str | None = None,
    opening_balance: str | None = None,
    newest_first: bool = False,
) -> Books:
    """Return the books that files and options describe. Raise InputError when a side is missing or is there twice."""
    amounts = {"wallets": ("balance", balance), "opening": ("opening-balance", opening_balance)}
    sides: dict[str, MappedFile | int] = {name: files[name] for name in ("wallets", "opening") if name in files}
    for name, (option, text) in amounts.items():
        if text is None:
            continue
        if name in sides:
            raise InputError(f"--{option} and --{name} both give the balance; omit one of them")
        if selection.account is None:
            raise InputError(
                f"--{option} is the balance of one account; name it with --account ID, or give --{name} FILE"
            )
        sides[name] = _amount(option, text, selection)
    if "wallets" not in sides:
        raise InputError("give the balances with --wallets FILE, or with --account ID and --balance AMOUNT")
    if selection.since is not None and "opening" not in sides:
        raise InputError(
            f"--since {selection.since} leaves out the rows before that day, so that the balances before it are needed; give them with "
            "--opening FILE, or with --account ID and --opening-balance AMOUNT"
        )
    return Books(
        ledger=files["ledger"],
        balances=sides["wallets"],
        opening=sides.get("opening"),
        selection=selection,
        newest_first=newest_first,
    )


def mapped_files(
    paths: Mapping[str, Path],
    pairs: Sequence[str],
    options: Mapping[str, Sequence[str]],
    *,
    whole_ids: bool = False,
    match_ids: str | None = None,
) -> dict[str, MappedFile]:
    """Return the named files as the options describe them. Raise InputError for an option that cannot be used."""
    mappings = parse_mapping(pairs)
    chosen = {option: _for_each_file(option, texts) for option, texts in options.items()}
    return {
        file: MappedFile(
            InputFile(
                path,
                file_format(
                    [(name, texts[file]) for name, texts in chosen.items() if file in texts],
                    whole_ids=whole_ids,
                    match_ids=match_ids,
                ),
            ),
            mappings[file],
        )
        for file, path in paths.items()
    }


def read_options(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return the pairs of `--map` and the other options that a TOML file holds, with a table for each file.

    Raise InputError for what cannot be read, and for a table or key that is no file or option.
    """
    tables = tables_of(path)
    pairs: list[str] = []
    options: dict[str, list[str]] = {}
    for name, table in tables.items():
        if name not in FILES or not isinstance(table, dict):
            raise InputError(
                f"--options {shown(path)}: {name} is not a table of a file; the tables are {', '.join(FILES)}"
            )
        for key, value in table.items():
            if key == "map" and isinstance(value, dict):
                pairs += [f"{name}:{role}={column}" for role, column in value.items()]
            elif key in OPTIONS and isinstance(value, str | int) and not isinstance(value, bool):
                options.setdefault(key, []).append(f"{name}:{value}")
            else:
                raise InputError(
                    f"--options {shown(path)}: {name}.{key} is not an option; a table holds map, which names columns by role, and "
                    f"{', '.join(OPTIONS)}, each as text"
                )
    return pairs, options


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


def _amount(option: str, text: str, selection: Selection) -> int:
    try:
        return parse_amount(text, selection.digits)
    except ValueError as error:
        raise InputError(f"--{option} {text!r}: {error}") from error


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
