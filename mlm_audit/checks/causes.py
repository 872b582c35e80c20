"""The causes of breaks, each with a plain description and the first step. The keys are the causes that checks name."""

from mlm_audit.checks.trees.codes import CODES

CAUSES: dict[str, tuple[str, str]] = {
    "amount-not-positive": ("A withdrawal request has an amount of zero or less", "Reject the request"),
    "authorisation-differs": (
        "An entry differs from its authorisation",
        "Ask the approver which of the two is right; then reverse the difference or correct the authorisation",
    ),
    "authorised-not-posted": ("An authorised entry was never posted", "Post it, or withdraw the authorisation"),
    "binary-arithmetic": (
        "The platform computes shares in binary floating point and rounds down",
        "Compute shares with whole paisa and basis points; what was posted can stay as it is",
    ),
    "bonus-not-posted": (
        "A released bonus record has no ledger credit",
        "Post the bonus with an authorisation, or withdraw the record",
    ),
    "commission-above-total": (
        "An order allocates more to commission than the buyer paid",
        "Compare the order with its payment",
    ),
    "commission-above-total-systematic": (
        "Most orders allocate more to commission than the buyer paid",
        "Correct the platform's unit or rate before anything more is paid",
    ),
    "company-money-to-member": (
        "The company's money was posted to a member",
        "Find out who posted it, and move it back to the company",
    ),
    "counter-wrong": ("A purchase counter differs from the orders", "Set the counter from the orders"),
    "dated-before-source": (
        "A row is dated before the record that it follows from",
        "Find out which program or person wrote the date",
    ),
    "dated-in-future": ("A row is dated in the future", "Find out which program or person wrote the date"),
    "debited-in-other-unit": (
        "Withdrawals are debited with a hundredth of their amount",
        "Stop approving withdrawals until the unit is corrected; then settle each request",
    ),
    "decided-without-log": (
        "Commission was decided without a log row",
        "Recompute the eligibility, and complete the log",
    ),
    "decided-without-time": (
        "A decided record has no decision time",
        "Compare the record with the ledger, and fill in the time",
    ),
    "due-date-missing": ("An instalment has no due date", "Set the due date from the order"),
    "due-date-wrong": ("An instalment is due on the wrong day", "Set the due date from the order"),
    "eligibility-contradictory": (
        "Log rows of one member and month contradict each other",
        "Decide which row is right. Do not release or recover anything before that",
    ),
    "eligibility-month-unknown": ("The eligibility log names a month without orders", "Find out who wrote the row"),
    "eligibility-purchases": (
        "The purchases in the eligibility log differ from the orders",
        "Compare the member's orders of that month",
    ),
    "eligibility-kyc": (
        "The eligibility log says KYC was approved, but instalments are held for it",
        "Ask whether it was approved at the sweep; if not, decide the month's commission again",
    ),
    "eligibility-requirement": (
        "The requirement in the eligibility log differs from the plan",
        "Compare the plan with the platform's rule",
    ),
    "eligibility-three-three": (
        "The eligibility log has an impossible result for the 3-3 rule",
        "Recompute the member's eligibility",
    ),
    "eligibility-twice": ("The eligibility log has two rows for one member and month", "Remove the second row"),
    "eligibility-verdict": (
        "An eligibility verdict does not follow from its conditions",
        "Recompute the member's eligibility",
    ),
    "field-missing": ("A required field is empty", "Fill it from the records that the row follows from"),
    "given-up-early": (
        "An instalment was marked as permanently failed too early",
        "Requeue it with `mlm-audit payouts requeue`",
    ),
    "history-other-member": ("PayoutHistory names another member", "Set the member from the instalment"),
    "key-missing": (
        "A ledger row has no idempotency key",
        "Set the key of its source; without it, the amount can be posted again",
    ),
    "key-untrimmed": (
        "A ledger row's key has leading or trailing spaces",
        "Trim the key; otherwise the amount can be posted again",
    ),
    "log-amount-wrong": (
        "The rolled-up amount in the eligibility log is wrong",
        "Set the amount from CommissionRollup",
    ),
    "refund-misplaced": (
        "A refund was reversed on the wrong line",
        "Move the reversal to the line that is not yet reversed",
    ),
    "rollup-count-wrong": (
        "A CommissionRollup row has the wrong commission count",
        "Set the count from the commissions",
    ),
    "rollup-reference-wrong": ("A roll-up's credit references the wrong record", "Set the reference from the key"),
    "generated-by-other": (
        "A commission record names a different buyer from its order",
        "Correct the record, or the order's buyer",
    ),
    "instalment-without-order": (
        "An instalment names no order",
        "Find its order, or remove the instalment before it is due",
    ),
    "joining-not-released": (
        "A joining commission is not marked as released",
        "Compare it with the ledger, and correct the status",
    ),
    "key-wrong": (
        "A ledger row's key does not match its kind",
        "Correct the key; otherwise the amount can be posted again",
    ),
    "level-missing": ("A level commission names no level", "Set the level from the order"),
    "level-unexpected": ("A ledger row names a level, although its kind has none", "Remove the level"),
    "member-money-without-member": (
        "A member's money was posted without a member",
        "Find out which member it belongs to, and move it there",
    ),
    "monthly-stats-wrong": ("The month's statistics contradict the log", "Find out which of the two was changed"),
    "paid-other-amount": (
        "An instalment was paid with a different amount from the planned one",
        "Post or recover the difference",
    ),
    "paid-without-amount": (
        "A paid instalment has no paid amount",
        "Compare it with the ledger, and fill in the amount",
    ),
    "paid-while-held": (
        "A member was paid while an earlier instalment was held",
        "Ask whether the member qualified that day; if not, find out who paid it",
    ),
    "payout-overdue": ("Instalments are overdue", "Preview the payouts, then run them"),
    "record-kind-wrong": ("A commission record has the wrong type", "Set the type from the order"),
    "status-left-paid": ("A paid order was set back to pending", "Ask the shop whether it was paid"),
    "status-unknown": ("A paid order has an unknown status", "Ask the shop what the status means"),
    "sweep-overdue": ("A month's commission is undecided", "Preview the sweep of that month, then run it"),
    "stored-in-other-unit": (
        "A column holds amounts in another unit than the platform means",
        "Correct the program that writes the column, then the stored amounts",
    ),
    "undecided-with-amount": ("An unpaid instalment has a paid amount", "Compare it with the ledger, and correct it"),
    "undecided-with-time": ("An undecided record has a decision time", "Compare it with the ledger, and correct it"),
    "unsupported-entry": (
        "An adjustment or bonus without an authorisation",
        "Ask who made the entry; record the authorisation, or reverse the entry",
    ),
    "balance-after-wrong": (
        "A row's balanceAfter is wrong, but its amount is right",
        "Correct balanceAfter; no money is affected",
    ),
    "balance-after-missing": ("A row has no balanceAfter", "Set balanceAfter; no money is affected"),
    "balance-parted": (
        "The running balance differed from the ledger for some rows and then agreed again",
        "Find out what changed it: a row may have been deleted",
    ),
    "commission-amount-edited": (
        "The commissionable amount of an order was edited",
        "Restore the order's amount, and do not post anything for its lines",
    ),
    "commission-not-credited": ("A joining commission was recorded but never credited", "Post the credit"),
    "matrix-place-changed": (
        "A member's place in the matrix was changed",
        "Correct the place first, and do not reverse anything of the orders",
    ),
    "order-not-distributed": (
        "Nothing was posted for a paid order",
        "Ask the shop whether the order was paid. If it was, post its lines; otherwise cancel it. Do not post anything before that",
    ),
    "order-taken-back": (
        "All postings of a paid order were reversed",
        (
            "Ask the shop whether it was refunded. If it was, correct its status; otherwise post its lines again. "
            "Do not post anything before that"
        ),
    ),
    "order-of-other-version": (
        "Orders were split by another version of the plan",
        "Find out whether the plan's dates or the orders' times of payment were changed. Do not reverse anything before that",
    ),
    "not-in-ledger": (
        "A record has no ledger row, and the wallet does not show whether it has the amount",
        "Find out whether the wallet has the amount before you post anything",
    ),
    "withdrawal-requested-twice": (
        "The same withdrawal was requested twice and debited once",
        "Compare the requests with the bank statement. Do not debit anything before that",
    ),
    "commission-record-edited": ("A commission record was edited", "Compare it with the ledger, and restore it"),
    "commission-record-lost": ("A commission record is missing, but its credit exists", "Recreate the record"),
    "company-line-lost": ("The company's line of an order was never posted", "Post it"),
    "company-line-twice": ("The company's line of an order was posted twice", "Reverse the second posting"),
    "credit-posted-twice": ("A credit was posted twice", "Fix the idempotency key, then reverse the second credit"),
    "credit-without-release": ("Commission was credited without a release", "Recover it, or record the release"),
    "history-changed": ("Ledger history was changed", "Stop payouts, and find out who has write access to the ledger"),
    "history-deleted": ("A ledger row was deleted", "Stop payouts, and find out who has write access to the ledger"),
    "history-edited": ("A ledger row was edited", "Stop payouts, and find out who has write access to the ledger"),
    "history-inserted": (
        "A ledger row was inserted into a closed period",
        "Stop payouts, and find out who has write access to the ledger",
    ),
    "history-amount": ("PayoutHistory shows a different amount", "Correct the history row"),
    "history-missing": ("A payout has no PayoutHistory row", "Add the history row"),
    "history-twice": ("A payout has two PayoutHistory rows", "Cancel the second row"),
    "history-unexpected": ("PayoutHistory shows a payout that was not made", "Cancel the history row"),
    "inactive-upline": ("Commission went to an inactive upline", "Move it to the company"),
    "instalment-amount": ("An instalment has the wrong amount", "Correct the amount before it is due"),
    "instalment-doubled": ("An instalment is scheduled twice", "Remove the second instalment before it is due"),
    "instalment-missing": ("An instalment is missing", "Add it to the schedule"),
    "instalment-unexpected": ("An instalment does not follow from any order", "Remove it before it is due"),
    "joining-flag-wrong": (
        "The joining flag is on the wrong order",
        "Correct the flag first, and do not post anything for the order's lines before that",
    ),
    "ledger-row-lost": ("The wallet changed, but the ledger row is missing", "Post the missing ledger row"),
    "ledger-without-wallet": ("A ledger row was never applied to the wallet", "Apply the row to the wallet"),
    "lost-commission": ("A level commission was never paid", "Pay it"),
    "lost-payout": ("An instalment is marked as paid, but was never credited", "Pay it"),
    "commission-postdated": (
        "A commission is dated after the month of its order, and the sweep of that month left it undecided",
        "Find out who dated it, and sweep that month again",
    ),
    "missed-by-sweep": ("The sweep left commission undecided", "Sweep that month again"),
    "month-slip": (
        "Commission was decided in the wrong month",
        "Check the sweep's time zone, and decide the commission again",
    ),
    "no-such-level": ("Commission was posted at a level that the plan or the tree does not have", "Reverse it"),
    "order-data-missing": (
        "An order cannot be recomputed",
        "Complete the order or the plan first, and do not reverse anything before that",
    ),
    "order-not-paid": ("Commission for an order that was not paid", "Reverse it"),
    "other-ledger-type": (
        "A ledger row carries the key of one line but names a different kind, order, level or owner",
        "Correct the row to match its key, and do not pay anything",
    ),
    "order-buyer-changed": (
        "An order names a different buyer from all of its records",
        "Find out who edited the order, and restore its buyer. Do not move any postings",
    ),
    "overdrawn": ("A wallet is below zero", "Stop its withdrawals, and find the debit that caused it"),
    "paid-and-rolled-up": ("A level was paid and also rolled up", "Reverse one of the two"),
    "payout-not-marked": (
        "An instalment was credited but not marked paid",
        "Mark it as paid; otherwise it is paid again",
    ),
    "payout-without-schedule": ("A payout has no instalment in the schedule", "Recover it, or restore the schedule"),
    "posted-before-sweep": ("Repurchase commission was credited before the sweep", "Recover it"),
    "rate-of-other-version": ("The rate of another plan version was used", "Correct the platform's plan dates"),
    "recorded-twice": ("A commission is recorded twice", "Remove the second record before it is released"),
    "refund-commission-kept": ("A refunded order kept its commission", "Reverse it"),
    "release-not-posted": ("Released commission was never credited", "Post the credit"),
    "released-though-ineligible": ("Commission was released to an ineligible member", "Recover it"),
    "rolled-up-though-active": ("An active upline's commission went to the company", "Move it to the upline"),
    "rolled-up-though-eligible": ("An eligible member's commission was rolled up", "Release it"),
    "rollup-not-posted": ("A roll-up was never credited to the company", "Post the credit"),
    "rollup-posted-twice": ("A roll-up was credited to the company twice", "Reverse the second credit"),
    "rollup-record-lost": ("A roll-up has no CommissionRollup row", "Add the row"),
    "instalment-misnamed": (
        "An instalment names another order or number",
        "Correct the instalment's order and number, and do not add another instalment",
    ),
    "record-misnamed": (
        "A commission record names another order, level or kind",
        "Correct the record, and do not post anything",
    ),
    "rollup-record-misnamed": (
        "A roll-up's record names another member or month",
        "Set the record's member and month to those in the company's credit",
    ),
    "rollup-record-wrong": ("A CommissionRollup row shows a different amount", "Correct the row"),
    "rollup-without-record": ("A roll-up credit has no CommissionRollup row", "Reverse the credit, or add the row"),
    "rounding": ("A share was rounded the wrong way by one paisa", "Fix the platform's rounding"),
    "rounding-drift": ("A wallet drifted by a small amount", "The run corrects it; check whether it recurs"),
    "seal-broken": (
        "The sealed history is damaged",
        "Find out who has write access to the folder of snapshots, and restore it from a copy",
    ),
    "stored-run-changed": (
        "Stored runs were deleted or changed",
        "Find out who has write access to the toolkit's tables, and restore the rows from a backup",
    ),
    "several-causes": ("Wallet and ledger diverge in more than one place", "Examine each place in the evidence"),
    "unknown-word": ("A status, role or kind has an unknown value", "Ask what the value means, then correct it"),
    "unknown-ledger-type": (
        "No check covers this kind of ledger row",
        "Find out what the kind means, and add a check for it",
    ),
    "running-balance-file": (
        "A row of the ledger file is missing, inserted or changed",
        "Compare the rows around it with the statement",
    ),
    "control-total-differs": (
        "Two figures that have to be equal differ",
        "Follow the step that the finding states",
    ),
    "transaction-twice": ("A transaction was exported or posted twice", "Find out which of the two it is"),
    "unknown-member": ("Rows of a member who does not exist", "Restore the member, or move the rows"),
    "unknown-order": ("Rows of an order that does not exist", "Restore the order, or reverse the rows"),
    "wallet-moved-twice": (
        "One ledger row was applied to the wallet twice",
        "Correct the wallet by the amount of that row",
    ),
    "wallet-without-ledger": (
        "The wallet was changed without a ledger row",
        "Find out who changed it; then post the row or undo the change",
    ),
    "withdrawal-debited-twice": ("A withdrawal was debited twice", "Credit the second debit back"),
    "withdrawal-not-approved": ("A withdrawal was debited without approval", "Credit it back"),
    "withdrawal-not-debited": (
        "An approved withdrawal was never debited",
        "Debit it; otherwise the money can be withdrawn again",
    ),
    "withdrawal-without-request": ("A debit has no withdrawal request", "Find out who made the debit"),
    "wrong-amount": ("An amount differs from the amount that the records give", "Post the difference"),
    "wrong-beneficiary": ("Money went to the wrong member", "Move it to the right member"),
    "wrong-level": ("Commission was posted at the wrong level", "Move it to the right level"),
    "balance-differs": ("The balance differs from the sum of the ledger", "Compare the account's rows one by one"),
    "follows-from-order-line": (
        "The break follows from another break of the same order or instalment",
        "Resolve that break",
    ),
    "unexplained": ("The data do not prove a cause", "Investigate the evidence rows"),
}

CAUSES |= {name: (code.title, code.do) for name, code in CODES.items()}


def describe_cause(cause: str) -> str:
    """Return the description of a cause. An unknown cause, as of a user's own check, is returned unchanged."""
    return CAUSES.get(cause, (cause, ""))[0]


def first_step(cause: str) -> str:
    """Return the first step for a cause. For an unknown cause, it is to read the header of the check."""
    return CAUSES.get(cause, ("", "Read the header of the check with `mlm-audit checks show CODE`"))[1]
