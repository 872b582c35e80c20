"""The command that explains a break, derived from the subject that its check declares."""

import re
import shlex

from mlm_audit.checks.catalogue import built_in_checks
from mlm_audit.domain.findings import Finding

PROGRAM = "mlm-audit explain"


def explain_command(finding: Finding) -> str:
    """Return the command that explains a break, from its id, code, member, order and cause.

    The command explains the break itself if the break does not name the subject of its check, or the check is a user's
    own.
    """
    name, member, order = finding.id, finding.member_id, finding.order_id
    about, last = _about(finding), name.rsplit("/", maxsplit=1)[-1]
    month = re.search(r"/(\d{4})(\d{2})(/|$)", name)
    if about == "member" and member is not None:
        return f"{PROGRAM} member {member}"
    if about == "payout" and last.isdecimal() and finding.cause != "payout-without-schedule":
        return f"{PROGRAM} payout {last}"
    if about == "month" and month and member is not None:
        return f"{PROGRAM} eligibility {member} --month {month[1]}-{month[2]}"
    if about == "order" and order is not None:
        return f"{PROGRAM} order {order}"
    return f"{PROGRAM} issue {shlex.quote(name)}"


def _about(finding: Finding) -> str:
    check = built_in_checks().get(finding.code)
    if check is None:
        return "issue"
    first = finding.id.removeprefix(f"{check.code}/").partition("/")[0]
    return check.about.get("") or check.about.get(first, "issue")
