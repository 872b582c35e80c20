-- code: seal-broken
-- title: The sealed history is damaged
-- severity: critical
-- needs: seal_problems
-- requires: none
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: seal-broken
-- follows: none
-- explains: none
-- proves: The log of the seals is complete and is the one that the last run read, and every sealed file is unchanged.
-- do: Find out who could write to the folder of snapshots, and run `mlm-audit seals verify`. If the platform still has the rows, run `seals rebuild MONTH`. If the folder is lost, run `seals restart --reason …`.
-- message: {what}.
select
    null::BIGINT as member_id,
    null::BIGINT as amount_paisa,
    what,
    'seal-broken' as cause,
    [{'table': 'snapshots', 'id': key}] as evidence,
    key
from seal_problems
