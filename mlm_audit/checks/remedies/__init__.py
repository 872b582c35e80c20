"""Remedies: for each break the exact steps that put it right, or the decision that a person must take. Data in, data out."""

from mlm_audit.checks.remedies.declared import remedy_of
from mlm_audit.checks.remedies.model import (
    Alternative,
    Correction,
    Insertion,
    Posting,
    Remedy,
    Removal,
    Row,
    Step,
    WalletCorrection,
)

__all__ = [
    "Alternative",
    "Correction",
    "Insertion",
    "Posting",
    "Remedy",
    "Removal",
    "Row",
    "Step",
    "WalletCorrection",
    "remedy_of",
]
