"""The conventions of a platform: choices in which platforms with the same plan differ, and which the checks follow."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Conventions(BaseModel):
    """What a platform does where the plan leaves a choice. The defaults are those of the standard platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    withdrawal_debited: Literal["on_approval", "on_request"] = "on_approval"
    """When a withdrawal leaves the wallet. On request, every withdrawal that was not rejected is debited."""
    withdrawal_debit: Literal["amount", "hundredth"] = "amount"
    """What a withdrawal debits: its amount, or by a fault of the platform a hundredth of it.

    A hundredth is debited where rupees are read as paisa. All such withdrawals are one finding.
    """
    repurchase_credited: Literal["by_sweep", "at_once"] = "by_sweep"
    """Whether repurchase commission waits for the monthly sweep, or is credited together with its order."""
    three_three_applies: Literal["per_month", "per_order"] = "per_month"
    """Whether the 3-3 rule decides a month, or each level of a repurchase at the time when the order is paid.

    Per order, a level that fails the rule is rolled up to the company.
    """
    eligibility_flag: Literal["month", "three_three"] = "month"
    """What the flag `isEligibleRepurchase` means: eligible in the last month, or that the 3-3 rule is met."""
    arithmetic: Literal["exact", "binary_floor"] = "exact"
    """How the platform computes a share: exactly, or in binary floating point, rounded down.

    In binary floating point, 70 % of 21,000 paisa is 14,699. Such differences are one finding with their total.
    """
    payout_gate: Literal["kyc", "no_kyc"] = "kyc"
    """Whether an instalment is paid only to a member whose KYC is approved. In both cases the member is active."""
    ledger_keys: Literal["toolkit", "platform"] = "toolkit"
    """Whether the key of a ledger row has the form that the toolkit writes, or a form of the platform's own."""
    commission_records_from: date | None = None
    """The business day from which the platform keeps commission records. Before it, only the ledger has the lines."""


STANDARD = Conventions()
CONVENTIONS_IN_WORDS = {
    ("withdrawal_debited", "on_approval"): "a withdrawal is debited when it is approved",
    ("withdrawal_debited", "on_request"): "a withdrawal is debited when it is requested",
    ("withdrawal_debit", "amount"): "a withdrawal debits its amount",
    ("withdrawal_debit", "hundredth"): "a withdrawal debits a hundredth of its amount",
    ("repurchase_credited", "by_sweep"): "repurchase commission waits for the monthly sweep",
    ("repurchase_credited", "at_once"): "repurchase commission is credited with its order, and no sweep decides it",
    ("three_three_applies", "per_month"): "the 3-3 rule applies to a month",
    ("three_three_applies", "per_order"): "the 3-3 rule applies to each order",
    ("eligibility_flag", "month"): "the flag means that the member was eligible in the last month",
    ("eligibility_flag", "three_three"): "the flag means that the member meets the 3-3 rule",
    ("arithmetic", "exact"): "shares are computed exactly",
    ("arithmetic", "binary_floor"): "shares are computed in binary floating point",
    ("payout_gate", "kyc"): "an instalment is paid only when the member's KYC is approved",
    ("payout_gate", "no_kyc"): "an instalment is paid whether or not the member's KYC is approved",
    ("ledger_keys", "toolkit"): "the keys of ledger rows have the toolkit's form",
    ("ledger_keys", "platform"): "the keys of ledger rows have a form of the platform's own",
}
"""Convention and value → what the platform does, as a clause."""
