-- code: stored-run-changed
-- title: Stored runs were deleted or changed
-- severity: critical
-- needs: run_problems
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: stored-run-changed
-- proves: Every stored run, its breaks and the job log are in the platform's database as the log in the folder of snapshots has them.
-- do: Ask who could write to the toolkit's tables, and put the rows back from a backup. After an agreed removal: `mlm-audit seals acknowledge BREAK_ID --by NAME --reason …`; after the database was replaced: `mlm-audit seals restart --reason …`.
-- message: {what}.
select
    null::BIGINT as member_id,
    null::BIGINT as amount_paisa,
    what,
    'stored-run-changed' as cause,
    [{'table': table_name, 'id': ids}] as evidence,
    key
from run_problems
