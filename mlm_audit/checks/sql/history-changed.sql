-- code: history-changed
-- title: Ledger history was changed
-- severity: critical
-- needs: ledger, ledger_changes
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: history-changed, history-deleted, history-inserted
-- proves: No ledger row of a sealed month, and none that the last run saw, was changed, deleted or slipped in afterwards.
-- do: Stop payouts; a ledger is append-only. Ask who could write to the database. Put the row back as it was; or, where its month is open and the change is right, `mlm-audit seals acknowledge BREAK_ID --by NAME --reason …`.
-- message: {what}: {before_paisa} before, {after_paisa} now.
select
    member_id,
    coalesce(after_paisa, 0) - coalesce(before_paisa, 0) as amount_paisa,
    ledger_id,
    what,
    coalesce(before_paisa, 0) as before_paisa,
    coalesce(after_paisa, 0) as after_paisa,
    'history-' || change as cause,
    [{'table': 'ledger', 'id': ledger_id, 'before': before_row, 'after': after_row}] as evidence,
    key
from ledger_changes
