"""The options of `tree check-file` that a TOML file holds, in the same form as those of `reconcile-files`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlm_audit.domain.errors import InputError
from mlm_audit.engine.files.format import shown
from mlm_audit.engine.files.options_file import tables_of

COLUMNS = ("id", "parent", "path", "left", "right", "ancestor", "depth", "level", "name")
TEXTS = (
    "separator",
    "match-ids",
    "delimiter",
    "quote",
    "encoding",
    "skip-lines",
    "skip-footer",
    "sheet",
)
LISTS = ("root-value",)
SWITCHES = ("edges", "path-ends-with-parent", "whole-ids")
OPTIONS = (*TEXTS, *LISTS, *SWITCHES)


def with_options_file(path: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the command line together with those of a file, by the option's name.

    An option that was not given is None, False or an empty list in `given`. Raise InputError for a file that cannot be
    read, for what is no option, and for an option that the command line and the file state differently.
    """
    if path is None:
        return dict(given)
    chosen = dict(given)
    for name, value in _read(path).items():
        if given[name] not in (None, False, [], value):
            raise InputError(f"--{name} {given[name]}: {shown(path)} states it as {value}; give it once")
        chosen[name] = value
    return chosen


def _read(path: Path) -> dict[str, Any]:
    tables = tables_of(path)
    table = tables.pop("tree", None)
    if tables or not isinstance(table, dict):
        raise InputError(f"--options {shown(path)}: it needs one table, which is called tree, and no others")
    columns = table.pop("map", {})
    if not isinstance(columns, dict):
        raise InputError(f"--options {shown(path)}: tree.map is a table of columns by role: {', '.join(COLUMNS)}")
    return {_known(path, name, value, COLUMNS, f"map.{name}"): value for name, value in columns.items()} | {
        _known(path, name, value, OPTIONS, name): str(value) if name in TEXTS else value
        for name, value in table.items()
    }


def _known(path: Path, name: str, value: object, names: tuple[str, ...], key: str) -> str:
    """Return a name that is one of `names`. Raise InputError when it is not, or when its value has another type."""
    if name not in names:
        raise InputError(
            f"--options {shown(path)}: tree.{key} is not an option; map names the columns {', '.join(COLUMNS)}, and beside it are "
            f"{', '.join(OPTIONS)}"
        )
    if name in SWITCHES:
        fits, needed = isinstance(value, bool), "true or false"
    elif name in LISTS:
        fits, needed = isinstance(value, list) and all(isinstance(one, str) for one in value), "a list of texts"
    else:
        fits, needed = isinstance(value, str) or (type(value) is int and name in TEXTS), "a text"
    if not fits:
        raise InputError(f"--options {shown(path)}: tree.{key} is {value!r}; it has to be {needed}")
    return name
