-- code: seal-broken
-- title: The sealed history is damaged
-- severity: critical
-- needs: seal_problems
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: seal-broken
-- proves: The log of what was sealed is whole and the one that the last run saw, and every sealed file is as it was sealed.
-- do: See who could write to the folder of snapshots; then `mlm-audit seals verify`, `seals rebuild MONTH` where the platform still has the rows, or `seals restart --reason …` where the folder is lost.
-- message: {what}.
select
    null::BIGINT as member_id,
    null::BIGINT as amount_paisa,
    what,
    'seal-broken' as cause,
    [{'table': 'snapshots', 'id': key}] as evidence,
    key
from seal_problems
