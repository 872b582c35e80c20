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
        "Sponsor cycle",
        "Members sponsor each other in a cycle, or a member is their own sponsor: people were registered by members whom they had registered.",
        "Intent: a wrongly merged or edited record creates a cycle as well.",
        "Find out when and by whom the sponsors were set; `mlm-audit run tree-health` shows the cycle.",
    ),
    "bank-account": MisuseText(
        "One bank account for several members",
        "Payouts of several members go to one account: one person may control several memberships.",
        "Misuse: families share accounts, and an agent may have entered their own account.",
        "Check whether these members are in one line of the matrix, and whether they buy for themselves.",
    ),
    "pan": MisuseText(
        "One PAN for several members",
        "A PAN belongs to one person: either that person has several memberships, or the number is wrong.",
        "Identity: it does not show which of the members is the real holder.",
        "Review the documents that were submitted, and when each was approved.",
    ),
    "phone": MisuseText(
        "One telephone for several members",
        "Several members have the same number, possibly in different spellings: one person may control several memberships.",
        "Misuse: families share telephones.",
        "Check whether they also share an account or a sponsor.",
    ),
    "last-day-order": MisuseText(
        "Last-day orders to reach the month's required purchases",
        "On the last business day, orders lifted the month's purchases over the amount that eligibility requires, by less than a tenth "
        "of it: the purchase was for the commission and not for the goods.",
        "Intent: anybody may buy on the last day. One month means little; several months in a row mean more.",
        "Review the months of the members at the top of the list, and who paid for their orders.",
    ),
    "sign-up-burst": MisuseText(
        "Bursts of sign-ups",
        "Many members signed up under one sponsor within an hour or a day, far more than is usual for that sponsor. Such members "
        "are often invented.",
        "Misuse: an event, or a list that was entered at once, looks the same.",
        "Check whether the new members ever ordered, and from which addresses and accounts.",
    ),
    "dormant-upline": MisuseText(
        "Commission to uplines who do not buy",
        "Members were credited level commission six months or more after their last own order.",
        "A violation: the plan may allow it, because joining commission requires no purchase.",
        "Check whether the member is really still active, and who has the account's password.",
    ),
    "quick-withdrawal": MisuseText(
        "Withdrawals right after a release",
        "Nearly the whole wallet was requested within an hour of a release of repurchase commission: a person or a script was waiting "
        "for the release.",
        "Misuse: a member who needs the money requests it at once.",
        "Check whether the same members reach the month's purchases on its last day and refund the orders afterwards.",
    ),
}
