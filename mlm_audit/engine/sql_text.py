"""SQL texts that lie beside the modules that use them, in a folder `sql`, so that an auditor can read them."""

from importlib import resources


def sql_of(package: str, name: str, **parts: str) -> str:
    """Return the text of `sql/<name>.sql` in a package, without comment lines, with each {part} filled in.

    Raise KeyError when a part is missing.
    """
    text = resources.files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("--"))
    return "\n".join(lines).strip().format(**parts)
