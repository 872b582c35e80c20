"""Texts of the misuse patterns: meaning, limits and next step. Full sentences, written for the person who decides."""

from typing import NamedTuple


class MisuseText(NamedTuple):
    """One pattern: its name, what it means, what it does not prove, and what to review next."""

    name: str
    means: str
    not_proof: str
    next_step: str


PATTERNS: dict[str, MisuseText] = {
    "sponsor-ring": MisuseText(
        "Sponsors in a ring",
        "Members who sponsor each other in a circle, or themselves: somebody has been registered by people whom they had registered.",
        "Intent: a wrongly merged or edited record makes a ring too.",
        "When and by whom the sponsors were set; `mlm-audit run tree-health` shows the ring.",
    ),
    "bank-account": MisuseText(
        "One bank account for several members",
        "Payouts of several members arrive in one account: one person may stand behind several memberships.",
        "Families share accounts, and an agent may have typed their own.",
        "Whether these members are in one line of the matrix, and whether they buy for themselves.",
    ),
    "pan": MisuseText(
        "One PAN for several members",
        "A PAN belongs to one person: that person has several memberships, or the number is wrong.",
        "Which of the members is the real holder.",
        "The documents that were handed in, and when each was approved.",
    ),
    "phone": MisuseText(
        "One telephone for several members",
        "The same number written in different ways: one person may stand behind several memberships.",
        "Families share telephones.",
        "Whether they share an account or a sponsor as well.",
    ),
    "last-day-order": MisuseText(
        "Orders to reach the month's purchases on its last day",
        "On the last business day the month's purchases were lifted just over what eligibility asks for, by less than a tenth: bought "
        "for the commission, not for the goods.",
        "Anybody may buy on the last day; one month means little, several in a row mean more.",
        "The months of the members at the top, and who paid for their orders.",
    ),
    "sign-up-burst": MisuseText(
        "Bursts of sign-ups",
        "Many members signed up under one sponsor within an hour or a day, far more than is usual for that sponsor: made-up members, "
        "often.",
        "An event or a list that was entered in one go looks the same.",
        "Whether the new members ever ordered, and from which addresses and accounts.",
    ),
    "dormant-upline": MisuseText(
        "Commission to uplines who do not buy",
        "Members were credited level commission six months or more after their last own order.",
        "The plan may allow it: joining commission asks for no purchase.",
        "Whether the member still is active in truth, and who has the account's password.",
    ),
    "quick-withdrawal": MisuseText(
        "Withdrawals right after a release",
        "Within an hour of a release of repurchase commission nearly the whole wallet was asked for: somebody, or a script, was waiting.",
        "Who needs the money asks for it at once.",
        "Whether the same members reach the month's purchases on its last day, and refund afterwards.",
    ),
}
