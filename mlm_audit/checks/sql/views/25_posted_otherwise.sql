-- Ledger rows that have the key of a row that seems to be lacking: they are it, whatever kind, owner or reference they name.
-- Posting once more would pay twice. Keys are compared without regard to spaces and case.
select
    l.id as ledger_id,
    l.user_id,
    l.type,
    l.reference_id,
    l.level_depth,
    l.amount_paisa,
    l.ref,
    m.break_id,
    -- Another amount or owner under the key is for a person to compare.
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
