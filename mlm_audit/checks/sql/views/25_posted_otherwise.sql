-- Ledger rows with the key of an apparently missing row: they are that row, even if they name another kind, owner or reference.
-- Posting the row again would pay twice. Keys are compared without regard to spaces and case.
select
    l.id as ledger_id,
    l.user_id,
    l.type,
    l.reference_id,
    l.level_depth,
    l.amount_paisa,
    l.ref,
    m.break_id,
    -- If the key has a different amount or owner, a person must compare the rows.
    coalesce(l.amount_paisa = m.lost_paisa and l.user_id = m.member_id, false) as is_same
from (
    select
        id,
        user_id,
        type,
        reference_id,
        level_depth,
        amount_paisa,
        ref,
        upper(trim(ref)) as key
    from ledger
    where ref is not null and (select count(*) from missing_credits where whole) > 0
) as l
inner join (select distinct key, break_id, lost_paisa, member_id from missing_credits where whole) as m on l.key = m.key
