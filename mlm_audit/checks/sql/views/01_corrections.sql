-- Ledger rows that correct another row and name it by their key: REVERSAL_<ledger id> or RECOVERY_<ledger id> (docs/analysts/remedies.md).
-- type, reference_id, level_depth, of_ref and of_user_id are those of the named row: a correction counts with the source of that row.
with named as (
    select
        id,
        user_id,
        type,
        amount_paisa,
        created_at,
        try_cast(split_part(trim(ref), '_', 2) as BIGINT) as of_id
    from noted_rows
    where substr(trim(ref), 1, 9) in ('REVERSAL_', 'RECOVERY_')
)

select
    n.id as ledger_id,
    n.user_id,
    n.type as own_type,
    n.amount_paisa,
    n.created_at,
    l.id as of_id,
    l.amount_paisa as of_paisa,
    l.type,
    l.reference_id,
    l.level_depth,
    l.ref as of_ref,
    l.user_id as of_user_id
from ledger as l
inner join named as n on l.id = n.of_id
-- A row cannot correct itself, and a row with the same sign corrects nothing.
where n.id <> l.id and not coalesce((n.amount_paisa > 0 and l.amount_paisa > 0) or (n.amount_paisa < 0 and l.amount_paisa < 0), false)
