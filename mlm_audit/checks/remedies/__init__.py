"""Remedies: for each break the exact steps that correct it, or the decision that a person must make.

Remedies are computed from data and returned as data. Nothing is posted or changed here.
"""

from mlm_audit.checks.remedies.rules import remedy_of
from mlm_audit.domain.remedies import (
    Alternative,
    FieldCorrection,
    Insertion,
    Remedy,
    RemedyPosting,
    Removal,
    RowReference,
    Step,
    WalletCorrection,
)

__all__ = [
    "Alternative",
    "FieldCorrection",
    "Insertion",
    "Remedy",
    "RemedyPosting",
    "Removal",
    "RowReference",
    "Step",
    "WalletCorrection",
    "remedy_of",
]
