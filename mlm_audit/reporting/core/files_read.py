"""The files of a run in words: the rows read, and the records that were counted independently of the reader."""

from collections.abc import Mapping
from typing import Any

from mlm_audit.domain.counts import ReconciliationCounts
from mlm_audit.domain.findings import RunResult
from mlm_audit.domain.money import grouped, plural


def files_read(result: RunResult) -> tuple[str, ...]:
    """Return one line for each file of a reconciliation. The result is empty when the run read a database."""
    files = (result.counts.files or {}).values() if isinstance(result.counts, ReconciliationCounts) else ()
    return tuple(f"{known['file']}: {read_in_words(known)}" for known in files)


def read_in_words(known: Mapping[str, Any]) -> str:
    """Return the number of rows in a file, and how many of its lines are not rows and why."""
    text = f"{plural(known['rows'], 'row')}, and {plural(known['records'], 'record')} in an independent count"
    if "lines" not in known:
        return text
    others = (
        ("skipped_lines", "skipped above the header"),
        ("blank_lines", "blank"),
        ("footer_lines", "skipped at the end"),
    )
    parts = [f"header on line {grouped(known['header_line'])}"]
    parts += [f"{grouped(known[name])} {words}" for name, words in others if known[name]]
    if known["multi_line_records"]:
        parts.append(f"{plural(known['multi_line_records'], 'record')} spanning several lines")
    return f"{text}; {plural(known['lines'], 'line')} ({', '.join(parts)})"
