"""Whether a check applies to a platform: what the platform does not keep, and what it does by another convention."""

from collections.abc import Sequence

from mlm_audit.checks.catalogue import Check
from mlm_audit.platforms.conventions import CONVENTIONS_IN_WORDS, STANDARD
from mlm_audit.platforms.mapping import Mapping

MISSTATED = "misstated amounts"
"""The requirement of a check about amounts that the mapping declares as stored in another unit than the one meant."""

CONTROL_TOTALS = "control totals"
"""The requirement of the check of the control totals that a mapping declares."""


def checks_for(checks: Sequence[Check], mapping: Mapping | None) -> list[Check]:
    """Return the checks without those that are about a peculiarity which this platform does not have."""
    return [check for check in checks if not is_peculiar(check) or why_not_applicable(check, mapping) is None]


def why_not_applicable(check: Check, mapping: Mapping | None) -> str | None:
    """Return why a check does not apply to a platform; None when it applies. The standard platform has no mapping."""
    absent = {} if mapping is None else mapping.absent
    for name in check.needs:
        if name in absent and name not in check.optional:
            return absent[name]
    conventions = STANDARD if mapping is None else mapping.conventions
    for required in check.requires:
        name, _, value = required.partition("=")
        if required == MISSTATED:
            if mapping is None or not any(table.misstated for _, table in mapping.tables()):
                return "no amount is declared as stored in another unit than the platform means"
        elif required == CONTROL_TOTALS:
            if mapping is None or not mapping.control_totals:
                return "the mapping declares no control totals"
        elif not value and name in absent:
            return absent[name]
        elif value and (found := getattr(conventions, name)) != value:
            return CONVENTIONS_IN_WORDS[name, str(found)]
    return None


def is_peculiar(check: Check) -> bool:
    """Return whether the check is about something that the standard platform does not have."""
    return any(
        required in (MISSTATED, CONTROL_TOTALS)
        or ("=" in required and getattr(STANDARD, required.partition("=")[0]) != required.partition("=")[2])
        for required in check.requires
    )
