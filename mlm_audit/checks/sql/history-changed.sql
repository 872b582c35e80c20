-- code: history-changed
-- title: Ledger history was changed
-- severity: critical
-- needs: ledger, ledger_changes
-- requires: none
-- optional: none
-- determines: none
-- about: issue
-- slices: none
-- local: yes
-- causes: history-changed, history-deleted, history-edited, history-inserted
-- follows: none
-- explains: none
-- proves: No ledger row of a sealed month or of the last run's snapshot was changed or deleted afterwards, and no row was inserted.
-- do: Stop payouts: a ledger is append-only. Find out who could write to the database. Restore the row as it was; or, if its month is open and the change is right, run `mlm-audit seals acknowledge BREAK_ID --by NAME --reason …`.
-- message: {what}: the amount was {before_paisa} and is now {after_paisa}.
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
