-- One row for a change of sums where no ledger row can be named, with the columns of moved_rows.sql.
select
    0::BIGINT as ledger_id,
    null::BIGINT as member_id,
    'changed' as change,
    {before_paisa}::BIGINT as before_paisa,
    {after_paisa}::BIGINT as after_paisa,
    null::VARCHAR as before_row,
    null::VARCHAR as after_row,
    '{what}' as what,
    '{key}' as key
