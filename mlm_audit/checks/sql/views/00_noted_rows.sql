-- Ledger rows that a check must examine one by one, found in one pass: rows with empty fields or with an owner, level or key that
-- does not match the kind, adjustments and bonuses, and rows that name another row as the one that they correct.
select
    l.*,
    t.is_company,
    t.has_level
from ledger as l
left join ledger_types as t on l.type = t.type
where
    l.amount_paisa is null
    or l.type is null
    or l.created_at is null
    or t.is_company <> (l.user_id is null)
    or t.has_level <> (l.level_depth is not null)
    or l.level_depth < 1
    or l.type in ('adjustment', 'bonus')
    or l.ref is null
    or l.ref = ''
    or l.ref like ' %'
    or l.ref like '% '
    or l.ref like 'REVERSAL%'
    or l.ref like 'RECOVERY%'
    or (l.type = 'self_payout' and l.amount_paisa > 0 and l.ref is distinct from 'SELF_PAYOUT_' || l.reference_id)
    or (
        l.type = 'commission_rollup' and l.amount_paisa > 0
        and (
            try_cast(split_part(l.ref, '_', 2) as BIGINT) is null
            or coalesce(try_cast(split_part(l.ref, '_', 3) as BIGINT) % 100, 0) not between 1 and 12
        )
    )
