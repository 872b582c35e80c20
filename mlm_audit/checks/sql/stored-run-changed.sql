-- code: stored-run-changed
-- title: Stored runs were deleted or changed
-- severity: critical
-- needs: run_problems
-- requires: none
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: stored-run-changed
-- follows: none
-- explains: none
-- proves: Every stored run, its breaks and the job log in the platform's database agree with the log in the folder of snapshots.
-- do: Find out who could write to the toolkit's tables, and restore the rows from a backup. After an agreed removal, run `mlm-audit seals acknowledge BREAK_ID --by NAME --reason …`; after the database was replaced, run `mlm-audit seals restart --reason …`.
-- message: {what}.
select
    null::BIGINT as member_id,
    null::BIGINT as amount_paisa,
    what,
    'stored-run-changed' as cause,
    [{'table': table_name, 'id': ids}] as evidence,
    key
from run_problems
