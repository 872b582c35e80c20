"""Issues of the sponsor tree, and of its members' eligibility flags."""

from typing import Any

import polars as pl

from mlm_audit.checks.trees.closure import ClosureChange
from mlm_audit.checks.trees.closure_records import Records
from mlm_audit.checks.trees.edges import SPONSOR, broken_edges, roots_of, surplus_roots
from mlm_audit.checks.trees.facts import TreeArrays
from mlm_audit.checks.trees.forest import NO_TIME, Rows
from mlm_audit.checks.trees.issues import Issue, Picture

FLAG = "eligibility-flag"


def sponsor_issues(facts: TreeArrays, records: Records) -> list[Issue]:
    """Return all issues of the sponsor tree. A lost sponsor whom the matrix also lost is reported there, once."""
    forest = facts.sponsors

    def sponsor_id(row: int) -> Any:
        return facts.given.members["sponsor_id"][int(row)]

    issues = [
        issue
        for issue in broken_edges(forest, SPONSOR, sponsor_id)
        if issue.code != "sponsor-unknown" or sponsor_id(issue.rows[0]) not in records.sponsored_by_missing
    ]
    issues += _later(facts, sponsor_id)
    roots = _member_roots(facts)
    if roots.size:
        first = min(roots.tolist(), key=lambda row: (facts.created_at[row] == NO_TIME, int(facts.created_at[row]), row))
        issues += surplus_roots(forest, SPONSOR, roots.tolist(), first, sponsor_id)
    return issues


def _member_roots(facts: TreeArrays) -> Rows:
    """Return the roots that are members. An administrator who has sponsored nobody is not one."""
    roots = roots_of(facts.sponsors)
    if len(roots) == 1:
        return roots
    is_user = facts.is_member.to_numpy()[roots]
    return roots[is_user | (facts.sponsors.size[roots] > 1)]


def _later(facts: TreeArrays, sponsor_id: Any) -> list[Issue]:
    forest, issues = facts.sponsors, []
    created = facts.given.members["created_at"]
    for row in facts.younger.tolist():
        name, above = forest.name(row), int(forest.up[row])
        text = f"member {name} joined on {created[row]:%Y-%m-%d %H:%M} UTC, before their sponsor {sponsor_id(row)} ({created[above]:%Y-%m-%d %H:%M} UTC)"
        evidence = tuple(
            {"table": "users", "id": forest.name(r), "sponsor_id": sponsor_id(r), "created_at": created[r].isoformat()}
            for r in (row, above)
        )
        picture = Picture("around", "sponsor", (row,))
        issues.append(Issue("sponsor-later", str(name), name, text, evidence, "sponsor", (row,), picture=picture))
    return issues


def flag_issues(facts: TreeArrays) -> list[Issue]:
    """Return the issues of members whose flag is not what was decided; none if no decision is known."""
    given = facts.given
    if given.decided is None:
        return []
    wanted = pl.col("is_eligible").fill_null(value=False)
    flags = given.members.select("id", "is_eligible_repurchase").join(
        given.decided, left_on="id", right_on="member_id", how="left"
    )
    wrong = flags.filter(pl.col("is_eligible_repurchase").fill_null(value=False) != wanted).sort("id")
    return [_flag_issue(facts, *row) for row in wrong.select("id", "is_eligible_repurchase", wanted).iter_rows()]


def _flag_issue(facts: TreeArrays, member_id: int, flag: bool | None, wanted: bool) -> Issue:  # noqa: FBT001
    text = f"member {member_id} is flagged {'eligible' if flag else 'not eligible'}; {facts.given.decided_by} says {'eligible' if wanted else 'not eligible'}"
    evidence = ({"table": "users", "id": member_id, "is_eligible_repurchase": flag, "should_be": wanted},)
    row = facts.member_index.row(member_id)
    change = ClosureChange(FLAG, "flag", member_id, 0, member_id, int(wanted), None if flag is None else int(flag))
    return Issue(FLAG, str(member_id), member_id, text, evidence, "sponsor", (row,), changes=(change,))


def meets_three_three(members: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return whether each member meets the 3-3 rule today: columns member_id, is_eligible.

    The rule asks for `count` direct members who have as many direct members each.
    """
    directs = members.drop_nulls("sponsor_id").group_by("sponsor_id").len("directs")
    full = directs.filter(pl.col("directs") >= count)
    good = members.join(full, left_on="id", right_on="sponsor_id", how="semi")
    met = good.drop_nulls("sponsor_id").group_by("sponsor_id").len("full").filter(pl.col("full") >= count)
    return members.select(
        pl.col("id").alias("member_id"), pl.col("id").is_in(met["sponsor_id"].implode()).alias("is_eligible")
    )
