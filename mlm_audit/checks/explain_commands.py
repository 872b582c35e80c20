"""Where a break is looked at more closely: the command that explains what it is about."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from mlm_audit.checks.trees.codes import CODES

PROGRAM = "mlm-audit explain"
OF_WALLETS = ("wallet-balance", "running-balance", "negative-wallet", "withdrawals")
OF_PAYOUTS = ("payout-ledger", "payout-history", "duplicate-credit/payout")
OF_MONTHS = ("release-ledger", "rollup-ledger", "decision-against-log", "duplicate-credit/release")
OF_ORDERS = (
    "commission-",
    "company-posting",
    "conservation",
    "duplicate-credit/commission",
    "instalments",
    "joining-flag",
    "order-",
    "refund-not-reversed",
)
OF_THE_PLATFORM = ("order-amount", "order-version")
"""What only a look at every order can tell: an explanation of one order does not see it."""


def explain_command(row: Mapping[str, Any]) -> str:
    """The command that explains a break, by its code and key; where nothing else does, the break itself is explained."""
    name, member, order = str(row["id"]), row["member_id"], row["order_id"]
    last = name.rsplit("/", maxsplit=1)[-1]
    month = re.search(r"/(\d{4})(\d{2})(/|$)", name)
    if row["code"] not in CODES:
        if name.startswith(OF_WALLETS) and member is not None:
            return f"{PROGRAM} member {member}"
        if name.startswith(OF_PAYOUTS) and last.isdecimal() and row.get("cause") != "payout-without-schedule":
            return f"{PROGRAM} payout {last}"
        if name.startswith(OF_MONTHS) and month and member is not None:
            return f"{PROGRAM} eligibility {member} --month {month[1]}-{month[2]}"
        if name.startswith(OF_ORDERS) and not name.startswith(OF_THE_PLATFORM) and order is not None:
            return f"{PROGRAM} order {order}"
    return f"{PROGRAM} issue {shlex.quote(name)}"
